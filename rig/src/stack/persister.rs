//! The persisters of this workspace, as programs.

use std::time::Duration;

use tokio::process::Command;

use super::admin_tokens;
use super::directory::StackDirectory;
use super::error::StackError;
use super::logins;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::plan::Servers;
use super::ports::{PortBlock, Use};
use super::repository;
use super::step::Step;

/// Making the tables took well below a second here.
const MIGRATE_WITHIN: Duration = Duration::from_secs(30);

/// The persisters' specs.
pub(super) fn specs(
    directory: &StackDirectory,
    ports: &PortBlock,
    servers: &Servers,
    count: u16,
    edges: u16,
) -> Result<Vec<PartSpec>, StackError> {
    let edges = (0..edges).map(|number| ports.address(Use::EdgeMetrics, number).to_string());
    let edges = edges.collect::<Vec<_>>().join(",");
    let spec = |number| spec(directory, ports, servers, &edges, number);
    (0..count).map(spec).collect()
}

fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    servers: &Servers,
    edges: &str,
    number: u16,
) -> Result<PartSpec, StackError> {
    let name = format!("persister-{}", number + 1);
    let metrics = ports.address(Use::PersisterMetrics, number);
    let admin = ports.address(Use::PersisterAdmin, number);
    let mut environment = environment_of(RUN, servers);
    environment.extend([
        ("FIRSTCOME_NAME", name.clone()),
        ("FIRSTCOME_METRICS_LISTEN", metrics.to_string()),
        ("FIRSTCOME_ADMIN_LISTEN", admin.to_string()),
        ("FIRSTCOME_ADMIN_TOKENS_FILE", admin_tokens::path(directory.path()).display().to_string()),
        ("FIRSTCOME_EDGES", edges.to_owned()),
    ]);
    Ok(PartSpec {
        kind: PartKind::Persister,
        address: admin,
        metrics: Some(metrics),
        tls: None,
        program: repository::program("persister")?,
        arguments: vec![RUN.into()],
        environment,
        more_environment: Vec::new(),
        directory: directory.make(&name)?,
        log: directory.log(&name),
        when_rig_dies: WhenRigDies::Kill,
        // It drains for 10 s at most.
        end_within: Duration::from_secs(13),
        name,
    })
}

const RUN: &str = "run";
/// The subcommand that makes the tables, and logs in as their owner.
const MIGRATE: &str = "migrate";

/// What a subcommand of the persister reads.
pub(super) fn environment_of(subcommand: &str, servers: &Servers) -> Vec<(&'static str, String)> {
    let mysql = if subcommand == MIGRATE { &servers.mysql_owner } else { &servers.mysql };
    let mut environment = vec![
        ("FIRSTCOME_REDIS", servers.redis.clone()),
        ("FIRSTCOME_KAFKA", servers.kafka.clone()),
        ("FIRSTCOME_MYSQL", mysql.clone()),
        ("FIRSTCOME_NGINX", servers.nginx.clone()),
        // Else a test, a fault round or a rush could pass over one.
        ("FIRSTCOME_ON_PANIC", "abort".to_owned()),
    ];
    environment.extend(logins::to_redis(logins::PERSISTER));
    environment.extend(logins::over_tls(logins::PERSISTER, servers));
    let authorities = servers.authorities.iter().map(|file| file.display().to_string());
    environment.extend(authorities.map(|file| ("FIRSTCOME_MYSQL_TLS", file)));
    environment
}

/// Makes the tables, as their owner.
pub(super) async fn migrate(
    directory: &StackDirectory,
    servers: &Servers,
) -> Result<(), StackError> {
    let mut command = Command::new(repository::program("persister")?);
    command.arg(MIGRATE).envs(environment_of(MIGRATE, servers));
    let step = Step {
        what: "persister migrate".to_owned(),
        advice: "it needs MySQL, and files in sql/ that apply in order",
        within: MIGRATE_WITHIN,
        log: directory.log("persister-migrate"),
    };
    step.run(command).await
}
