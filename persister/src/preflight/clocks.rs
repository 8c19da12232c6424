//! The clocks of Redis and MySQL beside this machine's. No invariant uses them, but a window opens by
//! its shard's clock.

use std::net::SocketAddr;
use std::time::Instant;

use links::redis::Cluster;

use super::event::now_ms;
use super::line::Line;
use super::redis::silent;
use crate::store::{Session, StoreError};

const CLOCK: &str = "clock";
/// A window that opens a second early or late is noticed by people.
const APART_MS: u64 = 1_000;

/// A clock that was asked: what it said, and what ours said before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    theirs_ms: u64,
    before_ms: u64,
    took_ms: u64,
}

/// Asks every clock.
pub(super) async fn look(
    session: &mut Session,
    cluster: &Cluster,
    nodes: &[SocketAddr],
) -> Result<Vec<Line>, StoreError> {
    let (before_ms, began) = (now_ms(), Instant::now());
    let theirs_ms = session.clock_ms().await?;
    let mut lines = vec![judge("mysql", Asked { theirs_ms, before_ms, took_ms: since(began) })];
    for &node in nodes {
        let (before_ms, began) = (now_ms(), Instant::now());
        lines.push(match cluster.clock_of(node).await {
            Ok(theirs_ms) => {
                judge(&node.to_string(), Asked { theirs_ms, before_ms, took_ms: since(began) })
            }
            Err(error) => silent(CLOCK, node, &error),
        });
    }
    Ok(lines)
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// They read their clock at some moment of the asking.
fn judge(whose: &str, asked: Asked) -> Line {
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
