//! All metrics: names, help texts, and labels from closed enums, but for [`EVENT_SOLD_OUT`]. Handles are
//! made once and kept; one costs 12 ns a use, looking a label up 107 ns (measured).

mod identity;
mod requests;

use std::time::Duration;

use links::script_connection::{Held, WaitFor};
use links::standing::{Dependency, State};
use links::trace;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use identity::{IdentityMetrics, KeyMetrics};
pub use requests::{ReadMetrics, RequestMetrics, RouteTimes};

const BUILD: &str = "firstcome_edge_build_info";
const DEPENDENCY: &str = "firstcome_edge_dependency";
const REQUESTS: &str = "firstcome_edge_requests_total";
const REQUEST_SECONDS: &str = "firstcome_edge_request_seconds";
const CONNECTIONS: &str = "firstcome_edge_connections";
const REFUSED_CONNECTIONS: &str = "firstcome_edge_refused_connections_total";
const REFUSED_HEADERS: &str = "firstcome_edge_refused_proxy_headers_total";
const TOKENS: &str = "firstcome_edge_tokens_total";
const KEYS: &str = "firstcome_edge_token_keys";
const KEY_READS: &str = "firstcome_edge_token_key_reads_total";
const KEYS_READ_AT: &str = "firstcome_edge_token_keys_read_timestamp_seconds";
const READ_SECONDS: &str = "firstcome_edge_claim_read_seconds";
const CLAIM_SECONDS: &str = "firstcome_edge_claim_seconds";
const BATCH_WAIT: &str = "firstcome_edge_batch_wait_seconds";
const REPLICA_WAIT: &str = "firstcome_edge_replica_wait_seconds";
const SCRIPT_SECONDS: &str = "firstcome_edge_script_seconds";
const CALL_SECONDS: &str = "firstcome_edge_script_call_seconds";
const CALL_CLAIMS: &str = "firstcome_edge_script_call_claims";
const FAILED_CALLS: &str = "firstcome_edge_script_calls_failed_total";
const WAITS: &str = "firstcome_edge_waits_total";
const CONFIRMATIONS: &str = "firstcome_edge_log_confirmations_total";
const WINNERS_READ: &str = "firstcome_edge_winners_read_seconds";
const HANDED_OVER: &str = "firstcome_edge_wins_handed_over_total";
const PUBLISHED: &str = "firstcome_edge_wins_published_total";
const BUFFERED: &str = "firstcome_edge_wins_buffered";
const PRODUCE_SECONDS: &str = "firstcome_edge_produce_seconds";
const FAILED_PRODUCES: &str = "firstcome_edge_produces_failed_total";
const ACKNOWLEDGED: &str = "firstcome_edge_outbox_acknowledged_total";
const LEFT_TO_RELAY: &str = "firstcome_edge_outbox_left_to_relay_total";
const SPANS: &str = "firstcome_edge_spans_total";
const EVENTS: &str = "firstcome_edge_directory_events";
const FAILED_READS: &str = "firstcome_edge_directory_reads_failed_total";
const BAD_RECORDS: &str = "firstcome_edge_directory_bad_records_total";
const PROBE_SECONDS: &str = "firstcome_edge_directory_probe_seconds";
const FAILED_PROBES: &str = "firstcome_edge_directory_probes_failed_total";
/// Written by [`crate::claims`], since a series of the recorder would outlive its event.
pub const EVENT_SOLD_OUT: &str = "firstcome_edge_event_sold_out";
/// What [`EVENT_SOLD_OUT`] says of itself.
pub const EVENT_SOLD_OUT_HELP: &str = "1 while sold out is told of an event from memory, 0 while Redis is asked; of many events some.";
/// Events that have a series of their own at a time.
pub const NAMED_EVENTS: usize = 32;

/// Seconds, from what memory takes to a claim's deadline; 0.1 is what `ops/prometheus/rules.yml` asks
/// for.
const SECONDS: [f64; 14] =
    [0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.1, 0.25, 0.5, 1.0, 2.0];
/// Seconds, from a claim that came whole to one whose body was awaited for as long as it is.
const READ: [f64; 11] =
    [0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.001, 0.01, 0.1, 1.0, 5.0];
/// One in so many claims is timed from its head on: most are answered from memory within microseconds,
/// and looking at the clock and noting it takes a hundredth of them.
const CLAIM_SAMPLE: u32 = 16;
/// Claims of a script call.
const CLAIMS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Whether anything is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It is.
    On,
    /// It is not: `/metrics` is empty, and every use of a handle does nothing.
    Off,
}

/// Every state that a server may stand in, with its word.
const STATES: [(State, &str); 4] = [
    (State::Ok, "ok"),
    (State::Degraded, "degraded"),
    (State::Down, "down"),
    (State::Unknown, "unknown"),
];

/// Installs the recorder; the handle renders what it has.
pub fn install(recording: Recording) -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .set_buckets_for_metric(Matcher::Full(READ_SECONDS.to_owned()), &READ)?
        .set_buckets_for_metric(Matcher::Full(CALL_CLAIMS.to_owned()), &CLAIMS)?;
    let handle = match recording {
        Recording::On => builder.install_recorder()?,
        Recording::Off => builder.build_recorder().handle(),
    };
    describe();
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// How a server stands that the edge needs.
pub fn dependency(dependency: &Dependency) {
    for (state, word) in STATES {
        let stands = if dependency.state == state { 1.0 } else { 0.0 };
        gauge!(DEPENDENCY, "server" => dependency.name, "state" => word).set(stands);
    }
}

fn describe() {
    describe_gauge!(BUILD, "1, with the version of this build.");
    describe_gauge!(DEPENDENCY, "1 for the state that a server stands in, as this edge sees it.");
    describe_counter!(REQUESTS, "Requests answered, by route and by what the answer was.");
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "Requests, from their head to their answer, by route; of claims one in 16."
    );
    describe_gauge!(CONNECTIONS, "Open connections of clients.");
    describe_counter!(REFUSED_CONNECTIONS, "Connections closed because there were too many.");
    describe_counter!(REFUSED_HEADERS, "Forwarders' connections closed for their PROXY header.");
    describe_counter!(TOKENS, "Tokens by what came of them: verified, remembered, or why refused.");
    describe_gauge!(KEYS, "Keys that tokens are verified with.");
    describe_counter!(KEY_READS, "Reads of these keys, by how they went.");
    describe_gauge!(KEYS_READ_AT, Unit::Seconds, "When these keys were read well last; Unix time.");
    describe_histogram!(
        READ_SECONDS,
        Unit::Seconds,
        "Reading of a claim, from its head to all of its body; of one in 16."
    );
    describe_histogram!(CLAIM_SECONDS, Unit::Seconds, "Claims asked of Redis, to their answer.");
    describe_histogram!(
        BATCH_WAIT,
        Unit::Seconds,
        "Longest wait of a batch's claims for its call."
    );
    describe_histogram!(REPLICA_WAIT, Unit::Seconds, "WAITs, from their script's reply to theirs.");
    describe_histogram!(SCRIPT_SECONDS, Unit::Seconds, "Calls of the claim script, to its reply.");
    describe_histogram!(CALL_SECONDS, Unit::Seconds, "Calls of the claim script with their WAIT.");
    describe_histogram!(CALL_CLAIMS, "Claims that went together in one call of the script.");
    describe_counter!(FAILED_CALLS, "Calls of the claim script that failed, by what that means.");
    describe_counter!(WAITS, "Script calls by whether replicas held what they wrote.");
    describe_counter!(CONFIRMATIONS, "Batches confirmed by Kafka and the directory, or not.");
    describe_histogram!(WINNERS_READ, Unit::Seconds, "Reading all winners of a sold-out event.");
    describe_counter!(HANDED_OVER, "Wins handed to the publisher.");
    describe_counter!(PUBLISHED, "Wins that Kafka acknowledged.");
    describe_gauge!(BUFFERED, "Wins on their way to Kafka, or with room reserved for them.");
    describe_histogram!(PRODUCE_SECONDS, Unit::Seconds, "Batches of wins, until Kafka has them.");
    describe_counter!(FAILED_PRODUCES, "Tries to produce a batch that failed.");
    describe_counter!(ACKNOWLEDGED, "Outbox entries deleted.");
    describe_counter!(LEFT_TO_RELAY, "Outbox entries left for the relay to publish again.");
    describe_counter!(SPANS, "Spans of traced claims, by what became of them.");
    describe_gauge!(EVENTS, "Events in the directory.");
    describe_counter!(FAILED_READS, "Reads of the directory that failed.");
    describe_counter!(BAD_RECORDS, "Directory records that could not be read.");
    describe_histogram!(PROBE_SECONDS, Unit::Seconds, "Probes of the directory, until read.");
    describe_counter!(FAILED_PROBES, "Probes of the directory that did not come back.");
}

/// Of claims.
#[derive(Clone)]
pub struct ClaimMetrics {
    /// From the admitted claim to its answer.
    pub claim_seconds: Histogram,
    /// Of the claim that waited for longest, until its batch is sent.
    pub batch_wait: Histogram,
    replica_wait: Histogram,
    /// Of the script alone, where it was answered.
    pub script_seconds: Histogram,
    call_seconds: Histogram,
    call_claims: Histogram,
    /// Calls that did nothing and are tried again.
    pub not_executed: Counter,
    /// Calls that may have done something.
    pub unknown: Counter,
    /// Calls that Redis will never take.
    pub refused: Counter,
    held_twice: Counter,
    not_shown: Counter,
    skipped: Counter,
    /// Of confirmations by Kafka.
    pub confirm: ConfirmMetrics,
}

impl ClaimMetrics {
    /// The handles.
    pub fn register() -> Self {
        let failed = |result: &'static str| counter!(FAILED_CALLS, "result" => result);
        let waits = |held: &'static str| counter!(WAITS, "held" => held);
        Self {
            claim_seconds: histogram!(CLAIM_SECONDS),
            batch_wait: histogram!(BATCH_WAIT),
            replica_wait: histogram!(REPLICA_WAIT),
            script_seconds: histogram!(SCRIPT_SECONDS),
            call_seconds: histogram!(CALL_SECONDS),
            call_claims: histogram!(CALL_CLAIMS),
            not_executed: failed("not_executed"),
            unknown: failed("unknown"),
            refused: failed("refused"),
            held_twice: waits("twice"),
            not_shown: waits("not_shown"),
            skipped: waits("skipped"),
            confirm: ConfirmMetrics::register(),
        }
    }

    /// A call of the script was answered, or not.
    pub fn call(&self, took: Duration, claims: usize) {
        self.call_seconds.record(took.as_secs_f64());
        self.call_claims.record(u32::try_from(claims).unwrap_or(u32::MAX));
    }

    /// A call waited for replicas, or not.
    pub fn waited(&self, waited: WaitFor, held: Held, took: Duration) {
        if waited != WaitFor::Skip {
            self.replica_wait.record(took.as_secs_f64());
        }
        match (waited, held) {
            (WaitFor::Skip, _) => self.skipped.increment(1),
            (WaitFor::Replicas { .. }, Held::Twice) => self.held_twice.increment(1),
            (WaitFor::Replicas { .. }, Held::NotShown) => self.not_shown.increment(1),
        }
    }
}

/// Of confirmations by Kafka and the directory.
#[derive(Clone)]
pub struct ConfirmMetrics {
    /// May be told.
    pub confirmed: Counter,
    /// Kafka or the directory took too long.
    pub too_late: Counter,
    /// A newer epoch had begun.
    pub replaced: Counter,
}

impl ConfirmMetrics {
    fn register() -> Self {
        let of = |result: &'static str| counter!(CONFIRMATIONS, "result" => result);
        Self { confirmed: of("confirmed"), too_late: of("too_late"), replaced: of("replaced") }
    }
}

/// Of the winners that are kept in memory.
#[derive(Clone)]
pub struct WinnersMetrics {
    /// All pages of one event.
    pub read_seconds: Histogram,
}

impl WinnersMetrics {
    /// The handles.
    pub fn register() -> Self {
        Self { read_seconds: histogram!(WINNERS_READ) }
    }
}

/// Of the publisher.
#[derive(Clone)]
pub struct PublishMetrics {
    /// Wins taken over from the cores.
    pub handed_over: Counter,
    /// Wins that Kafka has.
    pub published: Counter,
    /// Wins on their way.
    pub buffered: Gauge,
    /// A batch, retries included.
    pub produce_seconds: Histogram,
    /// Tries that failed.
    pub failed_produces: Counter,
    /// Outbox entries deleted.
    pub acknowledged: Counter,
    /// Outbox entries that are the relay's.
    pub left_to_relay: Counter,
}

impl PublishMetrics {
    /// The handles.
    pub fn register() -> Self {
        Self {
            handed_over: counter!(HANDED_OVER),
            published: counter!(PUBLISHED),
            buffered: gauge!(BUFFERED),
            produce_seconds: histogram!(PRODUCE_SECONDS),
            failed_produces: counter!(FAILED_PRODUCES),
            acknowledged: counter!(ACKNOWLEDGED),
            left_to_relay: counter!(LEFT_TO_RELAY),
        }
    }
}

/// Of traces, where there are any.
pub fn spans() -> trace::Counters {
    let of = |result: &'static str| counter!(SPANS, "result" => result);
    trace::Counters { exported: of("exported"), dropped: of("dropped"), failed: of("failed") }
}

/// Of the directory.
#[derive(Clone)]
pub struct DirectoryMetrics {
    /// Events known.
    pub events: Gauge,
    /// Fetches that failed.
    pub failed_reads: Counter,
    /// Records passed over.
    pub bad_records: Counter,
    /// From sending to reading.
    pub probe_seconds: Histogram,
    /// Probes that did not come back.
    pub failed_probes: Counter,
}

impl DirectoryMetrics {
    /// The handles.
    pub fn register() -> Self {
        Self {
            events: gauge!(EVENTS),
            failed_reads: counter!(FAILED_READS),
            bad_records: counter!(BAD_RECORDS),
            probe_seconds: histogram!(PROBE_SECONDS),
            failed_probes: counter!(FAILED_PROBES),
        }
    }
}
