//! The spans of a claim: their names and what they say, which is never who asks.
//!
//! `claim` is the whole request. Below it: `batch wait` until the call that asks Redis, `script and
//! wait` that call, `publish` from the publisher's buffer until Kafka has the win, which mostly ends
//! after the answer. The record's `traceparent` names the last one, and the persister goes on from it.

use contract::ids::EventId;
use hyper::HeaderMap;
use hyper::header::HeaderName;
use links::script_connection::Held;
use links::trace::{Context, Kind, Span, Tracer};

use crate::code::Code;
use crate::issue::{Answered, NotIssued};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A claim's span, if it is drawn.
pub fn claim(tracer: &Tracer, headers: &HeaderMap) -> Option<Span> {
    tracer.first("claim", || {
        // Of several none is the sender's.
        let mut values = headers.get_all(TRACEPARENT).iter();
        values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes())
    })
}

/// What a claim's span says of its event, where the request names one.
#[must_use]
pub fn of_event(span: Span, result: &Result<Answered, NotIssued>) -> Span {
    let event = match result {
        Ok(Answered { event, .. })
        | Err(
            NotIssued::UnknownEvent(event)
            | NotIssued::DirectoryStale(event)
            | NotIssued::KeyRequired(event)
            | NotIssued::Untold(event, _),
        ) => event,
        Err(NotIssued::Request(_) | NotIssued::Exceeded(_) | NotIssued::Refused(_)) => return span,
    };
    span.with("firstcome.event", EventId::to_string(event))
}

/// A claim is answered.
pub fn answered(span: Span, code: Code) {
    span.with("firstcome.outcome", code.as_str()).end();
}

/// A claim waits for the call that asks Redis.
pub(crate) fn waits(tracer: &Tracer, claim: Option<Context>) -> Option<Span> {
    tracer.below(claim, Kind::Internal, "batch wait")
}

/// It is asked of Redis.
pub(crate) fn asks(tracer: &Tracer, claim: Option<Context>) -> Option<Span> {
    let span = tracer.below(claim, Kind::Client, "script and wait")?;
    Some(span.with("db.system.name", "redis"))
}

/// Redis has answered, or not.
pub(crate) fn asked(span: Span, claims: usize, held: Option<Held>) {
    let held = match held {
        Some(Held::Twice) => "twice",
        Some(Held::NotShown) => "not_shown",
        None => "no_answer",
    };
    let claims = i64::try_from(claims).unwrap_or(i64::MAX);
    span.with("firstcome.claims", claims).with("firstcome.held", held).end();
}

/// A win goes to Kafka.
pub(crate) fn publishes(tracer: &Tracer, claim: Option<Context>) -> Option<Span> {
    let span = tracer.below(claim, Kind::Producer, "publish")?;
    Some(span.with("messaging.system", "kafka"))
}

/// Kafka has it.
pub(crate) fn published(span: Span, partition: i32) {
    span.with("messaging.destination.partition.id", i64::from(partition)).end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use links::trace::{Counters, Endpoint, Ratio, Service, Setting, start};
    use metrics::Counter;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn tracer() -> Tracer {
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let service = Service { name: "edge", instance: "edge-1".to_owned(), version: "0" };
        let noop = Counter::noop;
        let counters = Counters { exported: noop(), dropped: noop(), failed: noop() };
        let (tracer, _) =
            start(&Setting { endpoint, ratio: Ratio::ALL }, service, counters).unwrap();
        tracer
    }

    /// The trace of a claim with so many parents.
    fn trace_of(parents: usize) -> String {
        let mut headers = HeaderMap::new();
        for span in 1..=parents {
            let value = format!("00-{TRACE}-{span:016x}-01").parse().unwrap();
            headers.append(TRACEPARENT, value);
        }
        let header = claim(&tracer(), &headers).unwrap().context().to_string();
        header.split('-').nth(1).unwrap().to_owned()
    }

    #[test]
    fn one_parent_is_gone_on_with_and_several_are_none() {
        assert_eq!(trace_of(1), TRACE);
        assert_ne!(trace_of(0), TRACE);
        assert_ne!(trace_of(2), TRACE);
    }
}
