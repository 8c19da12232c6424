//! The private port: `/metrics`, for Prometheus alone.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::claims::winners::Winners;

/// Scrapers that are connected at a time.
const MAX_CONNECTIONS: usize = 32;
/// For a request's head to arrive, and the longest that a connection is idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// After an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What `/metrics` shows.
#[derive(Clone)]
pub struct Page {
    /// What was recorded.
    pub recorded: PrometheusHandle,
    /// Which events are sold out stands beside it, unless nothing is recorded.
    pub winners: Option<Winners>,
}

impl Page {
    fn render(&self) -> String {
        let events = self.winners.as_ref().map(|winners| winners.render(Instant::now()));
        self.recorded.render() + &events.unwrap_or_default()
    }
}

/// Takes the private port.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers scrapers until it is dropped.
pub async fn serve(listener: TcpListener, metrics: Page) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, metrics.clone()));
            }
            Err(error) => {
                warn!(%error, "no scraper can be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, metrics: Page) {
    let service = service_fn(|request| {
        let response = answer(&request, &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a scraper's connection ended early");
    }
}

fn answer(request: &Request<Incoming>, metrics: &Page) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, metrics.render()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}
