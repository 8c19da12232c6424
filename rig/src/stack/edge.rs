//! The edges of this workspace, as programs.

use std::time::Duration;

use super::directory::StackDirectory;
use super::error::StackError;
use super::logins;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::plan::Servers;
use super::ports::{PortBlock, Use};
use super::repository;

/// The edges' specs.
pub(super) fn specs(
    directory: &StackDirectory,
    ports: &PortBlock,
    servers: &Servers,
    count: u16,
) -> Result<Vec<PartSpec>, StackError> {
    let spec = |number| spec(directory, ports, servers, number);
    (0..count).map(spec).collect()
}

/// One edge's spec; numbers begin at 0.
pub(super) fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    servers: &Servers,
    number: u16,
) -> Result<PartSpec, StackError> {
    let name = format!("edge-{}", number + 1);
    let address = ports.address(Use::Edge, number);
    let metrics = ports.address(Use::EdgeMetrics, number);
    let mut environment = vec![
        ("FIRSTCOME_NAME", name.clone()),
        ("FIRSTCOME_LISTEN", address.to_string()),
        ("FIRSTCOME_METRICS_LISTEN", metrics.to_string()),
        ("FIRSTCOME_IDENTITY", "open".to_owned()),
        // Else a test, a fault round or a rush could pass over one.
        ("FIRSTCOME_ON_PANIC", "abort".to_owned()),
        ("FIRSTCOME_REDIS", servers.redis.clone()),
        ("FIRSTCOME_KAFKA", servers.kafka.clone()),
    ];
    environment.extend(logins::to_redis(logins::EDGE));
    environment.extend(logins::over_tls(logins::EDGE, servers));
    Ok(PartSpec {
        kind: PartKind::Edge,
        address,
        metrics: Some(metrics),
        tls: None,
        program: repository::program("edge")?,
        arguments: Vec::new(),
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
