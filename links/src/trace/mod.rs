//! Traces: what a few claims did and for how long, sent as OTLP to a collector.
//!
//! - [`context`]: who a span belongs to, as the header `traceparent` says it (W3C Trace Context).
//! - [`setting`]: where spans go, and of how many claims.
//! - [`span`]: one piece of work.
//! - [`export`]: the queue of spans that have ended, and who sends it.
//!
//! Architecture invariant: the crates of OpenTelemetry appear here and nowhere else. Work never waits
//! for a trace: a queue that is full drops the span and counts it. Off, or where a claim is not drawn,
//! a trace is a `None`: a branch, no memory, no lock.

pub mod context;
pub mod export;
pub mod setting;
pub mod span;

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc;

pub use context::{Context, Parent};
pub use export::{Counters, Exporter, FLUSH_DEADLINE, NotStarted, Service, start};
pub use setting::{Endpoint, Ratio, Setting};
pub use span::{Kind, Span};

/// Begins spans. A clone is cheap.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<On>>);

/// What every span of a tracer needs.
#[derive(Debug)]
struct On {
    ratio: Ratio,
    ended: mpsc::Sender<SpanData>,
    counters: Counters,
}

impl Tracer {
    /// One that never begins anything.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether anything may be traced at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The first span of this process for a request, if the request is drawn. What its sender says in
    /// `traceparent` is gone on with; that nothing is to be traced is believed, and that something is
    /// makes it no likelier than any other.
    pub fn first<'a>(
        &self,
        name: &'static str,
        traceparent: impl FnOnce() -> Option<&'a [u8]>,
    ) -> Option<Span> {
        let on = self.0.as_ref()?;
        if !on.ratio.draws() {
            return None;
        }
        match traceparent().and_then(Parent::parse) {
            Some(Parent { sampled: false, .. }) => None,
            Some(Parent { context, .. }) => Some(Span::of(on, Kind::Server, name).below(context)),
            None => Some(Span::of(on, Kind::Server, name)),
        }
    }

    /// A span below one of this process, if there is that one.
    pub fn below(&self, above: Option<Context>, kind: Kind, name: &'static str) -> Option<Span> {
        let (on, above) = (self.0.as_ref()?, above?);
        Some(Span::of(on, kind, name).within(above))
    }

    /// A span below one that another of our processes told of in `traceparent`, if that one is traced.
    /// It was drawn there.
    pub fn after(&self, traceparent: &[u8], name: &'static str, began: SystemTime) -> Option<Span> {
        let on = self.0.as_ref()?;
        let parent = Parent::parse(traceparent).filter(|parent| parent.sampled)?;
        Some(Span::of(on, Kind::Consumer, name).below(parent.context).begun_at(began))
    }
}

#[cfg(test)]
mod tests;
