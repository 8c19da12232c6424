//! One core's server: accepts, serves, finishes.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::proxy_protocol::{self, Forwarders};
use crate::routes::Routes;
use crate::stage::{Stage, StageSender, Stages};

/// Connections that wait to be accepted, on one core.
const BACKLOG: i32 = 4_096;
/// Open connections of one core. An idle one costs about 9 KiB.
const MAX_CONNECTIONS: usize = 16_384;
/// For the whole head of a request to arrive, counted from the end of the one before: so also the
/// longest that a connection is idle. Above the 60 s that NGINX keeps an idle one, so that NGINX
/// closes it, and never sends a claim into a close.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// For a client to read on: after this long without room for what is to be sent, or without a word that
/// it came, the kernel ends the connection. Answers take milliseconds; nobody else waits for a client.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest head, in bytes.
const MAX_HEAD_BYTES: usize = 8_192;
/// What hyper keeps of a connection's input and output, in bytes.
const MAX_BUFFER_BYTES: usize = 16_384;
/// After an accept that failed: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A socket that shares its port with those of the other cores; the kernel spreads connections
/// over them.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Connections that are accepted have it from here.
    socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts and serves until it is to stop. Returns the connections that are still open: those
/// that idle close at once, the others with the answer to the request that is under way.
pub async fn accept(
    listener: TcpListener,
    forwarders: &Forwarders,
    routes: Rc<Routes>,
    mut stages: Stages,
) -> JoinSet<()> {
    // A stage of its own for each core, so that connections of several cores share no lock.
    let (stopping, here) = StageSender::serving();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stages.entered(Stage::Stopping) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok(accepted) => take(&mut connections, accepted, forwarders, &routes, &here),
            Err(error) => {
                warn!(%error, "no connection can be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Those that the kernel has taken already would be reset.
    while let Ok(Ok(accepted)) = timeout(Duration::ZERO, listener.accept()).await {
        take(&mut connections, accepted, forwarders, &routes, &here);
    }
    stopping.enter(Stage::Stopping);
    connections
}

fn take(
    connections: &mut JoinSet<()>,
    (stream, peer): (TcpStream, SocketAddr),
    forwarders: &Forwarders,
    routes: &Rc<Routes>,
    stages: &Stages,
) {
    if connections.len() >= MAX_CONNECTIONS {
        routes.metrics.refused_connections.increment(1);
        return;
    }
    let (peer, routes, stages) = (peer.ip(), Rc::clone(routes), stages.clone());
    if forwarders.has(peer) {
        connections.spawn_local(serve_forwarded(stream, peer, routes, stages));
    } else {
        connections.spawn_local(serve_connection(stream, peer, routes, stages));
    }
}

/// A forwarder says first whose connection it is.
async fn serve_forwarded(
    mut stream: TcpStream,
    forwarder: IpAddr,
    routes: Rc<Routes>,
    stages: Stages,
) {
    // Boxed: the connection would else keep room for a header until it ends.
    match Box::pin(proxy_protocol::client(&mut stream, forwarder)).await {
        Ok(client) => serve_connection(stream, client, routes, stages).await,
        Err(refused) => {
            routes.metrics.refused_header(refused);
            debug!(%forwarder, why = refused.as_str(), "no PROXY header");
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: IpAddr, routes: Rc<Routes>, mut stages: Stages) {
    let open = routes.metrics.connections.clone();
    open.increment(1);
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection was gone at once");
    }
    let service = service_fn(|request| {
        let routes = Rc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.answer(request, peer).await) }
    });
    let mut connection = pin!(http().serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stages.entered(Stage::Stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        // Cut off, too slow, not HTTP: the client's doing.
        debug!(%error, "a connection ended early");
    }
    open.decrement(1);
}

/// Without `pipeline_flush`: with it, hyper 1.12 closes without its 400 or 431 when unread bytes
/// follow what it cannot parse.
fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES);
    http
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[test]
    fn a_connection_whose_client_reads_nothing_is_not_kept() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let timeout = SockRef::from(&accepted).tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(UNREAD_TIMEOUT));
    }
}
