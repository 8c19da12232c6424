//! One piece of work, from when it begins until it ends.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::On;
use super::context::Context;

/// What a span's work is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It answers a request.
    Server,
    /// Nobody else's business.
    Internal,
    /// It asks somebody.
    Client,
    /// It sends a message.
    Producer,
    /// It takes a message.
    Consumer,
}

/// A piece of work under way. Only one that is ended is told; one that is dropped never was.
///
/// What it is told with must name nobody: no user, no token, no body.
pub struct Span(Box<Work>);

struct Work {
    on: Arc<On>,
    context: Context,
    above: SpanId,
    is_remote: bool,
    kind: Kind,
    name: &'static str,
    began: SystemTime,
    said: Vec<KeyValue>,
}

impl Span {
    /// The first of a trace, from now on.
    pub(super) fn of(on: &Arc<On>, kind: Kind, name: &'static str) -> Self {
        Self(Box::new(Work {
            on: Arc::clone(on),
            context: Context::new(),
            above: SpanId::INVALID,
            is_remote: false,
            kind,
            name,
            began: SystemTime::now(),
            said: Vec::new(),
        }))
    }

    /// Below one of this process.
    pub(super) fn within(mut self, above: Context) -> Self {
        self.0.context = above.next();
        self.0.above = above.span;
        self
    }

    /// Below one of another process.
    pub(super) fn below(self, above: Context) -> Self {
        let mut span = self.within(above);
        span.0.is_remote = true;
        span
    }

    /// Begun before it was known that it is traced.
    #[must_use]
    pub fn begun_at(mut self, began: SystemTime) -> Self {
        self.0.began = began;
        self
    }

    /// A span below this one, from now on.
    #[must_use]
    pub fn child(&self, kind: Kind, name: &'static str) -> Self {
        Self::of(&self.0.on, kind, name).within(self.0.context)
    }

    /// Who it is, for what comes below it.
    pub fn context(&self) -> Context {
        self.0.context
    }

    /// Says something about it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.said.push(KeyValue::new(name, value));
        self
    }

    /// It has ended. Where the queue is full it is dropped, and counted.
    pub fn end(self) {
        let on = Arc::clone(&self.0.on);
        if on.ended.try_send(self.data()).is_err() {
            on.counters.dropped.increment(1);
        }
    }

    fn data(self) -> SpanData {
        let Work { context, above, is_remote, kind, name, began, said, .. } = *self.0;
        let Context { trace, span } = context;
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::NONE);
        SpanData {
            span_context: SpanContext::new(trace, span, flags, false, state),
            parent_span_id: above,
            parent_span_is_remote: is_remote,
            span_kind: kind.into(),
            name: name.into(),
            start_time: began,
            end_time: SystemTime::now(),
            attributes: said,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.name, self.0.context)
    }
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server,
            Kind::Internal => Self::Internal,
            Kind::Client => Self::Client,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
        }
    }
}
