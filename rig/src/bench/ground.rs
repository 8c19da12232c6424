//! What is measured on: one stack for the whole bench, servers to compare with, and events whose
//! stock is gone or never ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use contract::event::Confirm;
use contract::ids::EventId;
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};
use links::kafka::{Kafka, NewRecord, Partition};
use serde::de::DeserializeOwned;

use super::counters::Counters;
use super::error::BenchError;
use super::row::{PLAIN, Row, Sale, Server};
use super::sold::Sold;
use crate::check::{NoVerdict, Sources};
use crate::faults::command::output_within;
use crate::faults::http;
use crate::faults::shard::{Shard, shard_of};
use crate::rush::event::{create, known};
use crate::stack::{
    Action, Handle, Login, PartKind, PartState, PartStatus, Stack, Status, wait_until,
};

/// The most that an event may have, and more than any bench asks for.
pub(super) const ENDLESS: u64 = 100_000_000;
/// Wins of a window are published, and have their rows, within this.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
/// For a subcommand of `baseline` that ends: a loader of more than a million rows.
const BASELINE_WITHIN: Duration = Duration::from_secs(180);
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
    pub(super) sources: Sources,
    crowds: u32,
}

impl<'a> Ground<'a> {
    /// A stack on which nothing was measured yet.
    pub(super) async fn prepare(stack: &'a Stack) -> Result<Self, BenchError> {
        let brokers = stack.handle().addresses(PartKind::Kafka);
        let kafka = Kafka::plain(brokers.iter().map(ToString::to_string).collect());
        let partition = |number| kafka.partition(COUPON_ISSUED, number);
        Ok(Self {
            stack,
            servers: BTreeMap::new(),
            events: BTreeMap::new(),
            partitions: (0..COUPON_ISSUED_PARTITIONS).map(partition).collect(),
            sources: Sources::of(&stack.handle()).await?,
            crowds: 0,
        })
    }

    /// Starts what rows need and makes their events.
    pub(super) async fn furnish(&mut self, rows: &[Row]) -> Result<(), BenchError> {
        // Whatever asks it through somebody else is compared by its CPU too.
        Box::pin(self.start(Server::Edge)).await?;
        for row in rows {
            Box::pin(self.start(row.server)).await?;
        }
        for row in rows.iter().filter(|row| row.server != Server::Plain) {
            if !self.events.contains_key(&row.sale) {
                let carried = Box::pin(self.make(row.sale)).await?;
                self.events.insert(row.sale, carried);
            }
        }
        Ok(())
    }

    async fn start(&mut self, server: Server) -> Result<(), BenchError> {
        let name = key(server);
        if self.servers.contains_key(name) {
            return Ok(());
        }
        let edge = self.stack.status().part(EDGE)?.clone();
        let part = match server {
            Server::Plain => self.stack.add_baseline(PLAIN, &[PLAIN.to_owned()]).await?,
            Server::Edge => edge,
            Server::AskingEdge => self.stack.add_edge(&[("FIRSTCOME_SOLD_OUT", "redis")]).await?,
            Server::Proxy => self.stack.status().part("nginx-1")?.clone(),
            Server::TlsProxy => self.stack.add_tls_proxy(&[edge.address]).await?,
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
        let edges: Vec<SocketAddr> = self.edges().iter().map(|edge| edge.address).collect();
        known(&edges, &event).await?;
        let shard = self.shard(&event).await?;
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

    /// Who carries an event, or would.
    pub(super) async fn shard(&self, event: &EventId) -> Result<Shard, BenchError> {
        Ok(shard_of(&self.stack.handle(), event).await?)
    }

    /// An edge that nobody has asked yet, and that knows every event.
    pub(super) async fn fresh_edge(&self) -> Result<PartStatus, BenchError> {
        self.edge_with(&[]).await
    }

    /// The same, with these variables beside the usual ones.
    pub(super) async fn edge_with(
        &self,
        variables: &[(&'static str, &str)],
    ) -> Result<PartStatus, BenchError> {
        Ok(self.stack.add_edge(variables).await?)
    }

    /// Starts something to compare with.
    pub(super) async fn add_baseline(
        &self,
        name: &str,
        words: &[String],
    ) -> Result<PartStatus, BenchError> {
        Ok(self.stack.add_baseline(name, words).await?)
    }

    /// Runs `baseline` to its end and reads the JSON that it prints.
    pub(super) async fn baseline<T: DeserializeOwned>(
        &self,
        words: &[String],
    ) -> Result<T, BenchError> {
        let what = format!("baseline {}", words.first().map_or("", String::as_str));
        let mut command = self.stack.baseline_command()?;
        command.args(words);
        let printed = output_within(command, &what, BASELINE_WITHIN).await?;
        let unreadable = |error| BenchError::Silent(format!("{what}: {error}: {printed}"));
        serde_json::from_str(printed.trim()).map_err(unreadable)
    }

    /// Ends a part for good.
    pub(super) async fn end(&self, part: &PartStatus) -> Result<(), BenchError> {
        Ok(self.stack.handle().act(&part.name, Action::Stop).await?)
    }

    /// The stack as tests reach it.
    pub(super) fn handle(&self) -> Handle {
        self.stack.handle()
    }

    /// What MySQL has of an event.
    pub(super) async fn sold(&mut self, event: &EventId) -> Result<Sold, BenchError> {
        let snapshot = self.sources.mysql.snapshot(event).await.map_err(NoVerdict::from)?;
        Ok(Sold::of(&snapshot.rows))
    }

    /// Appends records to a partition of `coupon-issued`.
    pub(super) async fn produce(
        &self,
        partition: usize,
        records: Vec<NewRecord>,
    ) -> Result<(), BenchError> {
        let produced = self.partitions[partition].produce(records).await;
        produced.map(drop).map_err(|error| BenchError::Silent(error.to_string()))
    }

    /// Where the partitions of `coupon-issued` end, all together.
    pub(super) async fn ends(&self) -> Result<i64, BenchError> {
        let mut ends = 0;
        for partition in &self.partitions {
            let bounds = partition.bounds().await;
            ends += bounds.map_err(|error| BenchError::Silent(error.to_string()))?.end;
        }
        Ok(ends)
    }

    /// How far the persister has read them, all together.
    pub(super) async fn next_offsets(&mut self) -> Result<i64, BenchError> {
        let next = self.sources.mysql.next_offsets(COUPON_ISSUED).await;
        Ok(next.map_err(NoVerdict::from)?)
    }

    /// The stack as it stands now.
    pub(super) fn status(&self) -> Status {
        self.stack.status()
    }

    /// Those that run: a chapter ends its own.
    fn edges(&self) -> Vec<PartStatus> {
        let running = |part: &&PartStatus| part.state == PartState::Running;
        self.stack.status().of_kind(PartKind::Edge).filter(running).cloned().collect()
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
            Server::Proxy | Server::TlsProxy | Server::Forwarder => self.asked(Server::Edge),
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

    /// Waits until Kafka has all wins of these edges.
    pub(super) async fn published(&self, edges: &[SocketAddr]) -> Result<(), BenchError> {
        let published = wait_until(SETTLED_WITHIN, "every win in Kafka", || async {
            match Counters::of_all(edges).await {
                Ok(Some(counters)) if counters.unpublished > 0 => {
                    Err(format!("{} are on their way", counters.unpublished))
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        });
        Ok(published.await?)
    }

    /// Waits until all wins of all edges have their rows.
    pub(super) async fn settled(&mut self) -> Result<(), BenchError> {
        let edges: Vec<SocketAddr> = self.edges().iter().filter_map(|edge| edge.metrics).collect();
        self.published(&edges).await?;
        self.persisted().await
    }

    /// Waits until the persister has read everything that Kafka has.
    pub(super) async fn persisted(&mut self) -> Result<(), BenchError> {
        let ends = self.ends().await?;
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

/// How a baseline is told where MySQL is.
pub(super) fn mysql(status: &Status) -> Vec<String> {
    let login = status.of_kind(PartKind::Mysql).find_map(|part| {
        let login = part.login.as_ref()?;
        let Login { user, password, database } = login;
        Some(format!("mysql://{user}:{password}@{}/{database}", part.address))
    });
    vec!["--mysql".to_owned(), login.unwrap_or_default()]
}

fn key(server: Server) -> &'static str {
    match server {
        Server::Plain => "plain",
        Server::Edge => "edge",
        Server::AskingEdge => "edge that asks",
        Server::Proxy => "proxy",
        Server::TlsProxy => "proxy over TLS",
        Server::Forwarder => "forwarder",
    }
}
