//! A core: one thread with one runtime, on which everything of a request happens.

use std::io;
use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{error, warn};

use crate::claims::{Claims, Sources};
use crate::cors::Origins;
use crate::demo::Demo;
use crate::health::{Health, Servers};
use crate::identity::Identity;
use crate::issue::Issue;
use crate::limits::Limits;
use crate::metrics::{ClaimMetrics, ReadMetrics, RequestMetrics, RouteTimes};
use crate::mine::Coupons;
use crate::proxy_protocol::Forwarders;
use crate::routes::Routes;
use crate::server;
use crate::stage::Stages;
use crate::status::Statuses;

/// For connections to finish once the edge stops: a slow body and a claim's deadline.
const CONNECTIONS_DEADLINE: Duration = Duration::from_millis(5_500);
/// For claims that nobody waits for any more: what they granted is handed to the publisher.
const CLAIMS_DEADLINE: Duration = Duration::from_secs(1);

/// What a core is made from.
#[derive(Clone)]
pub struct Making {
    /// Tells who asks.
    pub identity: Identity,
    /// Counts how often they do.
    pub limits: Limits,
    /// Whose pages may read answers.
    pub origins: Origins,
    /// Say from where their connections come.
    pub forwarders: Arc<Forwarders>,
    /// What claims are answered from.
    pub sources: Sources,
    /// Where it is read when to stop.
    pub stages: Stages,
    /// Since when what it needs stands as it does.
    pub servers: Arc<Servers>,
}

impl Making {
    /// What looks at how well the edge is.
    pub fn health(&self) -> Health {
        Health {
            directory: self.sources.directory.clone(),
            cluster: self.sources.cluster.clone(),
            publisher: self.sources.publisher.clone(),
            stages: self.stages.clone(),
            servers: Arc::clone(&self.servers),
            keys: self.identity.keys().cloned(),
        }
    }
}

/// Starts a core; it sends once it has finished, and drops the sender if it failed.
pub fn start(
    number: usize,
    listener: StdListener,
    making: Making,
) -> io::Result<oneshot::Receiver<()>> {
    let (finished, wait) = oneshot::channel();
    let name = format!("core-{number}");
    thread::Builder::new().name(name).spawn(move || match run(listener, making) {
        // The main thread has given up waiting where this fails.
        Ok(()) => drop(finished.send(())),
        Err(error) => error!(%error, "a core cannot run"),
    })?;
    Ok(wait)
}

fn run(listener: StdListener, making: Making) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let claims = Rc::new(Claims::new(making.sources.clone(), ClaimMetrics::register()));
        let routes = Rc::new(routes(&making, &claims));
        let Making { forwarders, stages, .. } = making;
        let mut connections = server::accept(listener, &forwarders, routes, stages).await;
        let finished = async { while connections.join_next().await.is_some() {} };
        if timeout(CONNECTIONS_DEADLINE, finished).await.is_err() {
            warn!(open = connections.len(), "connections are cut off");
        }
        connections.shutdown().await;
        if timeout(CLAIMS_DEADLINE, claims.finish()).await.is_err() {
            warn!("claims are left to the outbox");
        }
        Ok(())
    })
}

fn routes(making: &Making, claims: &Rc<Claims>) -> Routes {
    let Making { identity, limits, sources, stages, .. } = making;
    let directory = &sources.directory;
    Routes {
        issue: Issue {
            identity: identity.clone(),
            limits: limits.clone(),
            directory: directory.clone(),
            claims: Rc::clone(claims),
            reads: ReadMetrics::register(),
            metrics: ClaimMetrics::register(),
        },
        statuses: Statuses::new(directory.clone(), sources.cluster.clone()),
        coupons: Coupons {
            identity: identity.clone(),
            limits: limits.clone(),
            directory: directory.clone(),
            claims: Rc::clone(claims),
        },
        health: making.health(),
        origins: making.origins.clone(),
        stages: stages.clone(),
        metrics: RequestMetrics::register(),
        times: RouteTimes::register(),
        demo: Demo::of(identity),
        tracer: sources.tracer.clone(),
    }
}
