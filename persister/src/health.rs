//! The private port: `/health`, `/health/live`, `/health/ready`, `/metrics`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tracing::warn;

use crate::status::{Health, Role, Status};

/// Connections at a time; a scraper and a few probes need fewer.
const MAX_CONNECTIONS: usize = 32;
/// For a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is closed after this long, busy or not.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// The most bytes of a request's headers.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Histograms keep what was recorded until they are tidied.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What the private port serves.
pub struct Private {
    listener: TcpListener,
    status: Arc<Status>,
    metrics: PrometheusHandle,
}

impl Private {
    /// Takes the port.
    pub async fn bind(
        address: SocketAddr,
        status: Arc<Status>,
        metrics: PrometheusHandle,
    ) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, status, metrics })
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        let mut upkeep = interval(UPKEEP_INTERVAL);
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                    match accepted {
                        Ok((stream, _)) => {
                            connections.spawn(self.connection(stream));
                        }
                        Err(error) => {
                            warn!(%error, "the private port does not take a connection");
                            upkeep.tick().await;
                        }
                    }
                }
                _ = connections.join_next(), if !connections.is_empty() => {}
                _ = upkeep.tick() => self.metrics.run_upkeep(),
            }
        }
    }

    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        let (status, metrics) = (Arc::clone(&self.status), self.metrics.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let reply = answer(request.method(), request.uri().path(), &status, &metrics);
            std::future::ready(Ok::<_, Infallible>(reply))
        });
        async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(MAX_HEADER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            // How it ended concerns nobody: the other side closed it, or its time was up.
            let _ = timeout(CONNECTION_LIFE, served).await;
        }
    }
}

fn answer(
    method: &Method,
    path: &str,
    status: &Status,
    metrics: &PrometheusHandle,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    match path {
        "/metrics" => {
            status.show();
            let fenced = status.fenced.render(Instant::now());
            text(StatusCode::OK, metrics.render() + &fenced)
        }
        "/health/live" => text(StatusCode::OK, "alive\n"),
        "/health" => health(status),
        "/health/ready" => ready(status),
        _ => {
            text(StatusCode::NOT_FOUND, "here are /health, /health/live, /health/ready, /metrics\n")
        }
    }
}

fn health(status: &Status) -> Response<Full<Bytes>> {
    let report = status.report();
    let code = match report.status {
        Health::Ok | Health::Degraded => StatusCode::OK,
        Health::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = serde_json::to_vec(&report).unwrap_or_default();
    reply(code, "application/json", body)
}

/// Ready is who leads or could: MySQL can be asked, and nobody has asked it to end. Other servers
/// that are missing are missing for everybody, so taking this process out would help nobody.
fn ready(status: &Status) -> Response<Full<Bytes>> {
    let report = status.report();
    let why = match (report.role, report.status) {
        (Role::Draining, _) => "it ends",
        (_, Health::Down) => report.mysql.as_str(),
        (_, Health::Ok | Health::Degraded) => return text(StatusCode::OK, "ready\n"),
    };
    text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n"))
}

fn text(code: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    reply(code, "text/plain; charset=utf-8", body)
}

fn reply(code: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = code;
    reply.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    fn code(method: Method, path: &str, status: &Status) -> u16 {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        answer(&method, path, status, &metrics).status().as_u16()
    }

    #[test]
    fn readiness_follows_mysql_and_liveness_does_not() {
        let status = Status::new();
        assert_eq!(code(Method::GET, "/health/live", &status), 200);
        assert_eq!(code(Method::GET, "/health/ready", &status), 503);
        status.mysql_ok();
        assert_eq!(code(Method::GET, "/health", &status), 200);
        assert_eq!(code(Method::GET, "/health/ready", &status), 200);
        assert_eq!(code(Method::GET, "/metrics", &status), 200);
        assert_eq!(code(Method::GET, "/", &status), 404);
        assert_eq!(code(Method::POST, "/health", &status), 405);
        status.role(Role::Draining);
        assert_eq!(code(Method::GET, "/health/ready", &status), 503);
        assert_eq!(code(Method::GET, "/health", &status), 200);
        assert_eq!(code(Method::GET, "/health/live", &status), 200);
    }
}
