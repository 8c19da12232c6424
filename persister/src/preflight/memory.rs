//! Whether the shard's nodes have room for the winners, and for the outbox while Kafka is away.

use std::net::SocketAddr;

use links::redis::{Cluster, Info};

use super::line::Line;
use super::redis::silent;
use crate::store::events::Event;

const MEMORY: &str = "memory";
/// Bytes of Redis a winner, with users of 13 letters: row `growth_1m_winners` of `./dev bench`, as
/// docs/performance.md has it.
const WINNER_BYTES: u64 = 144;
/// What the longest user id has beyond those.
const LONG_ID_BYTES: u64 = 51;
/// Bytes of the outbox a win, where each is an entry by itself: the text of a win with the longest ids
/// (167) and its share of a stream. Batches take less.
const OUTBOX_BYTES: u64 = 230;
/// Wins a second that one shard grants at most: what a Redis alone on its machine came to, with wins
/// in batches of 64 and nobody to ask or to tell. The whole way comes to less.
const WINS_PER_S: u64 = 470_000;

/// What an event may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    winners: u64,
    outbox: u64,
}

/// What a node may take, and whether that is its own bound or its machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Bounded(u64),
    Machine(u64),
}

/// Asks every node of the shard what it has left.
pub(super) async fn look(
    cluster: &Cluster,
    row: &Event,
    nodes: &[SocketAddr],
    outage_minutes: u32,
) -> Vec<Line> {
    let held = match cluster.state(&row.event_id).await {
        Ok(state) => state.map_or(0, |state| state.held),
        // As if nothing were sold: more is asked for then.
        Err(_) => 0,
    };
    let need = need(row.stock.saturating_sub(held), outage_minutes);
    let mut lines = Vec::new();
    for &node in nodes {
        lines.push(match cluster.info_of(node, &["memory"]).await {
            Ok(info) => judge(node, need, &info, outage_minutes),
            Err(error) => silent(MEMORY, node, &error),
        });
    }
    lines
}

/// What so many units take once they are sold, and while Kafka acknowledges none of their wins for
/// so many minutes.
fn need(left: u64, outage_minutes: u32) -> Need {
    let unacknowledged = left.min(WINS_PER_S * 60 * u64::from(outage_minutes));
    Need {
        winners: left.saturating_mul(WINNER_BYTES + LONG_ID_BYTES),
        outbox: unacknowledged.saturating_mul(OUTBOX_BYTES),
    }
}

fn judge(node: SocketAddr, need: Need, info: &Info, outage_minutes: u32) -> Line {
    let Some(room) = room(info) else {
        return Line::to_do(MEMORY, node, "its INFO does not say how much it may take");
    };
    let all = need.winners.saturating_add(need.outbox);
    let needs = format!(
        "{} for winners and {} for {outage_minutes} minutes without Kafka",
        mib(need.winners),
        mib(need.outbox)
    );
    match room {
        Room::Bounded(free) if all <= free => {
            Line::ok(MEMORY, node, format_args!("{needs}; {} are free", mib(free)))
        }
        Room::Bounded(free) => Line::to_do(
            MEMORY,
            node,
            format_args!("{needs}, and only {} are free: raise maxmemory", mib(free)),
        ),
        Room::Machine(free) if all <= free => Line::ok(
            MEMORY,
            node,
            format_args!("{needs}; no maxmemory is set, its machine has {} beside it", mib(free)),
        ),
        Room::Machine(free) => Line::to_do(
            MEMORY,
            node,
            format_args!("{needs}, and its machine has {} beside it: a larger one", mib(free)),
        ),
    }
}

/// What is left of maxmemory, or of the machine where there is none.
fn room(info: &Info) -> Option<Room> {
    let used = info.number("used_memory")?;
    match info.number("maxmemory")? {
        0 => Some(Room::Machine(info.number("total_system_memory")?.saturating_sub(used))),
        most => Some(Room::Bounded(most.saturating_sub(used))),
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn judged(left: u64, maxmemory: u64) -> Line {
        let info = Info::parse(&format!(
            "used_memory:{MIB}\r\nmaxmemory:{maxmemory}\r\ntotal_system_memory:{}\r\n",
            1024 * MIB
        ));
        judge("10.0.0.1:6379".parse().unwrap(), need(left, 10), &info, 10)
    }

    #[test]
    fn what_is_needed_grows_with_units_and_is_bounded_by_them() {
        assert_eq!(need(1_000, 0), Need { winners: 195_000, outbox: 0 });
        assert_eq!(need(1_000, 1), Need { winners: 195_000, outbox: 230_000 });
        assert_eq!(need(1_000, 60), need(1_000, 1), "no more wins than units");
        assert!(need(100_000_000, 1).outbox < need(100_000_000, 10).outbox);
    }

    #[test]
    fn room_is_maxmemory_or_the_machine() {
        assert_eq!(judged(1_000, 0).verdict, Verdict::Ok);
        assert_eq!(judged(1_000, 64 * MIB).verdict, Verdict::Ok);
        let line = judged(1_000_000, 64 * MIB);
        assert_eq!(line.verdict, Verdict::ToDo);
        assert!(line.says.contains("63 MiB are free: raise maxmemory"), "{line}");
        assert_eq!(judged(10_000_000, 0).verdict, Verdict::ToDo, "a machine of 1 GiB");
        let silent = judge("10.0.0.1:6379".parse().unwrap(), need(1, 1), &Info::default(), 1);
        assert_eq!(silent.verdict, Verdict::ToDo);
    }
}
