//! A counterexample as a story: one line an action, in the words of the design.

use crate::actions::Action;
use crate::machine::Counterexample;
use crate::state::{Answer, Ask, Call, Leader, Record, State, Task, USERS, Win};

const NODES: [&str; 2] = ["A", "B"];
const NAMES: [&str; USERS] = ["Ann", "Bob", "Cem"];

/// The whole story, with how things stand at its end.
pub fn story(counterexample: &Counterexample) -> String {
    let path = &counterexample.path;
    let first = path.first().map_or(OUTSET, |(first, _)| outset(first));
    let mut lines = vec![format!("     {first}")];
    for (number, pair) in path.windows(2).enumerate() {
        if let [(before, Some(action)), (after, _)] = pair {
            lines.push(format!("{:>3}. {}", number + 1, sentence(before, *action, after)));
        }
    }
    let invariant = counterexample.invariant;
    lines.push(format!("     BROKEN {invariant:?}: {}.", invariant.says()));
    if let Some((last, _)) = path.last() {
        lines.extend(standing(last).into_iter().map(|line| format!("     {line}")));
    }
    lines.join("\n")
}

const OUTSET: &str = "A is master and the owner of the slots, B its replica.";

/// How things stand before the first action.
fn outset(first: &State) -> &'static str {
    if first.owner == 1 {
        "B was promoted just now and is the owner; A goes on as a master and does not know."
    } else if first.leaders[0].task == Task::OpenDirectory {
        "A is master, opened by leader 1 with epoch 2; the open entry is not written yet."
    } else {
        OUTSET
    }
}

/// What everybody holds.
fn standing(state: &State) -> Vec<String> {
    let shard = |index: usize| {
        let data = &state.nodes[index].data;
        format!(
            "{}: epoch {}, {:?}, stock {}, {}",
            NODES[index],
            data.epoch,
            data.phase,
            data.stock,
            wins(&data.wins)
        )
    };
    vec![
        format!("told: {}", wins(&state.told)),
        format!("rows: {}", wins(&state.mysql.rows)),
        format!("stock wanted: {}", state.mysql.stock),
        shard(0),
        shard(1),
    ]
}

fn wins(wins: &[Option<Win>; USERS]) -> String {
    let held: Vec<_> = wins
        .iter()
        .enumerate()
        .filter_map(|(user, win)| win.map(|win| format!("{} {}", NAMES[user], name(user, win))))
        .collect();
    if held.is_empty() { "nobody".to_owned() } else { held.join(", ") }
}

/// A win by its coupon and number: `a1#1` is Ann's first coupon, sequence 1.
fn name(user: usize, win: Win) -> String {
    let initial = NAMES[user].chars().next().unwrap_or('?').to_ascii_lowercase();
    let returned = if win.returned { " (returned)" } else { "" };
    format!("{initial}{}#{}{returned}", win.coupon + 1, win.sequence)
}

fn sentence(before: &State, action: Action, after: &State) -> String {
    let owner = NODES[usize::from(before.owner)];
    let peer = NODES[usize::from(State::peer(before.owner))];
    match action {
        Action::Ask { edge, node, .. } => asked(after, edge, node),
        Action::TellHeld(edge) => told(before, edge, "without asking Kafka"),
        Action::Tell(edge) => told(before, edge, "after the probe"),
        Action::Publish(edge) => published(before, edge),
        Action::PublishLate(edge) => format!(
            "{}: WAIT failed; produces, gives up and answers 503; the record is still under way.",
            edge_name(edge)
        ),
        Action::Probe(edge) => probed(before, edge, after),
        Action::GiveUp(edge) => format!("{} dies, or answers 503.", edge_name(edge)),
        Action::ReadFilter { edge, node } => {
            let members = after.edges[usize::from(edge)].filter.map_or(0, |filter| filter.members);
            format!(
                "{} reads the filter of winners from {}: {}.",
                edge_name(edge),
                NODES[usize::from(node)],
                users(members)
            )
        }
        Action::FromMemory { edge, user } => {
            format!("{} tells {} sold out, from memory.", edge_name(edge), NAMES[usize::from(user)])
        }
        Action::Land(index) => {
            format!("The late produce is written: {}.", record(before.limbo[usize::from(index)].1))
        }
        Action::Relay(user) => {
            let win = before.nodes[usize::from(before.owner)].data.wins[usize::from(user)];
            let what = win.map_or_else(String::new, |win| name(usize::from(user), win));
            format!("{owner}'s outbox: {what} is published and acknowledged.")
        }
        Action::Persist(partition) => {
            let next = before.queues[usize::from(partition)].first().copied();
            let what = next.map_or_else(String::new, record);
            format!("Persister takes {what}{}.", persisted(before, after))
        }
        Action::Reject(partition) => {
            let next = before.queues[usize::from(partition)].first().copied();
            format!(
                "MySQL refuses {} for good: a dead letter.",
                next.map_or_else(String::new, record)
            )
        }
        Action::Replicate => format!(
            "{peer} copies {owner}: {}.",
            wins(&after.nodes[usize::from(before.owner)].data.wins)
        ),
        Action::Sync => format!("{owner}'s data reaches its disk."),
        Action::FailOver => format!(
            "{peer} is promoted and is the owner now, with {}; {owner} does not know.",
            wins(&after.nodes[usize::from(after.owner)].data.wins)
        ),
        Action::Demote(node) => {
            format!("{} learns that it is a replica.", NODES[usize::from(node)])
        }
        Action::Kill => format!("{peer} dies."),
        Action::Start => format!("{peer} starts, as a replica."),
        Action::Restart => format!(
            "{owner} restarts as a master, with {}.",
            wins(&after.nodes[usize::from(after.owner)].data.wins)
        ),
        Action::NewReplid => format!("{owner}'s replication id changes."),
        Action::HandOver => format!("The lease goes to leader {}.", after.active + 1),
        Action::Rearm => format!(
            "Leader {} begins a re-arm: step 1, MySQL's epoch is {}, fencing.",
            before.active + 1,
            after.mysql.epoch
        ),
        Action::Renew => format!("Leader {} renews {owner}'s identity alone.", before.active + 1),
        Action::Reopen => format!(
            "Leader {} puts new units up: {owner} is {:?} with stock {}.",
            before.active + 1,
            after.nodes[usize::from(after.owner)].data.phase,
            after.mysql.stock
        ),
        Action::Target { leader, node } => {
            format!("Leader {}: step 3, it will arm {}.", leader + 1, NODES[usize::from(node)])
        }
        Action::Proceed(leader) => proceeded(before, leader, after),
        Action::TopUp => format!("An operator adds a unit: stock {} wanted.", after.mysql.stock),
        Action::Return(user) => {
            format!("{} returns the coupon, in MySQL.", NAMES[usize::from(user)])
        }
        Action::Close => "The window ends.".to_owned(),
    }
}

fn edge_name(edge: u8) -> String {
    format!("Edge {}", edge + 1)
}

fn users(mask: u8) -> String {
    let names: Vec<_> =
        (0..USERS).filter(|user| mask & (1 << user) != 0).map(|user| NAMES[user]).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn record(record: Record) -> String {
    match record {
        Record::Issued { user, win, epoch } => {
            format!("the record of {} (epoch {epoch})", name(usize::from(user), win))
        }
        Record::Marker(epoch) => format!("the marker of epoch {epoch}"),
    }
}

fn answer(ask: &Ask) -> String {
    let user = usize::from(ask.user);
    let said = match ask.answer {
        Answer::New(win) => format!("wins {}", name(user, win)),
        Answer::Repeated(win) => format!("has {} already", name(user, win)),
        Answer::SoldOut => "sold out".to_owned(),
        Answer::Closed => "closed".to_owned(),
        Answer::Later => "ask again".to_owned(),
    };
    format!("{}: {said}", NAMES[user])
}

fn answers(call: &Call) -> String {
    call.asks.iter().flatten().map(answer).collect::<Vec<_>>().join("; ")
}

fn asked(after: &State, edge: u8, node: u8) -> String {
    let said = after.edges[usize::from(edge)].call.as_ref().map_or_else(String::new, answers);
    let epoch = after.nodes[usize::from(node)].data.epoch;
    let stray = if node == after.owner { "" } else { ", which is no longer the owner" };
    format!("{} asks {} (epoch {epoch}{stray}): {said}.", edge_name(edge), NODES[usize::from(node)])
}

fn told(before: &State, edge: u8, how: &str) -> String {
    let said = before.edges[usize::from(edge)].call.as_ref();
    let held = if said.is_some_and(|call| call.held) { "WAIT passed" } else { how };
    format!("{} tells, {held}: {}.", edge_name(edge), said.map_or_else(String::new, answers))
}

fn published(before: &State, edge: u8) -> String {
    let call = before.edges[usize::from(edge)].call.as_ref();
    let shows = |ask: &Ask| matches!(ask.answer, Answer::New(_) | Answer::Repeated(_));
    let any = call.is_some_and(|call| call.asks.iter().flatten().any(shows));
    let what =
        if any { "publishes what it shows, Kafka acknowledges" } else { "has no win to publish" };
    format!("{}: WAIT failed; {what}.", edge_name(edge))
}

fn probed(before: &State, edge: u8, after: &State) -> String {
    let passed = after.edges[usize::from(edge)].call.is_some();
    let verdict = if passed { "passes" } else { "finds a higher epoch, answers 503" };
    format!("{}: the probe ({} in the directory) {verdict}.", edge_name(edge), before.directory)
}

fn persisted(before: &State, after: &State) -> &'static str {
    let (old, new) = (&before.mysql, &after.mysql);
    if old.rows != new.rows {
        ": a row"
    } else if old.late != new.late {
        ": behind the marker, kept as late"
    } else if old.cut != new.cut {
        ": everything before it is consumed"
    } else {
        ": nothing to write"
    }
}

fn proceeded(before: &State, leader: u8, after: &State) -> String {
    let Leader { task, epoch, node, .. } = before.leaders[usize::from(leader)];
    let node = NODES[usize::from(node)];
    let went_on = after.leaders[usize::from(leader)].task != Task::Idle
        || matches!(task, Task::OpenDirectory | Task::Reopening);
    let did = match task {
        _ if !went_on => format!("{task:?}: the compare fails, it stops"),
        Task::Idle | Task::Target => "nothing".to_owned(),
        Task::Announce => format!("step 2, the directory says fencing {epoch}"),
        Task::Arm => format!("step 3, {node} is armed with epoch {epoch}"),
        Task::Drain => "step 3, the drain wait is over".to_owned(),
        Task::Mark(partition) => format!("step 4, marker {epoch} into partition {partition}"),
        Task::Unite => format!("step 6, union in MySQL: {}", wins(&after.mysql.rows)),
        Task::Chunk => format!(
            "step 6, {node} is brought in line: {}",
            wins(&after.nodes[usize::from(before.leaders[usize::from(leader)].node)].data.wins)
        ),
        Task::OpenShard => format!("step 7, {node} is open"),
        Task::OpenRow => "step 7, MySQL is open".to_owned(),
        Task::OpenDirectory => format!("step 7, the directory says open {epoch}"),
        Task::Reopening => "the wait is over, opens again".to_owned(),
    };
    format!("Leader {} (epoch {epoch}): {did}.", leader + 1)
}
