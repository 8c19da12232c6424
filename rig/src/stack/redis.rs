//! The Redis Cluster: three masters with a replica each.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::process::Command;

use super::certificates::Certificates;
use super::directory::StackDirectory;
use super::error::StackError;
use super::logins;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::ports::{PortBlock, Use};
use super::repository;
use super::step::Step;

/// Three masters are the fewest that can tell a dead one by majority.
const NODES: u16 = 6;
/// The command that joins the nodes took 1 s here.
const JOIN_WITHIN: Duration = Duration::from_secs(30);

/// The nodes. Each is started, and started again, through the script that waits for its replica.
pub(super) fn specs(
    directory: &StackDirectory,
    ports: &PortBlock,
    certificates: Option<&Certificates>,
) -> Result<Vec<PartSpec>, StackError> {
    (0..NODES).map(|number| spec(directory, ports, certificates, number)).collect()
}

fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    certificates: Option<&Certificates>,
    number: u16,
) -> Result<PartSpec, StackError> {
    let name = format!("redis-{}", number + 1);
    let address = ports.address(Use::Redis, number);
    let home = directory.make(&name)?;
    let tls = certificates.map(|_| ports.address(Use::RedisTls, number));
    let mut environment = logins::redis_nodes();
    environment.extend(certificates.map(Certificates::for_redis).into_iter().flatten());
    environment.extend(tls.map(|tls| ("TLS_PORT", tls.port().to_string())));
    let options = [
        ("--bind", address.ip().to_string()),
        ("--port", address.port().to_string()),
        ("--cluster-port", ports.address(Use::RedisBus, number).port().to_string()),
    ];
    let mut arguments = vec![home.clone().into_os_string()];
    arguments.extend(options.into_iter().flat_map(|(name, value)| [name.into(), value.into()]));
    Ok(PartSpec {
        kind: PartKind::Redis,
        address,
        metrics: None,
        tls,
        program: repository::file("ops/redis/start.sh"),
        arguments,
        environment,
        more_environment: Vec::new(),
        directory: home,
        log: directory.log(&name),
        when_rig_dies: WhenRigDies::Kill,
        end_within: Duration::from_secs(10),
        name,
    })
}

/// Joins nodes that answer, and know nobody yet, to a cluster. Nodes that know each other by their
/// ports for TLS are joined by those.
pub(super) async fn join(
    directory: &StackDirectory,
    nodes: &[SocketAddr],
    certificates: Option<&Certificates>,
) -> Result<(), StackError> {
    let mut command = Command::new(repository::file("ops/redis/join.sh"));
    command.args(nodes.iter().map(SocketAddr::to_string)).envs(logins::redis_nodes());
    command.envs(certificates.map(Certificates::for_redis).into_iter().flatten());
    let step = Step {
        what: "ops/redis/join.sh".to_owned(),
        advice: "see what the nodes say in the redis logs beside it",
        within: JOIN_WITHIN,
        log: directory.log("redis-create"),
    };
    step.run(command).await
}
