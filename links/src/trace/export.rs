//! Spans that have ended, on their way to the collector. One task sends them, a batch at a time; what
//! does not reach the collector is counted and gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use metrics::Counter;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, RetryPolicy, SpanExporter as Otlp, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

use super::{On, Setting, Tracer};

/// Spans that may wait to be sent, some 500 bytes each; one more is dropped.
const MAX_WAITING: usize = 8_192;
/// Spans of one request to the collector.
const MAX_BATCH: usize = 512;
/// How long a batch grows, from its first span on.
const LINGER: Duration = Duration::from_secs(1);
/// For one request, from connecting to the whole answer. It is not tried again.
const EXPORT_DEADLINE: Duration = Duration::from_secs(3);
/// For what waits when the program ends.
pub const FLUSH_DEADLINE: Duration = Duration::from_secs(1);
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;

/// Who the spans are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Which program: `edge`, `persister`.
    pub name: &'static str,
    /// Which of its processes.
    pub instance: String,
    /// Its version.
    pub version: &'static str,
}

/// What became of spans.
#[derive(Debug, Clone)]
pub struct Counters {
    /// The collector has them.
    pub exported: Counter,
    /// The queue was full.
    pub dropped: Counter,
    /// The collector did not take them.
    pub failed: Counter,
}

/// The exporter cannot be made: a variable of OpenTelemetry's own, such as
/// `OTEL_EXPORTER_OTLP_COMPRESSION`, wants what this build does not have.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be sent: {0}")]
pub struct NotStarted(#[from] ExporterBuildError);

/// A tracer, and who sends what it traces: to be run as long as the program lives.
pub fn start(
    setting: &Setting,
    service: Service,
    counters: Counters,
) -> Result<(Tracer, Exporter), NotStarted> {
    let collector = Collector { authority: setting.endpoint.authority.clone() };
    let mut otlp = Otlp::builder()
        .with_http()
        .with_http_client(collector)
        .with_endpoint(setting.endpoint.traces())
        .with_timeout(EXPORT_DEADLINE)
        // It would sleep on the thread that everything else runs on.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    otlp.set_resource(&resource(service));
    let (ended, waiting) = mpsc::channel(MAX_WAITING);
    let exporter = Exporter { otlp, waiting, counters: counters.clone(), failures: 0 };
    let on = On { ratio: setting.ratio, ended, counters };
    Ok((Tracer(Some(Arc::new(on))), exporter))
}

fn resource(service: Service) -> Resource {
    let Service { name, instance, version } = service;
    Resource::builder_empty()
        .with_service_name(name)
        .with_attributes([
            KeyValue::new("service.instance.id", instance),
            KeyValue::new("service.version", version),
        ])
        .build()
}

/// Sends spans.
#[derive(Debug)]
pub struct Exporter {
    otlp: Otlp,
    waiting: mpsc::Receiver<SpanData>,
    counters: Counters,
    /// Requests that failed since the last one that did not.
    failures: u64,
}

impl Exporter {
    /// Sends until no span can come any more: every [`Tracer`] and every span under way is gone.
    pub async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            self.send(batch).await;
        }
    }

    #[cfg(test)]
    pub(super) fn waiting_spans(&self) -> usize {
        self.waiting.len()
    }

    /// The next batch; None when no more can come.
    async fn gather(&mut self) -> Option<Vec<SpanData>> {
        let mut batch = vec![self.waiting.recv().await?];
        let grown = Instant::now() + LINGER;
        while batch.len() < MAX_BATCH {
            let room = MAX_BATCH - batch.len();
            match timeout_at(grown, self.waiting.recv_many(&mut batch, room)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        Some(batch)
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len() as u64;
        let late = |_| Err(OTelSdkError::Timeout(EXPORT_DEADLINE));
        match timeout(EXPORT_DEADLINE, self.otlp.export(batch)).await.unwrap_or_else(late) {
            Ok(()) => {
                self.counters.exported.increment(spans);
                self.failures = 0;
            }
            Err(error) => {
                self.counters.failed.increment(spans);
                self.failures = self.failures.saturating_add(1);
                // A collector may be away for hours: the 1st, 2nd, 4th, 8th … failure says enough.
                if self.failures.is_power_of_two() {
                    warn!(%error, failures = self.failures, "spans do not reach the collector");
                }
            }
        }
    }
}

/// The collector, on a connection a request: there is one a second at most.
#[derive(Debug)]
struct Collector {
    authority: String,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(path)?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&self.authority)?);
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answered = async move {
            let (head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        // The connection ends with its sender, which ends with the answer.
        let (answer, _) = tokio::join!(answered, connection);
        answer
    }
}
