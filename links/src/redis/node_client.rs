//! The fred client of one node.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, Server, ServerConfig,
    TcpConfig, TlsConnector,
};
use fred::types::{ClusterHash, CustomCommand, Value};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::timeout;
use tokio_rustls::TlsConnector as RustlsConnector;

use super::cluster_nodes::{self, View};
use super::error::{RedisError, is_noscript};
use super::reply::{Reply, ServerError};
use super::script::Script;
use crate::access::Access;
use crate::task::OwnedTask;
use crate::tls::Tls;

/// A command's deadline. fred keeps one that ran out in its queue from being sent later, which a
/// timeout around it would not.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(400);
/// For connecting and for what fred sends by itself.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two tries to connect.
const RECONNECT_DELAY_MS: u32 = 200;
/// Commands that may wait for one node; beyond it a command is not executed.
const MAX_QUEUED_COMMANDS: usize = 256;

/// Where a node was said to be: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeAddress {
    host: String,
    port: u16,
}

impl NodeAddress {
    /// Reads `host:port`; IPv6 in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Some(address.into());
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|&port: &u16| port != 0)?;
        let is_name = !host.is_empty() && !host.contains([':', '/', '@', ' ']);
        is_name.then(|| Self { host: host.to_owned(), port })
    }
}

impl From<SocketAddr> for NodeAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A client of one node. It never follows a redirection and never sends a command twice.
pub(super) struct NodeClient {
    address: NodeAddress,
    access: Arc<Access>,
    link: ArcSwap<Link>,
}

struct Link {
    client: Client,
    /// fred's own task; without it every command fails.
    router: OwnedTask<Result<(), Error>>,
    met: Mutex<Met>,
}

/// What fred tells of its tries to connect.
struct Met {
    errors: Receiver<(Error, Option<Server>)>,
    /// Empty: nothing yet.
    last: String,
}

impl NodeClient {
    /// A client that begins to connect, and goes on trying.
    pub(super) fn new(address: NodeAddress, access: Arc<Access>) -> Self {
        let link = ArcSwap::from_pointee(Link::open(&address, &access));
        Self { address, access, link }
    }

    /// Where the node was said to be.
    pub(super) fn address(&self) -> &NodeAddress {
        &self.address
    }

    /// Whether fred's task ended, after which this client is of no use until it is rebuilt.
    pub(super) fn ended(&self) -> bool {
        self.link.load().router.ended()
    }

    /// Drops the connection and everything in flight, and starts afresh: cures a connection whose
    /// other end is gone without a word, which fred alone does not notice under traffic.
    pub(super) fn rebuild(&self) {
        self.link.store(Link::open(&self.address, &self.access).into());
    }

    /// What the node believes about the cluster.
    pub(super) async fn view(&self) -> Result<View, RedisError> {
        let reply = self.command("CLUSTER", &["NODES"]).await?;
        let text = reply.text().unwrap_or_default();
        cluster_nodes::parse(text).map_err(|bad| RedisError::Unknown(bad.to_string()))
    }

    /// Runs a command, within [`COMMAND_TIMEOUT`].
    pub(super) async fn command(
        &self,
        name: &'static str,
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        Ok(self.raw(name, args).await??)
    }

    /// Runs a script by its hash, or by its source on a node that has not seen it.
    pub(super) async fn script(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        let count = keys.len().to_string();
        let call = |first| [&[first, count.as_str()], keys, args].concat();
        match self.raw("EVALSHA", &call(script.sha1())).await? {
            Err(error) if is_noscript(&error) => {
                Ok(self.raw("EVAL", &call(script.source())).await??)
            }
            reply => Ok(reply?),
        }
    }

    async fn raw(
        &self,
        name: &'static str,
        args: &[&str],
    ) -> Result<Result<Reply, ServerError>, RedisError> {
        let link = self.link.load_full();
        link.connected(&self.access).await?;
        let args: Vec<Value> = args.iter().map(|&arg| Value::from(arg)).collect();
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let frame = link
            .client
            .with_options(&options())
            .custom_raw(command, args)
            .await
            .map_err(client_error)?;
        Ok(Reply::from_resp3(frame))
    }
}

impl Link {
    /// Waits for the connection, for as long as a command may take: without one fred fails a
    /// command in words that do not tell whether it was sent.
    async fn connected(&self, access: &Access) -> Result<(), RedisError> {
        if self.client.is_connected() {
            return Ok(());
        }
        match timeout(COMMAND_TIMEOUT, self.client.wait_for_connect()).await {
            Ok(Ok(())) => Ok(()),
            // The node may be there, and not take the password or have another's certificate.
            _ => {
                Err(RedisError::NotExecuted(format!("no connection{}{}", way(access), self.why())))
            }
        }
    }

    /// What fred met last, as a part of a sentence.
    fn why(&self) -> String {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match met.errors.try_recv() {
                Ok((error, _)) => met.last = format!(": {}", error.details()),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return met.last.clone(),
            }
        }
    }

    fn open(address: &NodeAddress, access: &Access) -> Self {
        let mut server = Server::new(address.host.clone(), address.port);
        let (login, tls) = (access.login.as_ref(), access.tls.as_ref());
        server.tls_server_name = tls.and_then(Tls::name).map(Into::into);
        let config = Config {
            server: ServerConfig::Centralized { server },
            // A node that is down at first is tried for ever, like one that goes down later.
            fail_fast: false,
            username: login.map(|login| login.user.clone()),
            password: login.map(|login| login.password().to_owned()),
            tls: tls.map(|tls| TlsConnector::from(RustlsConnector::from(tls.config())).into()),
            ..Config::default()
        };
        let connection = ConnectionConfig {
            connection_timeout: CONNECT_TIMEOUT,
            internal_command_timeout: CONNECT_TIMEOUT,
            max_command_attempts: 1,
            max_redirections: 0,
            max_command_buffer_len: MAX_QUEUED_COMMANDS,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let performance = PerformanceConfig {
            default_command_timeout: COMMAND_TIMEOUT,
            ..PerformanceConfig::default()
        };
        let policy = ReconnectPolicy::new_constant(0, RECONNECT_DELAY_MS);
        let client = Client::new(config, Some(performance), Some(connection), Some(policy));
        let met = Mutex::new(Met { errors: client.error_rx(), last: String::new() });
        let router = OwnedTask(client.connect());
        Self { client, router, met }
    }
}

fn way(access: &Access) -> String {
    let tls = if access.tls.is_some() { " over TLS" } else { "" };
    let user = access.login.as_ref().map(|login| format!(" as user {}", login.user));
    format!("{tls}{}", user.unwrap_or_default())
}

/// With fred's defaults a command runs twice after a reset of its connection; with these it fails.
fn options() -> Options {
    Options {
        max_attempts: Some(1),
        max_redirections: Some(0),
        timeout: Some(COMMAND_TIMEOUT),
        fail_fast: true,
        ..Options::default()
    }
}

/// An error of the client's own making. CLUSTERDOWN arrives here too: fred resets the connection
/// and hands it to every command in flight, of which an earlier one may have been executed.
fn client_error(error: Error) -> RedisError {
    match error.kind() {
        ErrorKind::Backpressure => RedisError::NotExecuted(error.to_string()),
        _ => RedisError::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_names_or_numbers_with_a_port() {
        let parse = |text| NodeAddress::parse(text).map(|address| address.to_string());
        assert_eq!(parse("127.0.0.1:7000").as_deref(), Some("127.0.0.1:7000"));
        assert_eq!(parse("redis-1:6379").as_deref(), Some("redis-1:6379"));
        assert_eq!(parse("[::1]:7000").as_deref(), Some("::1:7000"));
        for bad in ["", "redis-1", ":6379", "redis-1:0", "redis-1:x", "::1:7000", "redis://a:1"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        let seed = NodeAddress::parse("127.0.0.1:7000").unwrap();
        assert_eq!(seed, NodeAddress::from("127.0.0.1:7000".parse::<SocketAddr>().unwrap()));
    }
}
