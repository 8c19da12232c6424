//! Whether the edge lives, is ready, and how well it is.

use links::redis::{Cluster, Failing, Slot};
use serde::Serialize;

use crate::directory::Directory;
use crate::publish::{BUFFERED_WINS, Publisher};
use crate::stage::Stages;

/// Looks at what the edge depends on; asks nobody.
pub struct Health {
    /// Whether events are known.
    pub directory: Directory,
    /// Whether slots have masters.
    pub cluster: Cluster,
    /// Whether wins get through.
    pub publisher: Publisher,
    /// Whether the edge is going down.
    pub stages: Stages,
}

/// How well the edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All that it needs is there.
    Ok,
    /// Claims are answered, but something is missing.
    Degraded,
    /// Nothing can be granted.
    Unavailable,
}

/// How well the edge and what it depends on are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    status: State,
    directory_read: bool,
    directory_fresh: bool,
    events: usize,
    redis_masters: usize,
    redis_nodes_down: usize,
    slots_without_master: usize,
    wins_buffered: usize,
}

impl Report {
    /// Whether anything can be granted.
    pub fn can_grant(&self) -> bool {
        self.status != State::Unavailable
    }

    fn judged(self) -> Self {
        let nothing = !self.directory_read
            || self.slots_without_master >= Slot::COUNT
            || self.wins_buffered >= BUFFERED_WINS;
        let something_missing = !self.directory_fresh
            || self.slots_without_master > 0
            || self.redis_nodes_down > 0
            || self.wins_buffered >= BUFFERED_WINS / 2;
        let status = match (nothing, something_missing) {
            (true, _) => State::Unavailable,
            (false, true) => State::Degraded,
            (false, false) => State::Ok,
        };
        Self { status, ..self }
    }
}

impl Health {
    /// How well the edge is.
    pub fn report(&self) -> Report {
        let topology = self.cluster.topology();
        let down = |failing: Failing, answers: bool| failing == Failing::Agreed || !answers;
        let nodes = topology.nodes().iter();
        let report = Report {
            status: State::Ok,
            directory_read: self.directory.was_read(),
            directory_fresh: self.directory.is_fresh(),
            events: self.directory.len(),
            redis_masters: topology.masters().len(),
            redis_nodes_down: nodes.filter(|node| down(node.failing, node.answers)).count(),
            slots_without_master: topology.slots_without_master(),
            wins_buffered: self.publisher.buffered(),
        };
        report.judged()
    }

    /// Whether requests should be sent here; `Err` says what it waits for.
    pub fn ready(&self) -> Result<(), &'static str> {
        if !self.stages.is_serving() {
            return Err("the edge is shutting down");
        }
        if !self.directory.was_read() {
            return Err("the directory has not been read to its end");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Report {
        Report {
            status: State::Ok,
            directory_read: true,
            directory_fresh: true,
            events: 1,
            redis_masters: 3,
            redis_nodes_down: 0,
            slots_without_master: 0,
            wins_buffered: 10,
        }
    }

    #[test]
    fn what_is_missing_degrades_and_what_is_needed_stops() {
        assert_eq!(well().judged().status, State::Ok);
        for degraded in [
            Report { directory_fresh: false, ..well() },
            Report { redis_nodes_down: 1, ..well() },
            Report { slots_without_master: 5_461, ..well() },
            Report { wins_buffered: BUFFERED_WINS / 2, ..well() },
        ] {
            assert_eq!(degraded.judged().status, State::Degraded);
        }
        for stopped in [
            Report { directory_read: false, ..well() },
            Report { slots_without_master: Slot::COUNT, ..well() },
            Report { wins_buffered: BUFFERED_WINS, ..well() },
        ] {
            let report = stopped.judged();
            assert_eq!(report.status, State::Unavailable);
            assert!(!report.can_grant());
        }
    }
}
