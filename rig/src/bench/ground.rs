//! What is measured on: one stack for the whole bench, servers to compare with, and events whose
//! stock is gone or never ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use contract::event::Confirm;
use contract::ids::EventId;
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};
use links::kafka::{Kafka, Partition};

use super::counters::Counters;
use super::error::BenchError;
use super::row::{Row, Sale, Server};
use crate::check::Sources;
use crate::faults::http;
use crate::faults::shard::{Shard, shard_of};
use crate::rush::event::{create, known};
use crate::stack::{PartKind, PartStatus, Stack, Status, wait_until};

/// The most that an event may have, and more than any bench asks for.
const ENDLESS: u64 = 100_000_000;
/// Wins of a window are published, and have their rows, within this.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
/// The first edge: the one that NGINX knows.
const EDGE: &str = "edge-1";

/// An event and who carries it.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) event: EventId,
    pub(super) shard: Shard,
}

/// The stack, made ready for rows.
pub(super) struct Ground<'a> {
    stack: &'a Stack,
    servers: BTreeMap<&'static str, PartStatus>,
    events: BTreeMap<Sale, Carried>,
    partitions: Vec<Partition>,
    sources: Sources,
    crowds: u32,
}

impl<'a> Ground<'a> {
    /// Starts what the rows need and makes their events.
    pub(super) async fn prepare(stack: &'a Stack, rows: &[Row]) -> Result<Self, BenchError> {
        let brokers = stack.handle().addresses(PartKind::Kafka);
        let kafka = Kafka::new(brokers.iter().map(ToString::to_string).collect());
        let partition = |number| kafka.partition(COUPON_ISSUED, number);
        let mut ground = Self {
            stack,
            servers: BTreeMap::new(),
            events: BTreeMap::new(),
            partitions: (0..COUPON_ISSUED_PARTITIONS).map(partition).collect(),
            sources: Sources::of(&stack.handle()).await?,
            crowds: 0,
        };
        for row in rows {
            Box::pin(ground.start(row.server)).await?;
        }
        for row in rows.iter().filter(|row| row.server != Server::Plain) {
            if !ground.events.contains_key(&row.sale) {
                let carried = Box::pin(ground.make(row.sale)).await?;
                ground.events.insert(row.sale, carried);
            }
        }
        Ok(ground)
    }

    async fn start(&mut self, server: Server) -> Result<(), BenchError> {
        let name = key(server);
        if self.servers.contains_key(name) {
            return Ok(());
        }
        let edge = self.stack.status().part(EDGE)?.clone();
        let part = match server {
            Server::Plain => self.stack.add_baseline(&["plain"]).await?,
            Server::Edge => edge,
            Server::AskingEdge => self.stack.add_edge(&[("FIRSTCOME_SOLD_OUT", "redis")]).await?,
            Server::Proxy => self.stack.status().part("nginx-1")?.clone(),
            Server::Forwarder => self.stack.add_forwarder(&[edge.address]).await?,
        };
        self.servers.insert(name, part);
        Ok(())
    }

    async fn make(&self, sale: Sale) -> Result<Carried, BenchError> {
        match sale {
            Sale::SoldOut => {
                let carried = self.create("bench-sold", 1, Confirm::Replica).await?;
                self.buy(&carried.event).await?;
                Ok(carried)
            }
            Sale::Endless => self.create("bench-wins", ENDLESS, Confirm::Replica).await,
            Sale::EndlessByLog => self.create("bench-logs", ENDLESS, Confirm::Log).await,
        }
    }

    /// Makes an event and opens it; returns when every edge knows it.
    pub(super) async fn create(
        &self,
        name: &str,
        stock: u64,
        confirm: Confirm,
    ) -> Result<Carried, BenchError> {
        let event: EventId = name.parse()?;
        let handle = self.stack.handle();
        create(&handle, &event, stock, confirm).await?;
        known(&handle.addresses(PartKind::Edge), &event).await?;
        let shard = shard_of(&handle, &event).await?;
        Ok(Carried { event, shard })
    }

    /// One unit for one user.
    async fn buy(&self, event: &EventId) -> Result<(), BenchError> {
        let edge = self.edge()?.address;
        let body = format!("{{\"event_id\":\"{event}\",\"user_id\":\"first\"}}");
        let answer = http::claim(edge, body).await;
        match answer {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(BenchError::Silent(format!("{event} cannot be sold out: {other:?}"))),
        }
    }

    /// The stack as it stands now.
    pub(super) fn status(&self) -> Status {
        self.stack.status()
    }

    /// The edge that most rows ask.
    pub(super) fn edge(&self) -> Result<PartStatus, BenchError> {
        Ok(self.stack.status().part(EDGE)?.clone())
    }

    /// Who is asked in a row.
    pub(super) fn asked(&self, server: Server) -> Result<&PartStatus, BenchError> {
        let name = key(server);
        let missing = || BenchError::Silent(format!("{name} was not started"));
        self.servers.get(name).ok_or_else(missing)
    }

    /// Whose CPU is compared with R's: behind NGINX, the edge's.
    pub(super) fn compared(&self, server: Server) -> Result<&PartStatus, BenchError> {
        match server {
            Server::Proxy | Server::Forwarder => self.asked(Server::Edge),
            _ => self.asked(server),
        }
    }

    /// What is asked for; R is asked for whatever it is.
    pub(super) fn event(&self, sale: Sale) -> Option<&Carried> {
        self.events.get(&sale)
    }

    /// A name that no crowd had before.
    pub(super) fn crowd(&mut self) -> String {
        self.crowds += 1;
        format!("{:04}", self.crowds)
    }

    /// Waits until Kafka has all wins of an edge.
    pub(super) async fn published(&self, edge: SocketAddr) -> Result<(), BenchError> {
        let published = wait_until(SETTLED_WITHIN, "every win in Kafka", || async {
            match Counters::of(edge).await {
                Ok(counters) if counters.unpublished == 0 => Ok(()),
                Ok(counters) => Err(format!("{} are on their way", counters.unpublished)),
                Err(error) => Err(error.to_string()),
            }
        });
        Ok(published.await?)
    }

    /// Waits until the persister has read everything that Kafka has.
    pub(super) async fn persisted(&mut self) -> Result<(), BenchError> {
        let mut ends = 0;
        for partition in &self.partitions {
            let bounds = partition.bounds().await;
            ends += bounds.map_err(|error| BenchError::Silent(error.to_string()))?.end;
        }
        let mysql = tokio::sync::Mutex::new(&mut self.sources.mysql);
        let persisted = wait_until(SETTLED_WITHIN, "a row for every win", || async {
            match mysql.lock().await.next_offsets(COUPON_ISSUED).await {
                Ok(next) if next >= ends => Ok(()),
                Ok(next) => Err(format!("{} records are not read yet", ends - next)),
                Err(error) => Err(error.to_string()),
            }
        });
        Ok(persisted.await?)
    }
}

fn key(server: Server) -> &'static str {
    match server {
        Server::Plain => "plain",
        Server::Edge => "edge",
        Server::AskingEdge => "edge that asks",
        Server::Proxy => "proxy",
        Server::Forwarder => "forwarder",
    }
}
