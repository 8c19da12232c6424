//! What a stack consists of, and the order in which it comes up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::certificates::Certificates;
use super::directory::{self, StackDirectory};
use super::error::StackError;
use super::nginx::Limits;
use super::part::{PartKind, PartSpec};
use super::ports::PortBlock;
use super::running::Stack;
use super::supervisor::Action;
use super::wait::wait_until;
use super::{admin_tokens, edge, kafka, kafka_jars, mysql, nginx, persister, ready, redis};

/// A server may take this long from its start until it answers; 5 s here.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// From there until it is ready.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(60);

/// What to start.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The stack's name: stacks of different names run side by side.
    pub name: String,
    /// Which kinds of parts.
    pub kinds: Vec<PartKind>,
    /// How many edges, 8 at most.
    pub edges: u16,
    /// How many persisters, 8 at most.
    pub persisters: u16,
    /// NGINX's limits.
    pub limits: Limits,
    /// Whether edges and persisters reach Redis, Kafka and MySQL over TLS. rig's own tools do not:
    /// each server takes plain text beside it.
    pub tls: bool,
}

impl StackOptions {
    /// All kinds, two edges, two persisters, and limits that do not choke a loopback rush.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kinds: PartKind::IN_ORDER_OF_END.to_vec(),
            edges: 2,
            persisters: 2,
            limits: Limits::Demo,
            tls: false,
        }
    }
}

/// Addresses as the programs take them.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    pub(super) redis: String,
    pub(super) kafka: String,
    /// As persisters log in: rows, and nothing else.
    pub(super) mysql: String,
    /// As the tables' owner logs in, who makes them.
    pub(super) mysql_owner: String,
    /// Private ports; empty: there is none.
    pub(super) nginx: String,
    /// Whom programs believe about servers; None: they speak plain text.
    pub(super) authorities: Option<PathBuf>,
}

/// Starts what the options ask for: servers first, all at once, then what needs them.
pub(super) async fn start(options: &StackOptions) -> Result<Stack, StackError> {
    let directory = StackDirectory::claim(&options.name)?;
    let ports = PortBlock::claim(&directory::ports_directory()?)?;
    let wants = |kind| options.kinds.contains(&kind);
    let jars = if wants(PartKind::Kafka) {
        kafka_jars::directory(directory.log("kafka-fetch")).await?
    } else {
        PathBuf::new()
    };
    let stack = Stack::new(directory, ports, &jars)?;
    let certificates = certificates(options, &stack)?;
    let certificates = certificates.as_ref();
    let started = async {
        tokio::try_join!(
            when(wants(PartKind::Redis), start_redis(&stack, certificates)),
            when(wants(PartKind::Kafka), start_kafka(&stack, jars, certificates)),
            when(wants(PartKind::Mysql), start_mysql(&stack, certificates)),
        )?;
        // It starts last, but its address is known.
        let private = || nginx::listens(stack.ports()).private.to_string();
        let nginx = if wants(PartKind::Nginx) { private() } else { String::new() };
        tokio::try_join!(
            when(wants(PartKind::Edge), start_edges(&stack, options.edges)),
            when(wants(PartKind::Persister), start_persisters(&stack, options, nginx)),
        )?;
        when(wants(PartKind::Nginx), start_nginx(&stack, options.limits)).await
    };
    match started.await {
        Ok(()) => Ok(stack),
        Err(error) => {
            eprintln!("logs are kept in {}", stack.keep_logs()?.display());
            stack.stop().await?;
            Err(error)
        }
    }
}

fn certificates(options: &StackOptions, stack: &Stack) -> Result<Option<Certificates>, StackError> {
    if !options.tls {
        return Ok(None);
    }
    let certificates = Certificates::of(stack.directory().path());
    certificates.make()?;
    Ok(Some(certificates))
}

async fn when(
    wanted: bool,
    start: impl Future<Output = Result<(), StackError>>,
) -> Result<(), StackError> {
    if wanted { start.await } else { Ok(()) }
}

async fn start_redis(stack: &Stack, certificates: Option<&Certificates>) -> Result<(), StackError> {
    let begun = Instant::now();
    let nodes = redis::specs(stack.directory(), stack.ports(), certificates)?;
    let addresses = launch(stack, nodes).await?;
    for &node in &addresses {
        answers(stack, PartKind::Redis, node, || ready::redis_answers(node)).await?;
    }
    let known: Vec<SocketAddr> = stack
        .status()
        .of_kind(PartKind::Redis)
        .map(|node| node.tls.unwrap_or(node.address))
        .collect();
    redis::join(stack.directory(), &known, certificates).await?;
    all_ready(stack, PartKind::Redis, begun).await
}

async fn start_kafka(
    stack: &Stack,
    jars: PathBuf,
    certificates: Option<&Certificates>,
) -> Result<(), StackError> {
    let begun = Instant::now();
    let nodes = kafka::specs(stack.directory(), stack.ports(), &jars, certificates)?;
    let addresses = launch(stack, nodes).await?;
    for &node in &addresses {
        answers(stack, PartKind::Kafka, node, || ready::kafka_listens(node)).await?;
    }
    kafka::make_topics(stack.directory(), &jars, addresses[0]).await?;
    let status = stack.status();
    if let Some(one) = status.of_kind(PartKind::Kafka).next() {
        // It is ready once all are.
        ready::wait_ready(&status, one, READY_WITHIN).await?;
    }
    say_ready(PartKind::Kafka, addresses.len(), begun);
    Ok(())
}

async fn start_mysql(stack: &Stack, certificates: Option<&Certificates>) -> Result<(), StackError> {
    let begun = Instant::now();
    let server = mysql::spec(stack.directory(), stack.ports(), certificates)?;
    mysql::install(stack.directory(), &server).await?;
    launch(stack, vec![server]).await?;
    all_ready(stack, PartKind::Mysql, begun).await
}

async fn start_edges(stack: &Stack, count: u16) -> Result<(), StackError> {
    let begun = Instant::now();
    let edges = edge::specs(stack.directory(), stack.ports(), &stack.servers(), count)?;
    launch(stack, edges).await?;
    all_ready(stack, PartKind::Edge, begun).await
}

async fn start_persisters(
    stack: &Stack,
    options: &StackOptions,
    nginx: String,
) -> Result<(), StackError> {
    let begun = Instant::now();
    let (servers, count) = (Servers { nginx, ..stack.servers() }, options.persisters);
    let edges = if options.kinds.contains(&PartKind::Edge) { options.edges } else { 0 };
    admin_tokens::make(stack.directory().path())?;
    persister::migrate(stack.directory(), &servers).await?;
    let persisters = persister::specs(stack.directory(), stack.ports(), &servers, count, edges)?;
    launch(stack, persisters).await?;
    all_ready(stack, PartKind::Persister, begun).await
}

async fn start_nginx(stack: &Stack, limits: Limits) -> Result<(), StackError> {
    let begun = Instant::now();
    let edges: Vec<SocketAddr> =
        stack.status().of_kind(PartKind::Edge).map(|edge| edge.address).collect();
    let proxy = nginx::spec(stack.directory(), stack.ports(), &edges, limits)?;
    launch(stack, vec![proxy]).await?;
    all_ready(stack, PartKind::Nginx, begun).await
}

/// Starts the parts' processes; they answer later.
pub(super) async fn launch(
    stack: &Stack,
    specs: Vec<PartSpec>,
) -> Result<Vec<SocketAddr>, StackError> {
    let mut addresses = Vec::with_capacity(specs.len());
    for spec in specs {
        let name = spec.name.clone();
        addresses.push(spec.address);
        stack.add(spec).await?;
        stack.act(&name, Action::Start).await?;
    }
    Ok(addresses)
}

/// Waits until a server answers at all, which is less than being ready.
async fn answers<F, Fut>(
    stack: &Stack,
    kind: PartKind,
    address: SocketAddr,
    look: F,
) -> Result<(), StackError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), ready::NotReady>>,
{
    let waited = wait_until(ANSWER_WITHIN, "an answer", look).await;
    waited.map_err(|late| {
        let status = stack.status();
        match status.of_kind(kind).find(|part| part.address == address) {
            Some(part) => ready::too_late(part, late),
            None => StackError::Unreadable { what: address.to_string(), why: late.to_string() },
        }
    })
}

async fn all_ready(stack: &Stack, kind: PartKind, begun: Instant) -> Result<(), StackError> {
    let status = stack.status();
    let mut count = 0;
    for part in status.of_kind(kind) {
        ready::wait_ready(&status, part, READY_WITHIN).await?;
        count += 1;
    }
    say_ready(kind, count, begun);
    Ok(())
}

fn say_ready(kind: PartKind, count: usize, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f32();
    eprintln!("{:<10} {count} ready after {seconds:.1} s", kind.as_str());
}
