//! The rows of the table that are loads: who is asked for what, over which connections.

use super::measure::Work;
use super::wrk::{Keeping, Over};

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its name, in the report and for `--only`.
    pub name: &'static str,
    /// Who is asked.
    pub server: Server,
    /// What is asked for.
    pub sale: Sale,
    /// What becomes of a connection after an answer.
    pub keeping: Keeping,
    /// Whether it is measured over a thousand connections too.
    pub crowded: Crowded,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// R, which answers everything alike: what HTTP alone costs.
    Plain,
    /// An edge.
    Edge,
    /// An edge that asks Redis even where it remembers that nothing is left.
    AskingEdge,
    /// The first edge, through NGINX as an HTTP proxy.
    Proxy,
    /// The same, over TLS.
    TlsProxy,
    /// The first edge, through NGINX as a forwarder of bytes.
    Forwarder,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sale {
    /// Nothing is left.
    SoldOut,
    /// Stock never ends; a win is told once a replica has it.
    Endless,
    /// Stock never ends; a win is told once Kafka has it.
    EndlessByLog,
}

/// Whether a row is measured over a thousand connections too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// It is.
    Too,
    /// It is not.
    No,
}

/// R's name: every ratio is one to its figures.
pub(super) const PLAIN: &str = "plain";

/// All of them, in the order of a round.
pub const ROWS: [Row; 10] = [
    row(PLAIN, Server::Plain, Sale::SoldOut, Crowded::Too),
    row("sold_local", Server::Edge, Sale::SoldOut, Crowded::Too),
    row("sold_redis", Server::AskingEdge, Sale::SoldOut, Crowded::Too),
    row("win_replica", Server::Edge, Sale::Endless, Crowded::Too),
    row("win_log", Server::Edge, Sale::EndlessByLog, Crowded::No),
    row("nginx_http", Server::Proxy, Sale::SoldOut, Crowded::No),
    row("nginx_stream", Server::Forwarder, Sale::SoldOut, Crowded::No),
    Row {
        keeping: Keeping::Closed,
        ..row("new_connection", Server::Edge, Sale::SoldOut, Crowded::No)
    },
    row("nginx_tls", Server::TlsProxy, Sale::SoldOut, Crowded::No),
    Row {
        keeping: Keeping::Closed,
        ..row("new_connection_tls", Server::TlsProxy, Sale::SoldOut, Crowded::No)
    },
];

const fn row(name: &'static str, server: Server, sale: Sale, crowded: Crowded) -> Row {
    Row { name, server, sale, keeping: Keeping::Kept, crowded }
}

impl Server {
    /// How it is asked.
    pub(super) fn over(self) -> Over {
        match self {
            Self::TlsProxy => Over::Tls,
            _ => Over::Tcp,
        }
    }
}

impl Sale {
    /// How far the work for it goes.
    pub(super) fn work(self) -> Work {
        match self {
            Self::SoldOut => Work::Redis,
            Self::Endless | Self::EndlessByLog => Work::Everything,
        }
    }

    /// The code that every answer must have.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::SoldOut => "sold_out",
            Self::Endless | Self::EndlessByLog => "issued",
        }
    }
}
