//! Before a sale: what of the system is as it should be, and what is to be done about the rest.
//! Nothing is changed.
//!
//! Each file gathers in one place and judges in another: the judging is pure.
//!
//! - `line`: what is found, line by line.
//! - `demanded`: what `ops/redis/redis.conf` and `ops/kafka/topics.conf` say it should be.
//! - `event`, `redis`, `memory`, `kafka`, `mysql`, `persisters`, `edges`, `front`, `placement`,
//!   `clocks`: what is looked at.
//! - `build`: whether two programs understand each other.

mod build;
mod clocks;
mod demanded;
mod edges;
mod event;
mod front;
mod kafka;
pub mod line;
mod memory;
mod mysql;
mod persisters;
mod placement;
mod redis;

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use contract::ids::EventId;
use links::kafka::Kafka;
use links::redis::{Cluster, Slot};

use crate::store::{Session, StoreError};
use line::{Line, Report};
pub use placement::OneHost;

/// Minutes of a Kafka outage that memory is to suffice for, where nothing else is said.
pub const OUTAGE_MINUTES: u32 = 10;
/// Minutes that may be asked for.
pub const MINUTES: RangeInclusive<u32> = 0..=1_440;

/// How it is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Minutes without Kafka that memory is to suffice for.
    pub outage_minutes: u32,
    /// Whether everything may stand on one host.
    pub one_host: OneHost,
}

/// Whom it is asked of, beside MySQL.
#[derive(Clone, Copy)]
pub struct Servers<'a> {
    /// Redis.
    pub cluster: &'a Cluster,
    /// Kafka.
    pub kafka: &'a Kafka,
    /// The private port of each NGINX, host:port; none: nobody said.
    pub nginx: &'a [String],
}

/// Looks at everything that an event needs; None: there is no such event.
pub async fn preflight(
    session: &mut Session,
    servers: Servers<'_>,
    event: &EventId,
    options: Options,
) -> Result<Option<Report>, StoreError> {
    let Servers { cluster, kafka, nginx } = servers;
    let mut lines = mysql::look(session).await?;
    lines.push(clocks::mysql(session).await?);
    let Some(row) = session.event(event).await? else {
        return Ok(None);
    };
    let slot = Slot::of(event);
    let master = cluster.ask_master_of(slot).await;
    let mut nodes: Vec<SocketAddr> = Vec::new();
    match master {
        None => lines.push(Line::to_do(
            "redis master",
            format!("slot {slot}"),
            "no node is named as its master by a majority: `redis-cli cluster nodes`",
        )),
        Some(master) => {
            let (found, followers) = redis::look(cluster, master.address).await;
            lines.extend(found);
            nodes.push(master.address);
            nodes.extend(followers);
        }
    }
    lines.extend(event::look(cluster, &row, master.as_ref()).await);
    lines.extend(memory::look(cluster, &row, &nodes, options.outage_minutes).await);
    let (found, leaders) = kafka::look(kafka).await;
    lines.extend(found);
    lines.extend(placement::look(&nodes, &leaders, options.one_host).await);
    // Boxed: futures so deep within each other are beyond the compiler.
    lines.extend(Box::pin(edges::look(kafka)).await);
    lines.extend(clocks::redis(cluster, &nodes).await);
    lines.extend(front::look(nginx).await);
    Ok(Some(Report::of(event, lines)))
}
