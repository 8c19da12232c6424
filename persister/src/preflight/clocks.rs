//! The clocks of MySQL, Redis and the edges beside this machine's. No invariant uses them, but a window opens by
//! its shard's clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use links::redis::Cluster;

use super::event::now_ms;
use super::line::Line;
use super::redis::silent;
use crate::store::{Session, StoreError};

const CLOCK: &str = "clock";
/// A window that opens a second early or late is noticed by people.
const APART_MS: u64 = 1_000;

/// A clock that was read: what it said, and what ours said before and after, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// What it said.
    pub theirs_ms: u64,
    /// What ours said before.
    pub before_ms: u64,
    /// How long it took until it was known.
    pub took_ms: u64,
}

/// When a clock began to be read, by ours.
pub(super) struct Asking {
    before_ms: u64,
    began: Instant,
}

impl Asking {
    pub(super) fn begin() -> Self {
        Self { before_ms: now_ms(), began: Instant::now() }
    }

    /// The same, of a clock that was read up to so long before it was asked for.
    pub(super) fn early(self, by_ms: u64) -> Self {
        let began = self.began.checked_sub(Duration::from_millis(by_ms)).unwrap_or(self.began);
        Self { before_ms: self.before_ms.saturating_sub(by_ms), began }
    }

    pub(super) fn said(&self, theirs_ms: u64) -> Asked {
        let took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Asked { theirs_ms, before_ms: self.before_ms, took_ms }
    }
}

/// Asks MySQL's clock. Before whatever else is looked at: a session that is silent for as long as
/// servers hang is ended.
pub(super) async fn mysql(session: &mut Session) -> Result<Line, StoreError> {
    let asking = Asking::begin();
    let theirs_ms = session.clock_ms().await?;
    Ok(judge("mysql", asking.said(theirs_ms)))
}

/// Asks the clock of each node of Redis.
pub(super) async fn redis(cluster: &Cluster, nodes: &[SocketAddr]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(nodes.len());
    for &node in nodes {
        let asking = Asking::begin();
        lines.push(match cluster.clock_of(node).await {
            Ok(theirs_ms) => judge(&node.to_string(), asking.said(theirs_ms)),
            Err(error) => silent(CLOCK, node, &error),
        });
    }
    lines
}

/// They read their clock at some moment of the asking.
pub(super) fn judge(whose: &str, asked: Asked) -> Line {
    let Asked { theirs_ms, before_ms, took_ms } = asked;
    let after_ms = before_ms.saturating_add(took_ms);
    let apart_ms = before_ms.saturating_sub(theirs_ms).max(theirs_ms.saturating_sub(after_ms));
    if apart_ms > APART_MS {
        let says = format!("{apart_ms} ms from this machine's: set the clocks (NTP)");
        return Line::to_do(CLOCK, whose, says);
    }
    Line::ok(CLOCK, whose, format_args!("{apart_ms} ms from this machine's"))
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    #[test]
    fn clocks_are_within_a_second_whatever_the_asking_took() {
        let verdict = |theirs_ms, took_ms| {
            judge("redis", Asked { theirs_ms, before_ms: 100_000, took_ms }).verdict
        };
        assert_eq!(verdict(100_000, 0), Verdict::Ok);
        assert_eq!(verdict(101_000, 0), Verdict::Ok);
        assert_eq!(verdict(98_999, 0), Verdict::ToDo);
        assert_eq!(verdict(101_001, 0), Verdict::ToDo);
        assert_eq!(verdict(104_000, 3_500), Verdict::Ok, "it was read while we waited");
    }
}
