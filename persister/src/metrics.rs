//! Every metric of the persister, with its help text. Labels come from closed enums, from partition
//! numbers, from shards' first slots and from steps' names; never from ids, but for
//! [`EVENT_FENCED`], whose series end with their events' fences and are [`NAMED_EVENTS`] at most.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::record::Told;
use links::standing::Dependency;
use links::trace;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

mod labels;

use crate::consume::batch::Reason;
use labels::STATES;
pub use labels::{
    Blocked, Place, RearmStep, Reconciled, Recording, Retried, Server, Sessions, Settled,
};

const BUILD: &str = "firstcome_persister_build_info";
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
const SPANS: &str = "firstcome_persister_spans_total";
const RECONCILED: &str = "firstcome_persister_reconcile_runs_total";
const DIFFERENCES: &str = "firstcome_persister_reconcile_differences";
const LAG_SECONDS: &str = "firstcome_persister_lag_seconds";
const PARTITIONS_HELD: &str = "firstcome_persister_partitions_held";
const LEASE_LEFT: &str = "firstcome_persister_lease_left_seconds";
const LETTERS_WAITING: &str = "firstcome_persister_dead_letters_waiting";
const LETTERS_SETTLED: &str = "firstcome_persister_dead_letters_settled_total";
const OUTBOX_ENTRIES: &str = "firstcome_persister_outbox_entries";
const OUTBOX_OLDEST: &str = "firstcome_persister_outbox_oldest_seconds";
const DEPENDENCY: &str = "firstcome_persister_dependency";
const REDIS_NO_MASTER: &str = "firstcome_persister_redis_slots_without_master";
const REDIS_NODES_DOWN: &str = "firstcome_persister_redis_nodes_down";
const REDIS_WANTED: &str = "firstcome_persister_redis_replicas_wanted";
const REDIS_REPLICAS: &str = "firstcome_persister_redis_replicas_online";
const REDIS_BEHIND: &str = "firstcome_persister_redis_replica_behind_bytes";
const REDIS_USED: &str = "firstcome_persister_redis_memory_used_bytes";
const REDIS_MOST: &str = "firstcome_persister_redis_memory_max_bytes";
const REDIS_DISK: &str = "firstcome_persister_redis_disk_failing";
const MYSQL_WRITE: &str = "firstcome_persister_mysql_write_seconds";
const MYSQL_SESSIONS: &str = "firstcome_persister_mysql_sessions";
const MYSQL_REFUSED: &str = "firstcome_persister_mysql_connects_failed_total";
const MYSQL_REPLICAS: &str = "firstcome_persister_mysql_replicas_connected";
const FENCED: &str = "firstcome_persister_fenced_events";
const WINS: &str = "firstcome_persister_wins";
const DRIFT: &str = "firstcome_persister_drift_wins";
const BOOKS_KEPT_AT: &str = "firstcome_persister_books_kept_timestamp_seconds";
const NOT_JUDGED: &str = "firstcome_persister_drift_events_not_judged";
/// Written by [`crate::fenced`], since a series of the recorder would outlive its event.
pub const EVENT_FENCED: &str = "firstcome_persister_event_fenced_seconds";
/// What [`EVENT_FENCED`] says of itself.
pub const EVENT_FENCED_HELP: &str = "How long each fenced event has been; of many some";
/// Events that have a series of their own at a time.
pub const NAMED_EVENTS: usize = 32;

/// Seconds; from a fast local commit to a re-arm that pages.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// Begins to record; the handle renders the page.
pub fn install(recording: Recording) -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
    let handle = match recording {
        Recording::On => builder.install_recorder()?,
        Recording::Off => builder.build_recorder().handle(),
    };
    describe_gauge!(LEADER, "1 while this process is the leader");
    describe_counter!(RECORDS, "Records of coupon-issued that are in MySQL, by what they were");
    describe_histogram!(BATCH_SECONDS, "Time of one transaction of rows and offset");
    describe_gauge!(NEXT_OFFSET, "First offset of a partition that is not in MySQL");
    describe_gauge!(LAG, "Records of a partition that are not in MySQL");
    describe_gauge!(HALTED, "Partitions that wait for an operator");
    describe_counter!(
        RETRIES,
        "Tries that failed and are made again, by what was tried and who failed it"
    );
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
    describe_counter!(SPANS, "Spans of traced claims, by what became of them");
    describe_watched();
    begin();
    Ok(handle)
}

/// What the leader looks after beside its work.
fn describe_watched() {
    describe_gauge!(BUILD, "1, with the version of this build");
    describe_gauge!(DIFFERENCES, "Differences that each event's last run of reconcile left");
    describe_gauge!(LAG_SECONDS, Unit::Seconds, "Age of a partition's oldest record not in MySQL");
    describe_gauge!(PARTITIONS_HELD, "Partitions whose lease this process holds");
    describe_gauge!(LEASE_LEFT, Unit::Seconds, "How long the lease is surely held");
    describe_gauge!(LETTERS_WAITING, "Dead letters that nothing was done about, by reason");
    describe_counter!(LETTERS_SETTLED, "Dead letters that this process saw settled, by how");
    describe_gauge!(
        OUTBOX_ENTRIES,
        "Batches of wins that Kafka has not acknowledged, of all events"
    );
    describe_gauge!(OUTBOX_OLDEST, Unit::Seconds, "Age of the oldest of them");
    describe_gauge!(DEPENDENCY, "1 for the state that a server stands in, as this process sees it");
    describe_gauge!(REDIS_NO_MASTER, "Slots of the cluster that no master owns");
    describe_gauge!(REDIS_NODES_DOWN, "Nodes of the cluster that do not answer");
    describe_gauge!(REDIS_WANTED, "Replicas that each master is to have");
    describe_gauge!(
        REDIS_REPLICAS,
        "Replicas of a shard that follow its master, by its first slot"
    );
    describe_gauge!(REDIS_BEHIND, Unit::Bytes, "How far a shard's last replica is behind");
    describe_gauge!(REDIS_USED, Unit::Bytes, "Memory that a shard's master uses");
    describe_gauge!(REDIS_MOST, Unit::Bytes, "Memory that it may use; 0: all there is");
    describe_gauge!(REDIS_DISK, "1 while a shard's master cannot write to its disk");
    describe_histogram!(MYSQL_WRITE, Unit::Seconds, "Renewals of the lease: one small commit each");
    describe_gauge!(MYSQL_SESSIONS, "Open sessions of MySQL, by what for");
    describe_counter!(MYSQL_REFUSED, "Sessions of MySQL that could not be opened");
    describe_gauge!(
        MYSQL_REPLICAS,
        "Replicas that are connected to MySQL; not there, or NaN, where it does not say so"
    );
    describe_gauge!(FENCED, "Events whose shard may not answer for them");
    describe_gauge!(WINS, "Units told, and where they are, of the events that were judged last");
    describe_gauge!(
        DRIFT,
        "Units told that are neither rows nor letters nor on their way, or too many"
    );
    describe_gauge!(
        NOT_JUDGED,
        "Events that were not judged last: wins of them are on their way, or a look at them failed"
    );
    describe_gauge!(
        BOOKS_KEPT_AT,
        Unit::Seconds,
        "When a look at the books of all events went well last, or began; Unix time"
    );
}

/// Every series that there can be, so that the first thing to go wrong is an increase.
fn begin() {
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    for gauge in [LEADER, HALTED, UNREADABLE_OUTBOX, PARTITIONS_HELD, FENCED, DRIFT, DIFFERENCES] {
        gauge!(gauge).set(0.0);
    }
    landed(0, 0, 0);
    relayed(0);
    counter!(MYSQL_REFUSED).increment(0);
    for reason in Reason::ALL {
        counter!(DEAD_LETTERS, "reason" => reason.as_str()).increment(0);
        counter!(DEAD_LETTERS_AGAIN, "reason" => reason.as_str()).increment(0);
    }
    for told in Told::ALL {
        counter!(VOID_WINS, "told" => told.as_str()).increment(0);
    }
    for settled in Settled::ALL {
        counter!(LETTERS_SETTLED, "how" => settled.label()).increment(0);
    }
    for step in RearmStep::ALL {
        drop(histogram!(REARM_SECONDS, "step" => step.label()));
    }
    drop(histogram!(ARM_SECONDS));
    for outcome in Reconciled::ALL {
        counter!(RECONCILED, "outcome" => outcome.label()).increment(0);
    }
    for what in Retried::ALL {
        for server in Server::ALL {
            counter!(RETRIES, "what" => what.label(), "server" => server.label()).increment(0);
        }
    }
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
pub fn retry(what: Retried, server: Server) {
    counter!(RETRIES, "what" => what.label(), "server" => server.label()).increment(1);
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

/// How long a step of arming an event again took.
pub fn rearm_seconds(step: RearmStep, took: Duration) {
    histogram!(REARM_SECONDS, "step" => step.label()).record(took);
}

/// Of traces, where there are any.
pub fn spans() -> trace::Counters {
    let of = |result: &'static str| counter!(SPANS, "result" => result);
    trace::Counters { exported: of("exported"), dropped: of("dropped"), failed: of("failed") }
}

/// A run of reconcile by the leader ended, or was put off.
pub fn reconciled(what: Reconciled) {
    counter!(RECONCILED, "outcome" => what.label()).increment(1);
}

/// A win stays out for good. Unless it was pending somebody may have been told: that pages.
pub fn void_win(told: Told) {
    counter!(VOID_WINS, "told" => told.as_str()).increment(1);
}

/// An event was armed and opened.
pub fn armed(took: Duration) {
    histogram!(ARM_SECONDS).record(took);
}

/// How old a partition's oldest record is that is not in MySQL; 0 where there is none.
pub fn lag_seconds(part: i32, age: Duration) {
    gauge!(LAG_SECONDS, "partition" => part.to_string()).set(age);
}

/// How much of the lease this process holds, and for how long surely.
pub fn lease(partitions: u32, left: Duration) {
    gauge!(PARTITIONS_HELD).set(f64::from(partitions));
    gauge!(LEASE_LEFT).set(left);
}

/// How many dead letters of a reason wait.
pub fn letters_waiting(reason: Reason, letters: u64) {
    gauge!(LETTERS_WAITING, "reason" => reason.as_str()).set(float(letters));
}

/// Dead letters were settled.
pub fn letters_settled(how: Settled, letters: u64) {
    counter!(LETTERS_SETTLED, "how" => how.label()).increment(letters);
}

/// What stands in all outboxes.
pub fn outboxes(entries: u64, oldest: Duration) {
    gauge!(OUTBOX_ENTRIES).set(float(entries));
    gauge!(OUTBOX_OLDEST).set(oldest);
}

/// How a server stands that this process needs.
pub fn dependency(dependency: &Dependency) {
    for (state, word) in STATES {
        let stands = if dependency.state == state { 1.0 } else { 0.0 };
        gauge!(DEPENDENCY, "server" => dependency.name, "state" => word).set(stands);
    }
}

/// What is missing of the cluster, and how many replicas each master is to have.
pub fn redis_cluster(slots_without_master: usize, nodes_down: usize, replicas_wanted: u32) {
    gauge!(REDIS_NO_MASTER).set(float(slots_without_master as u64));
    gauge!(REDIS_NODES_DOWN).set(float(nodes_down as u64));
    gauge!(REDIS_WANTED).set(f64::from(replicas_wanted));
}

/// How a shard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShardHealth {
    /// Replicas that follow its master.
    pub replicas: usize,
    /// How far the last of them is behind, in bytes.
    pub behind: u64,
    /// Memory in bytes.
    pub used: u64,
    /// The most of it; 0: all there is.
    pub most: u64,
    /// It cannot write to its disk.
    pub disk_failing: bool,
}

/// How the shard that begins at a slot stands.
pub fn redis_shard(first_slot: u16, health: &ShardHealth) {
    let set = |name: &'static str, value: f64| {
        gauge!(name, "shard" => first_slot.to_string()).set(value);
    };
    set(REDIS_REPLICAS, float(health.replicas as u64));
    set(REDIS_BEHIND, float(health.behind));
    set(REDIS_USED, float(health.used));
    set(REDIS_MOST, float(health.most));
    set(REDIS_DISK, if health.disk_failing { 1.0 } else { 0.0 });
}

/// How long the lease's renewal took.
pub fn mysql_write(took: Duration) {
    histogram!(MYSQL_WRITE).record(took);
}

/// A session of MySQL was opened.
pub fn mysql_opened(of: Sessions) {
    gauge!(MYSQL_SESSIONS, "of" => of.label()).increment(1.0);
}

/// A session of MySQL ended.
pub fn mysql_closed(of: Sessions) {
    gauge!(MYSQL_SESSIONS, "of" => of.label()).decrement(1.0);
}

/// A session of MySQL could not be opened.
pub fn mysql_refused() {
    counter!(MYSQL_REFUSED).increment(1);
}

/// How many replicas are connected to MySQL; None: it does not say so. A server that never did has no
/// series; since one cannot be taken back, it is no number any more where another server did.
pub fn mysql_replicas(replicas: Option<u64>) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.fetch_or(replicas.is_some(), Ordering::Relaxed) || replicas.is_some() {
        gauge!(MYSQL_REPLICAS).set(replicas.map_or(f64::NAN, float));
    }
}

/// How many events are fenced.
pub fn fenced(events: usize) {
    gauge!(FENCED).set(float(events as u64));
}

/// How many units are where.
pub fn wins(place: Place, units: u64) {
    gauge!(WINS, "where" => place.label()).set(float(units));
}

/// How far what was told and what is known of it are apart, and of how many events that is not known.
pub fn drift(units: u64, not_judged: usize) {
    gauge!(DRIFT).set(float(units));
    gauge!(NOT_JUDGED).set(float(not_judged as u64));
}

/// The books of all events were looked at, or begin to be.
pub fn books_kept(now: DateTime<Utc>) {
    gauge!(BOOKS_KEPT_AT).set(now.timestamp() as f64);
}

/// What runs of reconcile left, whoever made them.
pub fn reconcile_differences(differences: u64) {
    gauge!(DIFFERENCES).set(float(differences));
}

#[expect(clippy::cast_precision_loss, reason = "gauges are f64; no count here reaches 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
