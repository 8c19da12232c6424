//! Every metric of the persister, with its help text. Labels come from closed enums, from
//! partition numbers and from steps' names; never from ids.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use contract::record::Told;

use crate::consume::batch::Reason;

const LEADER: &str = "firstcome_persister_leader";
const RECORDS: &str = "firstcome_persister_records_total";
const BATCH_SECONDS: &str = "firstcome_persister_batch_seconds";
const NEXT_OFFSET: &str = "firstcome_persister_next_offset";
const LAG: &str = "firstcome_persister_lag_records";
const HALTED: &str = "firstcome_persister_halted_partitions";
const RETRIES: &str = "firstcome_persister_retries_total";
const DEAD_LETTERS: &str = "firstcome_persister_dead_letters_total";
const DEAD_LETTERS_AGAIN: &str = "firstcome_persister_dead_letters_again_total";
const RELAYED: &str = "firstcome_persister_relayed_wins_total";
const UNREADABLE_OUTBOX: &str = "firstcome_persister_unreadable_outbox_entries";
const STEPS: &str = "firstcome_persister_control_steps_total";
const BLOCKED: &str = "firstcome_persister_blocked_events";
const ARM_SECONDS: &str = "firstcome_persister_arm_seconds";
const REARM_SECONDS: &str = "firstcome_persister_rearm_seconds";
const VOID_WINS: &str = "firstcome_persister_void_wins_total";
const RECONCILED: &str = "firstcome_persister_reconcile_runs_total";

/// Seconds; from a fast local commit to a re-arm that pages.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// What was tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// A batch.
    Consume,
    /// A step towards what operators want.
    Control,
    /// Wins of an outbox.
    Relay,
    /// The renewal of the lease.
    Lease,
    /// Reading the directory.
    Directory,
}

/// Why an event is not as operators want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// A server is away, or a change is under way.
    Waiting,
    /// An operator has to act.
    Halted,
}

impl Blocked {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Waiting, Self::Halted];

    fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Halted => "halted",
        }
    }
}

/// Begins to record; the handle renders the page.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder()?;
    describe_gauge!(LEADER, "1 while this process is the leader");
    describe_counter!(RECORDS, "Records of coupon-issued that are in MySQL, by what they were");
    describe_histogram!(BATCH_SECONDS, "Time of one transaction of rows and offset");
    describe_gauge!(NEXT_OFFSET, "First offset of a partition that is not in MySQL");
    describe_gauge!(LAG, "Records of a partition that are not in MySQL");
    describe_gauge!(HALTED, "Partitions that wait for an operator");
    describe_counter!(RETRIES, "Tries that failed and are made again, by what was tried");
    describe_counter!(DEAD_LETTERS, "Records that could not become a row, by reason");
    describe_counter!(
        DEAD_LETTERS_AGAIN,
        "Dead letters brought again that failed again as before, by reason"
    );
    describe_counter!(RELAYED, "Wins found in an outbox and published for an edge that did not");
    describe_gauge!(UNREADABLE_OUTBOX, "Outbox entries that this build cannot read");
    describe_counter!(STEPS, "Steps towards what operators want, by step");
    describe_gauge!(BLOCKED, "Events that are not as operators want them, by why");
    describe_histogram!(ARM_SECONDS, "Time from the beginning of an arming to the open event");
    describe_histogram!(REARM_SECONDS, "Time of arming an event again, by step");
    describe_counter!(VOID_WINS, "Wins that stay out for good, by whether somebody was told");
    describe_counter!(RECONCILED, "Runs of reconcile by the leader, by what they came to");
    gauge!(LEADER).set(0.0);
    gauge!(HALTED).set(0.0);
    Ok(handle)
}

/// Whether this process is the leader.
pub fn leader(leads: bool) {
    gauge!(LEADER).set(if leads { 1.0 } else { 0.0 });
}

/// What a transaction brought into MySQL.
pub fn landed(inserted: u64, replayed: u64, markers: u64) {
    counter!(RECORDS, "kind" => "inserted").increment(inserted);
    counter!(RECORDS, "kind" => "replayed").increment(replayed);
    counter!(RECORDS, "kind" => "marker").increment(markers);
}

/// How long a transaction took.
pub fn batch_seconds(took: Duration) {
    histogram!(BATCH_SECONDS).record(took);
}

/// How far a partition was read.
#[expect(clippy::cast_precision_loss, reason = "gauges are f64; offsets stay below 2^53")]
pub fn lag(part: i32, next: i64, end: i64) {
    gauge!(NEXT_OFFSET, "partition" => part.to_string()).set(next as f64);
    gauge!(LAG, "partition" => part.to_string()).set((end - next).max(0) as f64);
}

/// How many partitions wait for an operator.
pub fn halted_partitions(count: u32) {
    gauge!(HALTED).set(f64::from(count));
}

/// Something failed and will be tried again.
pub fn retry(what: Retried) {
    let what = match what {
        Retried::Consume => "consume",
        Retried::Control => "control",
        Retried::Relay => "relay",
        Retried::Lease => "lease",
        Retried::Directory => "directory",
    };
    counter!(RETRIES, "what" => what).increment(1);
}

/// A record became a dead letter, or one that was brought again failed for another reason.
pub fn dead_letter(reason: Reason) {
    counter!(DEAD_LETTERS, "reason" => reason.as_str()).increment(1);
}

/// A dead letter was brought again and failed as before: no news, so nobody is called.
pub fn dead_letter_again(reason: Reason) {
    counter!(DEAD_LETTERS_AGAIN, "reason" => reason.as_str()).increment(1);
}

/// Wins of an outbox were published.
pub fn relayed(wins: u64) {
    counter!(RELAYED).increment(wins);
}

/// How many entries of outboxes cannot be read.
pub fn unreadable_outbox(entries: u32) {
    gauge!(UNREADABLE_OUTBOX).set(f64::from(entries));
}

/// The leader took a step.
pub fn control_step(step: &'static str) {
    counter!(STEPS, "step" => step).increment(1);
}

/// How many events are not as operators want them.
pub fn blocked(why: Blocked, events: u32) {
    gauge!(BLOCKED, "why" => why.label()).set(f64::from(events));
}

/// A step of arming an event again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RearmStep {
    /// The new epoch in MySQL and in the directory.
    Fence,
    /// The shard carries it; the drain.
    Shard,
    /// A marker in every partition.
    Mark,
    /// Every partition read past its marker.
    Read,
    /// The shard and its rows united.
    Unite,
    /// The shard opened.
    Open,
    /// From the first to the last.
    Whole,
}

/// How long a step of arming an event again took.
pub fn rearm_seconds(step: RearmStep, took: Duration) {
    let step = match step {
        RearmStep::Fence => "fence",
        RearmStep::Shard => "shard",
        RearmStep::Mark => "mark",
        RearmStep::Read => "read",
        RearmStep::Unite => "unite",
        RearmStep::Open => "open",
        RearmStep::Whole => "whole",
    };
    histogram!(REARM_SECONDS, "step" => step).record(took);
}

/// What a run of reconcile by the leader came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// Everything agrees.
    Clean,
    /// Something differs.
    Differs,
    /// Not everything could be judged.
    NotJudged,
    /// It was put off: shards were in a rush.
    Hot,
    /// It was put off: another was at work.
    Busy,
    /// It failed.
    Failed,
}

/// A run of reconcile by the leader ended, or was put off.
pub fn reconciled(what: Reconciled) {
    let what = match what {
        Reconciled::Clean => "clean",
        Reconciled::Differs => "differs",
        Reconciled::NotJudged => "not_judged",
        Reconciled::Hot => "hot",
        Reconciled::Busy => "busy",
        Reconciled::Failed => "failed",
    };
    counter!(RECONCILED, "outcome" => what).increment(1);
}

/// A win stays out for good. Unless it was pending somebody may have been told: that pages.
pub fn void_win(told: Told) {
    counter!(VOID_WINS, "told" => told.as_str()).increment(1);
}

/// An event was armed and opened.
pub fn armed(took: Duration) {
    histogram!(ARM_SECONDS).record(took);
}
