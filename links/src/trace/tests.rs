//! Spans from a claim to a collector that is a server of the test's.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use metrics::Counter;
use metrics::atomics::AtomicU64;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as Told;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(30);
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What became of spans, as a scrape would see it.
#[derive(Default)]
struct Counts {
    exported: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

#[derive(Debug, PartialEq, Eq)]
struct Spans {
    exported: u64,
    dropped: u64,
    failed: u64,
}

const NONE: Spans = Spans { exported: 0, dropped: 0, failed: 0 };

impl Counts {
    fn counters(&self) -> Counters {
        let counter = |counts: &Arc<AtomicU64>| Counter::from_arc(Arc::clone(counts));
        Counters {
            exported: counter(&self.exported),
            dropped: counter(&self.dropped),
            failed: counter(&self.failed),
        }
    }

    fn now(&self) -> Spans {
        let spans = |counts: &AtomicU64| counts.load(Ordering::Relaxed);
        Spans {
            exported: spans(&self.exported),
            dropped: spans(&self.dropped),
            failed: spans(&self.failed),
        }
    }
}

fn started(collector: SocketAddr, ratio: &str) -> (Tracer, Exporter, Counts) {
    let endpoint = Endpoint::parse(&format!("http://{collector}")).unwrap();
    let setting = Setting { endpoint, ratio: Ratio::parse(ratio).unwrap() };
    let service = Service { name: "edge", instance: "edge-1".to_owned(), version: "0" };
    let counts = Counts::default();
    let (tracer, exporter) = start(&setting, service, counts.counters()).unwrap();
    (tracer, exporter, counts)
}

/// A collector that takes one request, and what it was told.
async fn collector() -> (SocketAddr, mpsc::Receiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, told) = mpsc::channel(1);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let take = service_fn(|request: Request<Incoming>| async {
            assert_eq!(request.uri().to_string(), "/v1/traces");
            let body = request.into_body().collect().await.unwrap().to_bytes();
            sender.send(ExportTraceServiceRequest::decode(body).unwrap()).await.unwrap();
            Ok::<_, hyper::Error>(Response::new(Empty::<bytes::Bytes>::new()))
        });
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), take).await);
    });
    (address, told)
}

fn nobody() -> SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

#[tokio::test]
async fn spans_reach_the_collector_with_their_parents() {
    let (address, mut told) = collector().await;
    let (tracer, exporter, counts) = started(address, "1");
    let root = tracer.first("claim", || Some(PARENT.as_bytes())).unwrap();
    let child = root.child(Kind::Producer, "publish").with("partition", 7);
    let header = child.context().to_string();
    child.end();
    root.with("outcome", "issued").end();
    tracer.after(header.as_bytes(), "consume", SystemTime::now()).unwrap().end();
    drop(tracer);
    assert_eq!(counts.now(), NONE, "nothing was sent yet");
    timeout(SOON, exporter.run()).await.expect("it ends with its tracers");
    assert_eq!(counts.now(), Spans { exported: 3, ..NONE });

    let mut request = told.recv().await.unwrap();
    let mut of_edge = request.resource_spans.remove(0);
    let names: Vec<_> = of_edge.resource.unwrap().attributes.into_iter().collect();
    let service = names.iter().find(|pair| pair.key == "service.name").unwrap();
    let service = service.value.clone().unwrap().value;
    assert_eq!(service, Some(Value::StringValue("edge".to_owned())));
    let spans = of_edge.scope_spans.remove(0).spans;
    let find = |name: &str| -> &Told { spans.iter().find(|span| span.name == name).unwrap() };
    let (claim, publish, consume) = (find("claim"), find("publish"), find("consume"));
    assert_eq!(claim.parent_span_id, hex("00f067aa0ba902b7"));
    assert_eq!(publish.parent_span_id, claim.span_id);
    assert_eq!(consume.parent_span_id, publish.span_id);
    for span in [claim, publish, consume] {
        assert_eq!(span.trace_id, hex("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[tokio::test]
async fn whoever_asks_may_keep_out_of_a_trace_and_never_force_one() {
    let unsampled = format!("{}00", &PARENT[..53]);
    let (all, exporter, counts) = started(nobody(), "1");
    assert!(all.first("claim", || Some(unsampled.as_bytes())).is_none());
    assert!(all.first("claim", || Some(PARENT.as_bytes())).is_some());
    assert!(all.first("claim", || Some(b"nonsense")).is_some());
    assert!(all.first("claim", || None).is_some());
    assert!(all.after(unsampled.as_bytes(), "consume", SystemTime::now()).is_none());
    assert_eq!((exporter.waiting_spans(), counts.now()), (0, NONE), "no span has ended");
    let (none, _exporter, _) = started(nobody(), "0");
    assert!((0..1_000).all(|_| none.first("claim", || Some(PARENT.as_bytes())).is_none()));
}

#[test]
fn off_is_nothing() {
    let off = Tracer::off();
    assert!(!off.is_on());
    assert!(off.first("claim", || unreachable!("nobody looks")).is_none());
    assert!(off.below(Some(Context::new()), Kind::Client, "script").is_none());
    assert!(off.after(PARENT.as_bytes(), "consume", SystemTime::now()).is_none());
}

#[tokio::test]
async fn a_collector_that_refuses_or_is_away_ends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refuse = async {
        let (stream, _) = listener.accept().await.unwrap();
        let refuse = service_fn(|_| async {
            let mut response = Response::new(Empty::<bytes::Bytes>::new());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, hyper::Error>(response)
        });
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), refuse).await);
    };
    let (tracer, exporter, counts) = started(address, "1");
    tracer.first("claim", || None).unwrap().end();
    drop(tracer);
    timeout(SOON, async { tokio::join!(exporter.run(), refuse) }).await.unwrap();
    assert_eq!(counts.now(), Spans { failed: 1, ..NONE });

    let (tracer, exporter, counts) = started(nobody(), "1");
    tracer.first("claim", || None).unwrap().end();
    drop(tracer);
    timeout(SOON, exporter.run()).await.unwrap();
    assert_eq!(counts.now(), Spans { failed: 1, ..NONE });
}

#[tokio::test]
async fn a_full_queue_drops_and_never_waits() {
    const ENDED: u64 = 20_000;
    const WAITING: u64 = 8_192;
    let (tracer, exporter, counts) = started(nobody(), "1");
    for _ in 0..ENDED {
        tracer.first("claim", || None).unwrap().end();
    }
    assert_eq!(exporter.waiting_spans() as u64, WAITING);
    let dropped = Spans { dropped: ENDED - WAITING, ..NONE };
    assert_eq!(counts.now(), dropped);
    // What waited is counted as well: of all that ended nothing goes without a word.
    drop(tracer);
    timeout(SOON, exporter.run()).await.unwrap();
    assert_eq!(counts.now(), Spans { failed: WAITING, ..dropped });
}

#[tokio::test]
async fn a_span_that_nobody_sends_any_more_is_dropped() {
    let (tracer, exporter, counts) = started(nobody(), "1");
    drop(exporter);
    tracer.first("claim", || None).unwrap().end();
    assert_eq!(counts.now(), Spans { dropped: 1, ..NONE });
}
