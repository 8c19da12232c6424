//! Whether the edge lives, is ready, and how well it is.

use std::sync::Arc;

use links::redis::{Cluster, Slot};
use links::standing::{self, Dependency, State as Stands, Watched};
use serde::Serialize;

use crate::directory::Directory;
use crate::identity::keys::Keys;
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
    /// Since when what it needs stands as it does.
    pub servers: Arc<Servers>,
    /// The keys of tokens, where users are known by them.
    pub keys: Option<Keys>,
}

/// What the edge needs, as it was seen to stand; one for all cores. `kafka` is noted by
/// [`standing::watch_kafka`], the others by [`Health::report`].
#[derive(Debug)]
pub struct Servers {
    redis: Watched,
    directory: Watched,
    /// The brokers.
    pub kafka: Watched,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            redis: Watched::new("redis"),
            directory: Watched::new("directory"),
            kafka: Watched::new("kafka"),
        }
    }
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
    dependencies: Vec<Dependency>,
}

impl Report {
    /// Whether anything can be granted.
    pub fn can_grant(&self) -> bool {
        self.status != State::Unavailable
    }

    /// The servers that the edge needs.
    pub fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    fn judged(self) -> Self {
        let nothing = !self.directory_read
            || self.slots_without_master >= Slot::COUNT
            || self.wins_buffered >= BUFFERED_WINS;
        let something_missing = !self.directory_fresh
            || self.slots_without_master > 0
            || self.redis_nodes_down > 0
            || self.dependencies.iter().any(Dependency::lacks_something)
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
    /// How well the edge is. Notes what it sees, so that since when is known whoever asks first.
    pub fn report(&self) -> Report {
        let topology = self.cluster.topology();
        let Servers { redis, directory, kafka } = self.servers.as_ref();
        let (state, detail) = standing::of_redis(&topology);
        redis.note(state, detail);
        let (state, detail) = of_directory(self.directory.was_read(), self.directory.is_fresh());
        directory.note(state, detail);
        let mut dependencies = vec![redis.last(), directory.last(), kafka.last()];
        dependencies.extend(self.keys.as_ref().map(Keys::standing));
        let report = Report {
            status: State::Ok,
            directory_read: self.directory.was_read(),
            directory_fresh: self.directory.is_fresh(),
            events: self.directory.len(),
            redis_masters: topology.masters().len(),
            redis_nodes_down: standing::nodes_down(&topology),
            slots_without_master: topology.slots_without_master(),
            wins_buffered: self.publisher.buffered(),
            dependencies,
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
        if self.keys.as_ref().is_some_and(|keys| !keys.were_read()) {
            return Err("the keys of tokens have not been read");
        }
        Ok(())
    }
}

/// How the directory stands: without its end the edge knows no event, without news no new one.
fn of_directory(was_read: bool, is_fresh: bool) -> (Stands, &'static str) {
    match (was_read, is_fresh) {
        (false, _) => (Stands::Down, "it has not been read to its end"),
        (true, false) => (Stands::Degraded, "no probe came back for 5 s"),
        (true, true) => (Stands::Ok, ""),
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
            dependencies: Vec::new(),
        }
    }

    fn kafka(state: Stands) -> Vec<Dependency> {
        let watched = Watched::new("kafka");
        watched.note(state, "");
        vec![watched.last()]
    }

    #[test]
    fn what_is_missing_degrades_and_what_is_needed_stops() {
        assert_eq!(well().judged().status, State::Ok);
        for degraded in [
            Report { directory_fresh: false, ..well() },
            Report { redis_nodes_down: 1, ..well() },
            Report { slots_without_master: 5_461, ..well() },
            Report { wins_buffered: BUFFERED_WINS / 2, ..well() },
            Report { dependencies: kafka(Stands::Degraded), ..well() },
            Report { dependencies: kafka(Stands::Down), ..well() },
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

    #[test]
    fn what_nobody_has_looked_at_degrades_nothing() {
        let report = Report { dependencies: kafka(Stands::Unknown), ..well() };
        assert_eq!(report.judged().status, State::Ok);
        assert_eq!(of_directory(true, true).0, Stands::Ok);
        assert_eq!(of_directory(true, false).0, Stands::Degraded);
        assert_eq!(of_directory(false, true).0, Stands::Down);
    }
}
