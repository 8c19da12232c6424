//! Firstcome's persister as a program: reads its configuration and runs a subcommand.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use contract::settings::BadSetting;
use links::kafka::Kafka;
use links::redis::Cluster;
use links::standing::{watch_kafka, watch_redis};
use links::trace::{FLUSH_DEADLINE, NotStarted, Service, Setting, Tracer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use persister::admin::{Admin, Backends};
use persister::cli::dlt::{DltCommand, ReplayLetters};
use persister::cli::preflight::Preflight;
use persister::cli::{Cli, Command, Reconcile};
use persister::commands::{self, Exit, fail};
use persister::config::{Config, RunConfig};
use persister::health::Private;
use persister::leader::Persister;
use persister::lease::Owner;
use persister::live::Me;
use persister::preflight::Servers;
use persister::status::Status;
use persister::stop::{self, Stopper};
use persister::store::Store;
use persister::{log, metrics};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(bad) => return fail(Exit::Usage, bad).into(),
    };
    log::init(&config.log);
    config.on_panic.install();
    let store = Store::new(&config.mysql);
    let done = match cli.command {
        Command::Run => return run(store).await.into(),
        Command::Migrate => commands::migrate(&store).await,
        Command::Event { verb } => commands::event(&store, &verb).await,
        Command::Coupon { verb } => commands::coupon(&store, &verb).await,
        Command::Audit { verb } => commands::audit(&store, &verb).await,
        Command::Reconcile(Reconcile { show: Some(show), .. }) => {
            commands::reconcile_show(&store, &show).await
        }
        Command::Reconcile(arguments) => return reconcile(store, &arguments).await.into(),
        Command::User { verb } => commands::user(&store, &verb).await,
        Command::Preflight(arguments) => return preflight(&store, &arguments).await.into(),
        Command::Dlt { verb: DltCommand::Replay(arguments) } => {
            return replay(store, &arguments).await.into();
        }
        Command::Dlt { verb } => commands::dlt::dlt(&store, &verb).await,
    };
    done.unwrap_or_else(|error| fail(Exit::Failed, error)).into()
}

/// What keeps `run` from beginning.
#[derive(Debug, thiserror::Error)]
enum CannotRun {
    #[error(transparent)]
    Config(#[from] BadSetting),
    #[error("FIRSTCOME_REDIS: {0}")]
    Redis(#[from] links::redis::BadNode),
    #[error("FIRSTCOME_METRICS_LISTEN: the port cannot be taken: {0}")]
    Port(std::io::Error),
    #[error("FIRSTCOME_ADMIN_LISTEN: the port cannot be taken: {0}")]
    AdminPort(std::io::Error),
    #[error("signals cannot be heard: {0}")]
    Signals(std::io::Error),
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("FIRSTCOME_OTLP_ENDPOINT: {0}")]
    Traces(#[from] NotStarted),
}

async fn run(store: Store) -> Exit {
    match begin_and_run(store).await {
        Ok(()) => Exit::Done,
        Err(why @ (CannotRun::Config(_) | CannotRun::Redis(_))) => fail(Exit::Usage, why),
        Err(why) => fail(Exit::Failed, why),
    }
}

async fn reconcile(store: Store, arguments: &Reconcile) -> Exit {
    let (cluster, kafka, _) = match connect().await {
        Ok(connected) => connected,
        Err(exit) => return exit,
    };
    let done = commands::reconcile(store, cluster, kafka, arguments).await;
    done.unwrap_or_else(|trouble| fail(Exit::Failed, trouble))
}

async fn preflight(store: &Store, arguments: &Preflight) -> Exit {
    let (cluster, kafka, nginx) = match connect().await {
        Ok(connected) => connected,
        Err(exit) => return exit,
    };
    let servers = Servers { cluster: &cluster, kafka: &kafka, nginx: &nginx };
    let done = commands::preflight(store, servers, arguments).await;
    done.unwrap_or_else(|error| fail(Exit::Failed, error))
}

async fn replay(store: Store, arguments: &ReplayLetters) -> Exit {
    let (cluster, kafka, _) = match connect().await {
        Ok(connected) => connected,
        Err(exit) => return exit,
    };
    let done = commands::dlt::replay(store, cluster, &kafka, arguments).await;
    done.unwrap_or_else(|trouble| fail(Exit::Failed, trouble))
}

/// Redis, Kafka, and where NGINX is, for a subcommand that asks them.
async fn connect() -> Result<(Cluster, Kafka, Vec<String>), Exit> {
    let config = RunConfig::from_env().map_err(|bad| fail(Exit::Usage, bad))?;
    let bad_node = |bad| fail(Exit::Usage, format_args!("FIRSTCOME_REDIS: {bad}"));
    let cluster = Cluster::connect(config.redis).await.map_err(bad_node)?;
    Ok((cluster, Kafka::new(config.kafka), config.nginx))
}

async fn begin_and_run(store: Store) -> Result<(), CannotRun> {
    let config = RunConfig::from_env()?;
    #[cfg(feature = "failpoints")]
    config.failpoints.clone().set();
    let status = Arc::new(Status::new());
    let metrics = metrics::install(config.metrics)?;
    let private = Private::bind(config.metrics_listen, Arc::clone(&status), metrics)
        .await
        .map_err(CannotRun::Port)?;
    let cluster = Cluster::connect(config.redis).await?;
    let kafka = Kafka::new(config.kafka);
    let admin = match config.admin {
        Some(admin) => {
            let (name, status) = (config.name.clone(), Arc::clone(&status));
            let me = Me { name, status, edges: admin.edges };
            let backends = Backends::new(me, &store, cluster.clone(), kafka.clone(), config.nginx);
            info!(admin = %admin.listen, "serves the admin API and the console");
            let bound = Admin::bind(admin.listen, admin.tokens, backends).await;
            Some(bound.map_err(CannotRun::AdminPort)?)
        }
        None => None,
    };
    let (tracer, mut tracing) = trace(config.traces, &config.name)?;
    let terminate = signal(SignalKind::terminate()).map_err(CannotRun::Signals)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(CannotRun::Signals)?;
    let persister = Persister {
        store,
        cluster: cluster.clone(),
        kafka: kafka.clone(),
        owner: Owner::new(&config.name),
        status: Arc::clone(&status),
        reconcile: config.reconcile,
        tracer,
    };
    info!(name = config.name, private = %config.metrics_listen, "runs");

    let (stopper, stop) = stop::pair();
    tokio::select! {
        () = persister.run(stop) => {}
        () = private.serve() => {}
        () = watch_redis(&cluster, &status.redis) => {}
        () = watch_kafka(&kafka, &status.kafka) => {}
        () = serve(admin) => {}
        () = forward(terminate, interrupt, stopper) => {}
    }
    // Nobody traces any more.
    let flushed = async { while tracing.join_next().await.is_some() {} };
    if timeout(FLUSH_DEADLINE, flushed).await.is_err() {
        warn!("spans that were not sent are lost");
    }
    info!("ends");
    Ok(())
}

/// Who traces records, and what sends it; nobody and nothing where it is not asked for.
fn trace(setting: Option<Setting>, name: &str) -> Result<(Tracer, JoinSet<()>), NotStarted> {
    let mut tracing = JoinSet::new();
    let Some(setting) = setting else {
        return Ok((Tracer::off(), tracing));
    };
    let version = env!("CARGO_PKG_VERSION");
    let service = Service { name: "persister", instance: name.to_owned(), version };
    let (tracer, exporter) = links::trace::start(&setting, service, metrics::spans())?;
    tracing.spawn(exporter.run());
    Ok((tracer, tracing))
}

/// Without an admin API there is nothing to serve, for ever.
async fn serve(admin: Option<Admin>) {
    match admin {
        Some(admin) => admin.serve().await,
        None => std::future::pending().await,
    }
}

/// Asks everything to stop at the first signal; never returns, so that what was begun can end. A
/// supervisor that does not want to wait sends SIGKILL, which loses nothing either.
async fn forward(mut terminate: Signal, mut interrupt: Signal, stopper: Stopper) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("asked to end: drains");
    stopper.stop();
    std::future::pending().await
}
