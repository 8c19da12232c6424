//! The edge as one process: built from its configuration, run until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::topics::DIRECTORY;
use links::kafka::Kafka;
use links::redis::{BadNode, Cluster};
use links::standing::watch_kafka;
use links::trace::{FLUSH_DEADLINE, NotStarted, Service, Tracer};
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::claims::winners::Winners;
use crate::claims::{Sources, read_winners};
use crate::config::Config;
use crate::core::{self, Making};
use crate::directory::Directory;
use crate::directory::follow::Follower;
use crate::directory::probe::{Prober, Probes};
use crate::health::{Health, Servers};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::metrics::{self, DirectoryMetrics, PublishMetrics, Recording, WinnersMetrics};
use crate::private::Page;
use crate::publish::{self, Publisher};
use crate::stage::{Stage, StageSender};
use crate::{private, server};

/// From the signal to the exit.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);
/// How long requests are still accepted after the signal: proxies notice, and retire connections.
const LEAVING: Duration = Duration::from_millis(500);
/// Between two turns of keeping the metrics small.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// An edge that serves.
pub struct Edge {
    stages: StageSender,
    /// Each resolves when its core has finished, to an error if it failed.
    cores: JoinSet<Result<(), oneshot::error::RecvError>>,
    /// What the cores need: the directory, probes, winners, metrics. Without end.
    serving: JoinSet<()>,
    /// Ends once every win that was handed over is acknowledged and no publisher is left.
    publishing: JoinSet<()>,
    /// Ends once nobody can trace anything any more; empty where nothing is traced.
    tracing: JoinSet<()>,
    publisher: Publisher,
    /// The last one, so that the watch ends on this thread.
    cluster: Cluster,
}

/// Why an edge cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum NotBuilt {
    /// A port is taken, or not ours to take.
    #[error("{address} cannot be listened on: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A thread cannot be made.
    #[error("a core cannot be started: {0}")]
    Core(io::Error),
    /// A recorder was installed before.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] BuildError),
    /// The nodes are none.
    #[error("FIRSTCOME_REDIS: {0}")]
    Redis(#[from] BadNode),
    /// Where they go cannot be reached in any way that this build knows.
    #[error("FIRSTCOME_OTLP_ENDPOINT: {0}")]
    Traces(#[from] NotStarted),
}

/// A part of the edge ended while it should have served: only a fault in the program does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} ended")]
pub struct PartEnded(&'static str);

impl Edge {
    /// Takes the ports, connects, and begins to serve. Dependencies that are down are no error:
    /// the edge is not ready, or degraded, until they are up.
    pub async fn build(config: Config) -> Result<Self, NotBuilt> {
        let rendered = metrics::install(config.metrics)?;
        let private = listen(config.metrics_listen, private::bind(config.metrics_listen).await)?;
        let listeners = (0..config.cores)
            .map(|_| listen(config.listen, server::bind(config.listen)))
            .collect::<Result<Vec<_>, _>>()?;
        let cluster = Cluster::connect(config.redis.clone()).await?;

        let mut serving = JoinSet::new();
        let (tracer, tracing) = trace(&config)?;
        let publish_metrics = PublishMetrics::register();
        let kafka = Kafka::new(config.kafka.clone());
        let (publisher, publishing) =
            publish::start(&kafka, cluster.clone(), &publish_metrics, &tracer);
        let directory = Directory::default();
        let probes = follow(&config, &directory, &mut serving);
        let (winners, wanted) = Winners::new();
        let named = (config.metrics == Recording::On).then(|| winners.clone());
        let page = Page { recorded: rendered.clone(), winners: named };
        serving.spawn(private::serve(private, page));
        serving.spawn(read_winners::run(cluster.clone(), wanted, WinnersMetrics::register()));

        let (stages, stage) = StageSender::serving();
        let sources = Sources {
            cluster: cluster.clone(),
            directory,
            publisher: publisher.clone(),
            probes,
            winners,
            sold_out: config.sold_out,
            tracer,
        };
        let servers = Arc::<Servers>::default();
        let identity = Identity::new(config.identity);
        if let Some(keys) = identity.keys().cloned() {
            serving.spawn(keys.follow());
        }
        let making = Making {
            identity,
            limits: Limits::new(config.limits),
            origins: config.cors_origins,
            forwarders: Arc::new(config.forwarders),
            sources,
            stages: stage,
            servers: Arc::clone(&servers),
        };
        serving.spawn(upkeep(rendered, publisher.clone(), publish_metrics, making.health()));
        serving.spawn(async move { watch_kafka(&kafka, &servers.kafka).await });
        let mut cores = JoinSet::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let core = core::start(number, listener, making.clone()).map_err(NotBuilt::Core)?;
            cores.spawn(core);
        }
        info!(name = config.name, listen = %config.listen, cores = config.cores, "edge serves");
        Ok(Self { stages, cores, serving, publishing, tracing, publisher, cluster })
    }

    /// Serves until `signal` resolves, then finishes within 10 s: what was accepted is answered,
    /// what was granted is published.
    pub async fn run(mut self, signal: impl Future<Output = ()>) -> Result<(), PartEnded> {
        tokio::select! {
            () = signal => {}
            _ = self.cores.join_next() => return Err(PartEnded("a core")),
            _ = self.serving.join_next() => return Err(PartEnded("a task of the main thread")),
            _ = self.publishing.join_next() => return Err(PartEnded("a task of the publisher")),
        }
        self.finish(Instant::now() + SHUTDOWN_DEADLINE).await;
        Ok(())
    }

    async fn finish(mut self, deadline: Instant) {
        info!("edge leaves");
        self.stages.enter(Stage::Leaving);
        sleep(LEAVING).await;
        self.stages.enter(Stage::Stopping);
        if timeout_at(deadline, all_of(&mut self.cores)).await.is_err() {
            warn!(cores = self.cores.len(), "cores have not finished in time");
        }
        self.serving.shutdown().await;
        let buffered = self.publisher.buffered();
        drop(self.publisher);
        if timeout_at(deadline, all_of(&mut self.publishing)).await.is_err() {
            warn!(wins = buffered, "wins are left to the outbox");
        }
        let flushed = deadline.min(Instant::now() + FLUSH_DEADLINE);
        if timeout_at(flushed, all_of(&mut self.tracing)).await.is_err() {
            warn!("spans that were not sent are lost");
        }
        drop(self.cluster);
        info!("edge ends");
    }
}

/// Who traces claims, and what sends it; nobody and nothing where it is not asked for.
fn trace(config: &Config) -> Result<(Tracer, JoinSet<()>), NotStarted> {
    let mut tracing = JoinSet::new();
    let Some(setting) = &config.traces else {
        return Ok((Tracer::off(), tracing));
    };
    let version = env!("CARGO_PKG_VERSION");
    let service = Service { name: "edge", instance: config.name.clone(), version };
    let (tracer, exporter) = links::trace::start(setting, service, metrics::spans())?;
    tracing.spawn(exporter.run());
    Ok((tracer, tracing))
}

/// Begins to follow the directory and to probe it, each on connections of its own: Kafka answers
/// one call at a time on each, and the follower's wait for news.
fn follow(config: &Config, directory: &Directory, serving: &mut JoinSet<()>) -> Probes {
    let metrics = DirectoryMetrics::register();
    let partition = || Kafka::new(config.kafka.clone()).partition(DIRECTORY, 0);
    let follower = Follower::new(partition(), directory.clone(), metrics.clone());
    serving.spawn(follower.run());
    let name = config.name.clone();
    let (prober, probes) = Prober::new(name, partition(), directory.clone(), metrics);
    serving.spawn(prober.run());
    probes
}

/// Keeps the metrics up to date and small, and notices since when servers stand as they do.
async fn upkeep(
    rendered: PrometheusHandle,
    publisher: Publisher,
    publishing: PublishMetrics,
    health: Health,
) {
    loop {
        sleep(UPKEEP_INTERVAL).await;
        rendered.run_upkeep();
        health.report().dependencies().iter().for_each(metrics::dependency);
        publishing.buffered.set(u32::try_from(publisher.buffered()).unwrap_or(u32::MAX));
    }
}

async fn all_of<T: 'static>(tasks: &mut JoinSet<T>) {
    while tasks.join_next().await.is_some() {}
}

fn listen<T>(address: SocketAddr, bound: io::Result<T>) -> Result<T, NotBuilt> {
    bound.map_err(|error| NotBuilt::Listen { address, error })
}
