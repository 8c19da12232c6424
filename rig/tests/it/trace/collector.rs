//! A collector that keeps what it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A span as it was told, and by which program.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) service: String,
    pub(super) span: Span,
}

impl Told {
    /// What it says about itself under this name, if that is a text.
    pub(super) fn says(&self, name: &str) -> Option<&str> {
        text_of(&self.span.attributes, name)
    }
}

/// Serves until it is dropped.
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    told: Arc<Mutex<Vec<Told>>>,
    _serving: JoinSet<()>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::default();
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, Arc::clone(&told)));
        Self { address, told, _serving: serving }
    }

    /// Everything so far.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// The spans of a trace, by the digits of its id.
    pub(super) fn of_trace(&self, trace: &str) -> Vec<Told> {
        self.told().into_iter().filter(|told| digits(&told.span.trace_id) == trace).collect()
    }
}

async fn accept(listener: TcpListener, told: Arc<Mutex<Vec<Told>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, Arc::clone(&told)));
    }
}

async fn serve(stream: TcpStream, told: Arc<Mutex<Vec<Told>>>) {
    let take = service_fn(|request: Request<Incoming>| async {
        assert_eq!(request.uri().path(), "/v1/traces");
        let body = request.into_body().collect().await?.to_bytes();
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        told.lock().unwrap().extend(request.resource_spans.into_iter().flat_map(spans));
        Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
    });
    // A program that ends cuts it off.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), take).await);
}

fn spans(of_one: ResourceSpans) -> impl Iterator<Item = Told> {
    let resource = of_one.resource.unwrap_or_default();
    let service = text_of(&resource.attributes, "service.name").unwrap().to_owned();
    let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(move |span| Told { service: service.clone(), span })
}

fn text_of<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|pair| pair.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// An id as `traceparent` spells it.
pub(super) fn digits(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
