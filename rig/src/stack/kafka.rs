//! Kafka: three KRaft nodes, each broker and controller.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use uuid::Uuid;

use super::certificates::Certificates;
use super::directory::StackDirectory;
use super::error::StackError;
use super::logins::{EDGE, PERSISTER};
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::ports::{PortBlock, Use};
use super::repository;
use super::step::{Step, run_all};
use super::topics::{self, Topic};

/// Replication factor 3.
const NODES: u16 = 3;
/// Making a topic took 0.6 s here.
const TOOL_WITHIN: Duration = Duration::from_secs(60);
/// A small heap starts fast; the optimizing compiler would only take CPU from the rest.
const JVM: [&str; 4] = ["-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const DATED: &str = "-Dorg.slf4j.simpleLogger.showDateTime=true";
const QUIET: &str = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";

/// The nodes. Each is started through the script that fills in its configuration and, at the first
/// start, formats its directory.
pub(super) fn specs(
    directory: &StackDirectory,
    ports: &PortBlock,
    jars: &Path,
    certificates: Option<&Certificates>,
) -> Result<Vec<PartSpec>, StackError> {
    let cluster = Uuid::now_v7().simple().to_string();
    // 22 letters, as Kafka's own ids have.
    let cluster = &cluster[..22];
    (0..NODES).map(|number| spec(directory, ports, (jars, cluster), certificates, number)).collect()
}

fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    (jars, cluster): (&Path, &str),
    certificates: Option<&Certificates>,
    number: u16,
) -> Result<PartSpec, StackError> {
    let name = format!("kafka-{}", number + 1);
    let home = directory.make(&name)?;
    let address = ports.address(Use::Kafka, number);
    let controller = ports.address(Use::KafkaController, number);
    let tls = certificates.map(|of| (of, ports.address(Use::KafkaTls, number)));
    let mut environment = vec![
        ("NODE_ID", (number + 1).to_string()),
        ("VOTERS", voters(ports)),
        ("HOST", address.ip().to_string()),
        ("PORT", address.port().to_string()),
        ("CONTROLLER_PORT", controller.port().to_string()),
        ("CLUSTER_ID", cluster.to_owned()),
        ("JARS", jars.display().to_string()),
        ("JVM", format!("{} {DATED}", JVM.join(" "))),
    ];
    if let Some((certificates, address)) = tls {
        environment.extend([
            ("TLS_PORT", address.port().to_string()),
            ("TLS_KEYSTORE", certificates.both().display().to_string()),
            ("EDGE_PASSWORD", EDGE.to_owned()),
            ("PERSISTER_PASSWORD", PERSISTER.to_owned()),
        ]);
    }
    Ok(PartSpec {
        kind: PartKind::Kafka,
        address,
        metrics: None,
        tls: tls.map(|(_, address)| address),
        program: repository::file("ops/kafka/start.sh"),
        arguments: vec![home.clone().into()],
        environment,
        more_environment: Vec::new(),
        directory: home,
        log: directory.log(&name),
        when_rig_dies: WhenRigDies::Kill,
        end_within: Duration::from_secs(15),
        name,
    })
}

fn voters(ports: &PortBlock) -> String {
    let voters: Vec<String> = (0..NODES)
        .map(|number| format!("{}@{}", number + 1, ports.address(Use::KafkaController, number)))
        .collect();
    voters.join(",")
}

fn java(jars: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = JVM.iter().chain(&[QUIET]).map(OsString::from).collect();
    arguments.extend(["-cp".into(), jars.join("*").into_os_string()]);
    arguments
}

/// Makes the topics of `ops/kafka/topics.conf`.
pub(super) async fn make_topics(
    directory: &StackDirectory,
    jars: &Path,
    broker: SocketAddr,
) -> Result<(), StackError> {
    let path = repository::file("ops/kafka/topics.conf");
    let text =
        fs::read_to_string(&path).map_err(StackError::io(format!("read {}", path.display())))?;
    let all = topics::parse(&text).map_err(|error| StackError::Unreadable {
        what: path.display().to_string(),
        why: error.to_string(),
    })?;
    let made = all.iter().map(|topic| {
        let step = Step {
            what: format!("making the topic {}", topic.name),
            advice: "see what the brokers say in the kafka logs beside it",
            within: TOOL_WITHIN,
            log: directory.log("kafka-topics"),
        };
        (step, make_topic(jars, broker, topic))
    });
    run_all(made).await
}

fn make_topic(jars: &Path, broker: SocketAddr, topic: &Topic) -> Command {
    let mut command = Command::new("java");
    command
        .args(java(jars))
        .arg("org.apache.kafka.tools.TopicCommand")
        .args(["--bootstrap-server", &broker.to_string()])
        .args(["--create", "--if-not-exists", "--topic", &topic.name])
        .args(["--partitions", &topic.partitions.to_string()])
        .args(["--replication-factor", &topic.replicas.to_string()]);
    for setting in &topic.settings {
        command.args(["--config", setting]);
    }
    command
}
