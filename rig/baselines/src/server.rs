//! The bare HTTP server that every baseline serves with.
//!
//! Without limits and timeouts, on purpose: each would cost a baseline CPU, and a slower baseline
//! flatters what is compared with it. Loopback and a bench only.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A baseline's answer.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Serves until the process is ended. Says `ready ADDRESS` when it accepts.
pub(crate) async fn serve<A, F>(listen: SocketAddr, answer: A) -> Result<(), Box<dyn Error>>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    announce(listener.local_addr()?)?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        while connections.try_join_next().is_some() {}
        connections.spawn(serve_connection(stream, answer.clone()));
    }
}

/// A line that other programs wait for, so it is written at once.
fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {address}")?;
    out.flush()
}

async fn serve_connection<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Reply>,
{
    // A connection that fails is its client's loss; the load generator counts it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let reply = answer(request);
        async move { Ok::<_, Infallible>(reply.await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
