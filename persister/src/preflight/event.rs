//! The event itself: whether shard and directory carry what is wanted, and whether it would sell.

use std::time::{SystemTime, UNIX_EPOCH};

use contract::event::Phase;
use links::redis::{Cluster, Master, Process, ShardState};

use super::line::Line;
use super::redis::silent;
use crate::store::events::Event;

const EVENT: &str = "event";
const CARRIED: &str = "event carried";
const ARMED: &str = "event armed";

/// Asks the shard about an event.
pub(super) async fn look(cluster: &Cluster, row: &Event, master: Option<&Master>) -> Vec<Line> {
    let mut lines = judge_row(row, now_ms());
    // Without a master, that is what is to be done.
    let Some(master) = master else {
        return lines;
    };
    let state = cluster.state(&row.event_id).await;
    let process = cluster.process_of(master).await;
    lines.push(match (state, process) {
        (Ok(state), Ok(process)) => judge_state(row, state.as_ref(), &process),
        (Err(error), _) | (_, Err(error)) => silent(ARMED, master.address, &error),
    });
    lines
}

fn judge_row(row: &Event, now_ms: u64) -> Vec<Line> {
    let id = &row.event_id;
    let over = row.closes_at_ms > 0 && row.closes_at_ms <= now_ms;
    let sells = match row.phase {
        Phase::Closed | Phase::Archived => {
            Line::to_do(EVENT, "", "it is over, for good: create another one")
        }
        _ if over => Line::to_do(
            EVENT,
            "",
            "its window has ended: `persister event reschedule` does not begin it again, create \
             another one",
        ),
        Phase::Scheduled => Line::warning(
            EVENT,
            "",
            format_args!("nothing is sold before `persister event open {id}`"),
        ),
        Phase::Paused => Line::warning(
            EVENT,
            "",
            format_args!("nothing is sold before `persister event resume {id}`"),
        ),
        _ => Line::ok(EVENT, "", format_args!("{}, {} units", row.phase.as_str(), row.stock)),
    };
    let carried = if !row.waiting_for.is_empty() {
        Line::to_do(CARRIED, "", format_args!("the leader waits: {}", row.waiting_for))
    } else if row.carried_version != row.version {
        let says = "shard and directory do not have its last change yet: ask again, then look \
            whether a persister leads";
        Line::to_do(CARRIED, "", says)
    } else {
        Line::ok(CARRIED, "", format_args!("version {} by shard and directory", row.version))
    };
    vec![sells, carried]
}

fn judge_state(row: &Event, state: Option<&ShardState>, process: &Process) -> Line {
    let again = "ask again; where it stays, ops/runbooks/event-waiting.md";
    let Some(state) = state else {
        return Line::to_do(ARMED, "", format_args!("its shard does not know it: {again}"));
    };
    if state.epoch != row.epoch || state.identity != process.replid {
        return Line::to_do(ARMED, "", format_args!("it is being armed again: {again}"));
    }
    if state.lost_wins {
        return Line::to_do(ARMED, "", format_args!("its shard has lost its wins: {again}"));
    }
    let left = state.stock.saturating_sub(state.held);
    Line::ok(ARMED, "", format_args!("epoch {}, {left} of {} units left", state.epoch, state.stock))
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) fn sound() -> Event {
    use contract::event::Confirm;
    Event {
        event_id: "spring".parse().unwrap(),
        stock: 500,
        per_user_limit: 1,
        opens_at_ms: 0,
        closes_at_ms: 2_000,
        phase: Phase::Open,
        confirm: Confirm::Replica,
        labels: Default::default(),
        epoch: 3,
        version: 2,
        carried_version: 2,
        waiting_for: String::new(),
        created_at_ms: 1,
        updated_at_ms: 1,
        arming: None,
        opened_before: true,
        highest_config_epoch: 1,
        changes_due: false,
        rearm_asked: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    #[test]
    fn a_row_says_whether_it_would_sell_and_is_carried() {
        let judged = |row: &Event| verdicts(&judge_row(row, 1_000));
        assert_eq!(judged(&sound()), [Verdict::Ok, Verdict::Ok]);
        let with = |phase| judged(&Event { phase, ..sound() })[0];
        assert_eq!(with(Phase::Closed), Verdict::ToDo);
        assert_eq!(with(Phase::Scheduled), Verdict::Warning);
        assert_eq!(with(Phase::Paused), Verdict::Warning);
        assert_eq!(judged(&Event { closes_at_ms: 999, ..sound() })[0], Verdict::ToDo);
        let behind = Event { carried_version: 1, ..sound() };
        assert_eq!(judged(&behind), [Verdict::Ok, Verdict::ToDo]);
        let waits = Event { waiting_for: "a master".to_owned(), ..sound() };
        assert!(judge_row(&waits, 1_000)[1].says.contains("a master"));
    }

    #[test]
    fn a_shard_holds_this_epoch_by_this_process() {
        let process = Process { replid: "aa".to_owned(), run_id: "bb".to_owned() };
        let state = ShardState {
            epoch: 3,
            phase: Phase::Open,
            identity: "aa".to_owned(),
            run_id: "bb".to_owned(),
            config_epoch: 1,
            armer: String::new(),
            opens_ms: 0,
            closes_ms: 0,
            stock: 500,
            held: 20,
            sequence: 20,
            limit: 1,
            version: 2,
            moves: 0,
            lost_wins: false,
        };
        let verdict = |state: &ShardState| judge_state(&sound(), Some(state), &process).verdict;
        assert_eq!(verdict(&state), Verdict::Ok);
        assert_eq!(verdict(&ShardState { epoch: 2, ..state.clone() }), Verdict::ToDo);
        assert_eq!(
            verdict(&ShardState { identity: "cc".to_owned(), ..state.clone() }),
            Verdict::ToDo
        );
        assert_eq!(verdict(&ShardState { lost_wins: true, ..state.clone() }), Verdict::ToDo);
        assert_eq!(judge_state(&sound(), None, &process).verdict, Verdict::ToDo);
    }
}
