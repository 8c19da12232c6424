//! The failpoints of edge and persister, as a round names them, and how one is set.

use contract::ids::EventId;

use crate::stack::NextStart;

use super::error::FaultError;
use super::programs;

/// Points of a claim that is told by WAIT.
pub const EDGE_REPLICA: [&str; 6] = [
    "before-script",
    "after-script",
    "before-answer",
    "before-publish",
    "after-produce",
    "before-outbox-ack",
];
/// Points of a claim that is told by Kafka.
pub const EDGE_LOG: [&str; 2] = ["before-probe", "after-probe"];
/// Answers that an edge can lose.
pub const EDGE_ANSWERS: [&str; 2] = ["script-answer", "produce-answer"];
/// Points of a persister's transaction.
pub const PERSISTER: [&str; 3] = ["before-offset", "before-commit", "after-commit"];
/// Answers that a persister can lose.
pub const PERSISTER_ANSWERS: [&str; 1] = ["commit-answer"];
/// Points that need something else to happen first.
pub const PERSISTER_RARE: [&str; 2] = ["after-dead-letter", "before-relay-ack"];
/// Points of an arming again, in their order.
pub const ARMING: [&str; 10] = [
    "arm-epoch-raised",
    "arm-fenced",
    "arm-shard-taken",
    "arm-noted",
    "arm-marked",
    "arm-read",
    "arm-rows-united",
    "arm-united",
    "arm-opening",
    "arm-opened",
];
/// The kinds that strike at every point between them.
pub const KINDS: [&str; 9] = [
    "edge-killed-at-points",
    "edge-killed-at-log-points",
    "script-answer-lost",
    "produce-answer-lost",
    "persister-killed-at-points",
    "commit-answer-lost",
    "dead-letter-killed",
    "relay-killed",
    "rearm-killed-at-steps",
];

/// In the environment of a program: what is set.
const VARIABLE: &str = "FIRSTCOME_FAILPOINT";

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The process kills itself, the so manieth time.
    Kill(u64),
    /// The process stops itself, the so manieth time.
    Stop(u64),
    /// Answers are lost from the first to the last of these times.
    Lose(u64, u64),
}

/// How `program` is started with this set; for an event, only what is done for it counts.
pub fn start(
    program: &str,
    (point, at): (&str, At),
    event: Option<&EventId>,
) -> Result<NextStart, FaultError> {
    let times = match at {
        At::Kill(time) => format!("kill@{time}"),
        At::Stop(time) => format!("stop@{time}"),
        At::Lose(first, last) => format!("lose@{first}-{last}"),
    };
    let only = event.map_or_else(String::new, |event| format!("/{event}"));
    Ok(NextStart {
        program: Some(programs::program(program)?),
        environment: vec![(VARIABLE.to_owned(), format!("{point}={times}{only}"))],
    })
}

/// Every point of the edge that some kind sets.
pub fn of_edge() -> Vec<&'static str> {
    [&EDGE_REPLICA[..], &EDGE_LOG, &EDGE_ANSWERS].concat()
}

/// Every point of the persister that some kind sets.
pub fn of_persister() -> Vec<&'static str> {
    [&PERSISTER[..], &PERSISTER_ANSWERS, &PERSISTER_RARE, &ARMING].concat()
}
