//! The admin API: what operators do over HTTP, on a private port of its own.
//!
//! - `routes`: everything that can be called, on one screen.
//! - `tokens`, `guesses`, `guard`: who calls, what they may do, how long it may take.
//! - `ask`, `problem`: how a call is read, and how an error is told.
//! - `events`, `winners`, `coupons`, `desk`, `runs`, `preflight`, `trail`, `users`: the calls; each asks
//!   a use case that the command line asks too.
//! - `console`, `live`: the page for operators' browsers, and what it asks once a second.
//!
//! Architecture invariant: axum appears in this folder and nowhere else, and nothing is decided here.

mod ask;
mod console;
mod coupons;
mod desk;
mod events;
mod guard;
mod guesses;
mod live;
mod preflight;
mod problem;
mod routes;
mod runs;
pub mod tokens;
mod trail;
mod users;
mod winners;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use links::kafka::Kafka;
use links::redis::Cluster;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::desk::Desk;
use crate::live::{Live, Me};
use crate::store::Store;
use guard::Peer;
use tokens::Tokens;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 64;
/// MySQL sessions of all calls together: `max_connections` of ops/mysql/my.cnf is shared with the
/// leader, whose lease and rows must never wait for a connection.
const MAX_SESSIONS: usize = 8;
/// MySQL sessions of exports, beside those: one goes as slowly as its reader, and keeps its own.
const MAX_EXPORTS: usize = 2;
/// For a request's headers, and between two requests of a connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection is closed after this long, busy or not: 10M winners are exported in minutes.
const CONNECTION_LIFE: Duration = Duration::from_secs(3_600);
/// The most bytes of a request's headers.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What the calls work with.
#[derive(Clone)]
pub struct Backends {
    /// MySQL, for [`MAX_SESSIONS`] at once.
    store: Store,
    /// MySQL, for [`MAX_EXPORTS`] at once.
    exports: Store,
    cluster: Cluster,
    kafka: Kafka,
    /// The private port of each NGINX, for a look before a sale.
    nginx: Arc<[String]>,
    /// Brings dead letters again.
    desk: Arc<Desk>,
    /// Gathers what the console shows.
    live: Arc<Live>,
}

impl Backends {
    /// Of those servers, for the process that serves them.
    pub fn new(me: Me, store: &Store, cluster: Cluster, kafka: Kafka, nginx: Vec<String>) -> Self {
        let (exports, store) = (store.bounded(MAX_EXPORTS), store.bounded(MAX_SESSIONS));
        let desk = Arc::new(Desk::new(store.clone(), cluster.clone(), &kafka));
        let live = Arc::new(Live::new(me, store.clone(), cluster.clone(), &kafka));
        Self { store, exports, cluster, kafka, nginx: nginx.into(), desk, live }
    }
}

/// The admin API's port.
pub struct Admin {
    listener: TcpListener,
    routes: Router,
}

impl Admin {
    /// Takes the port.
    pub async fn bind(
        address: SocketAddr,
        tokens: Tokens,
        backends: Backends,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, routes: routes::routes(backends, tokens) })
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                    match accepted {
                        Ok((stream, peer)) => {
                            let routes = self.routes.clone().layer(Extension(Peer(peer.ip())));
                            connections.spawn(connection(stream, routes));
                        }
                        Err(error) => {
                            warn!(%error, "the admin port does not take a connection");
                            sleep(ACCEPT_PAUSE).await;
                        }
                    }
                }
                _ = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    }
}

async fn connection(stream: TcpStream, routes: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // How it ended concerns nobody: the other side closed it, or its time was up.
    let _ = timeout(CONNECTION_LIFE, served).await;
}
