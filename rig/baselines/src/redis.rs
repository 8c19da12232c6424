//! Redis for the baselines: one shared client of the cluster.

use std::time::Duration;

use contract::ids::EventId;
use fred::clients::{Client, SubscriberClient};
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy, ServerConfig};

use crate::error::{Failed, within};
use crate::stock::Stock;

/// A command's deadline.
pub(crate) const COMMAND_WITHIN: Duration = Duration::from_secs(1);
/// To connect to every node.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries to connect.
const RECONNECT_DELAY_MS: u32 = 200;

/// Where the cluster is.
#[derive(Debug, Clone)]
pub(crate) struct Redis {
    builder: Builder,
}

impl Redis {
    /// The cluster that these nodes (`host:port`) belong to.
    pub(crate) fn new(nodes: &[String]) -> Self {
        let hosts = nodes.iter().filter_map(|node| {
            let (host, port) = node.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        });
        let server = ServerConfig::new_clustered(hosts.collect());
        let mut builder = Builder::from_config(Config { server, ..Config::default() });
        builder
            .set_policy(ReconnectPolicy::new_constant(0, RECONNECT_DELAY_MS))
            .with_performance_config(|config| config.default_command_timeout = COMMAND_WITHIN)
            // A command that is sent twice may be done twice.
            .with_connection_config(|config| config.max_command_attempts = 1);
        Self { builder }
    }

    /// Connects.
    pub(crate) async fn client(&self) -> Result<Client, Failed> {
        let client = self.builder.build()?;
        within(CONNECT_WITHIN, "Redis", client.init()).await?;
        Ok(client)
    }

    /// Connects to hear messages.
    pub(crate) async fn subscriber(&self) -> Result<SubscriberClient, Failed> {
        let client = self.builder.build_subscriber_client()?;
        within(CONNECT_WITHIN, "Redis", client.init()).await?;
        Ok(client)
    }
}

/// The keys of an event, in one slot.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// Units that there were.
    pub(crate) stock: String,
    /// Units that are left.
    pub(crate) left: String,
    /// Who has won: a set.
    pub(crate) winners: String,
    /// Held by whoever may change the others (V2).
    pub(crate) lock: String,
}

impl Keys {
    /// Of a baseline's event.
    pub(crate) fn new(baseline: &str, event: &EventId) -> Self {
        let key = |name: &str| format!("bench_{baseline}:{{{event}}}:{name}");
        Self { stock: key("stock"), left: key("left"), winners: key("winners"), lock: key("lock") }
    }

    /// Begins the sale: nobody has won.
    pub(crate) async fn begin(&self, redis: &Client, stock: Stock) -> Result<(), Failed> {
        let earlier = vec![self.winners.as_str(), self.lock.as_str()];
        redis.del::<(), _>(earlier).await?;
        for key in [&self.stock, &self.left] {
            redis.set::<(), _, _>(key, stock.units().to_string(), None, None, false).await?;
        }
        Ok(())
    }
}
