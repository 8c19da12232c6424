//! What no program may put right by itself: a database restored from an older copy, a topic cut off
//! or made again. Firstcome halts and says so; an operator does what it asks for.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};
use tokio::process::Command;

use super::command::output;
use super::error::FaultError;
use super::kind::Kind;
use super::mysql::{CLIENT, PART as MYSQL, as_root};
use super::scene::Scene;
use super::shard::{fail_over, shard};
use crate::stack::{Action, PartKind, wait_until};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("mysql-restored", "a backup of some seconds ago is restored", |scene| {
        Box::pin(restored(scene, Since::Rows))
    })
    .crowd(5_000, 400),
    Kind::new(
        "mysql-restored-before-arming",
        "a backup from before an arming is restored: halts, and says so",
        |scene| Box::pin(restored(scene, Since::Arming)),
    )
    .as_root(CLIENT)
    .crowd(6_000, 400),
    Kind::new(
        "topic-cut-off",
        "records are deleted before they are read: halts, and says so",
        |scene| Box::pin(topic(scene, Lost::Beginning)),
    )
    .as_root(CLIENT)
    .crowd(6_000, 400),
    Kind::new(
        "topic-made-again",
        "the topic of wins is deleted and made again: halts, and says so",
        |scene| Box::pin(topic(scene, Lost::All)),
    )
    .as_root(CLIENT)
    .crowd(6_000, 400),
];

/// Between what comes one after another.
pub(super) const APART: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// A halt is said within this: a lease of 6 s, and some looks.
const SAID_WITHIN: Duration = Duration::from_secs(40);
/// An arming again takes about 2 s; where partitions halted, they look again every 5 s.
const ARMED_WITHIN: Duration = Duration::from_secs(60);
/// Reconciling takes some seconds, and what it publishes again is on its way when it looks next.
const RECONCILED_WITHIN: Duration = Duration::from_secs(60);
/// Of an event that was armed once.
pub(super) const FIRST_EPOCH: u64 = 1;
/// By so much an operator raises epochs of a backup: more often no event was armed since.
pub(super) const ABOVE: u64 = 1_000;
/// A topic that was deleted is gone within this.
const MADE_WITHIN: Duration = Duration::from_secs(40);
/// How an event says it, and how a partition does.
const EVENT_HALTED: &str = "halted: ";
const PARTITION_HALTED: &str = "Nothing is skipped by itself";

/// What a backup lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// Rows and offsets: the records are read again.
    Rows,
    /// An epoch that the shard carries.
    Arming,
}

/// What a topic lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Beginning,
    All,
}

async fn restored(scene: &mut Scene, since: Since) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment_between(0.05, 0.25).await;
    back_up(scene).await?;
    scene.hold(APART[0], APART[1]).await;
    if since == Since::Rows {
        return restore(scene).await;
    }
    scene.strikes("CLUSTER FAILOVER");
    fail_over(scene, &shard).await?;
    scene.strikes("the shard has another master");
    armed_above(scene, FIRST_EPOCH).await?;
    scene.hold(APART[0], APART[1]).await;
    restore(scene).await?;
    event_halted(scene).await?;
    scene.hold(APART[0], APART[1]).await;
    raise_epochs(scene).await
}

/// Every event that was armed since the backup waits for it; which ones, each of them says.
pub(super) async fn raise_epochs(scene: &mut Scene) -> Result<(), FaultError> {
    let raise = format!("UPDATE firstcome.events SET epoch = epoch + {ABOVE} WHERE epoch > 0");
    change(scene, &raise).await
}

fn folders(scene: &Scene) -> (PathBuf, PathBuf) {
    let home = scene.stack.status().directory.join(MYSQL);
    (home.join("data"), home.join("backup"))
}

async fn back_up(scene: &mut Scene) -> Result<(), FaultError> {
    let (data, backup) = folders(scene);
    scene.act(MYSQL, Action::Stop).await?;
    let mut copy = Command::new("cp");
    copy.arg("--archive").arg(data).arg(backup);
    output(copy, "copy the database").await?;
    scene.act(MYSQL, Action::Start).await?;
    scene.ready(MYSQL).await
}

async fn restore(scene: &mut Scene) -> Result<(), FaultError> {
    let (data, backup) = folders(scene);
    scene.act(MYSQL, Action::KillStayDown).await?;
    let restored = fs::remove_dir_all(&data).and_then(|()| fs::rename(&backup, &data));
    restored.map_err(FaultError::io("restore the database"))?;
    scene.act(MYSQL, Action::Start).await?;
    scene.ready(MYSQL).await
}

/// Waits until the event was armed again, by an epoch above that one.
pub(super) async fn armed_above(scene: &Scene, last: u64) -> Result<(), FaultError> {
    let open = format!(
        "SELECT MAX(epoch) FROM firstcome.event_epochs WHERE event_id = '{}' AND step = 'open'",
        scene.event
    );
    let armed = wait_until(ARMED_WITHIN, "an arming again", || async {
        let said = as_root(scene, &open).await.map_err(|error| error.to_string())?;
        match said.lines().last().and_then(|epoch| epoch.parse::<u64>().ok()) {
            Some(epoch) if epoch > last => Ok(()),
            _ => Err(said),
        }
    });
    Ok(armed.await?)
}

/// Waits until `event show` says that the event halted.
pub(super) async fn event_halted(scene: &mut Scene) -> Result<(), FaultError> {
    let show = ["event", "show", scene.event.as_str(), "--json"];
    let said = wait_until(SAID_WITHIN, "an event that says it halted", || async {
        let shown = scene.stack.persister(&show).await.map_err(|error| error.to_string())?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        if shown.contains(EVENT_HALTED) { Ok(()) } else { Err(shown) }
    });
    said.await?;
    scene.strikes("the event says that it halted");
    Ok(())
}

/// Wins are lost before the persisters, who are away, have read them.
async fn topic(scene: &mut Scene, lost: Lost) -> Result<(), FaultError> {
    let persisters = scene.parts(PartKind::Persister);
    scene.moment().await;
    for part in &persisters {
        scene.act(part, Action::KillStayDown).await?;
    }
    scene.hold(APART[0], APART[1]).await;
    match lost {
        Lost::Beginning => delete_records(scene).await?,
        Lost::All => make_again(scene).await?,
    }
    for part in &persisters {
        scene.act(part, Action::Start).await?;
        scene.ready(part).await?;
    }
    partitions_halted(scene).await?;
    scene.hold(APART[0], APART[1]).await;
    start_over(scene, lost).await?;
    reconciled(scene).await
}

/// Reconciles until nothing is left to repair: until then it fails.
pub(super) async fn reconciled(scene: &mut Scene) -> Result<(), FaultError> {
    scene.strikes("persister reconcile --repair");
    let arguments = ["reconcile", "--event", scene.event.as_str(), "--repair"];
    let reconciled = wait_until(RECONCILED_WITHIN, "nothing left to reconcile", || async {
        let run = scene.stack.persister(&arguments).await.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        if run.status.success() { Ok(()) } else { Err(said) }
    });
    reconciled.await?;
    scene.strikes("nothing is left to reconcile");
    Ok(())
}

async fn delete_records(scene: &mut Scene) -> Result<(), FaultError> {
    let partitions: Vec<String> = (0..COUPON_ISSUED_PARTITIONS)
        .map(|part| format!(r#"{{"topic":"{COUPON_ISSUED}","partition":{part},"offset":-1}}"#))
        .collect();
    let offsets = format!(r#"{{"partitions":[{}],"version":1}}"#, partitions.join(","));
    let file = scene.stack.status().directory.join("delete-records.json");
    fs::write(&file, offsets).map_err(FaultError::io("delete-records.json"))?;
    scene.strikes("records deleted");
    let file = file.display().to_string();
    tool(scene, "DeleteRecordsCommand", &["--offset-json-file", &file]).await
}

async fn make_again(scene: &mut Scene) -> Result<(), FaultError> {
    scene.strikes("the topic made again");
    tool(scene, "TopicCommand", &["--delete", "--topic", COUPON_ISSUED]).await?;
    let partitions = COUPON_ISSUED_PARTITIONS.to_string();
    let create = [
        &["--create", "--topic", COUPON_ISSUED, "--partitions", &partitions][..],
        &["--replication-factor", "3", "--config", "min.insync.replicas=2"],
        &["--config", "unclean.leader.election.enable=false"],
    ]
    .concat();
    let made =
        wait_until(MADE_WITHIN, "the topic made again", || tool(scene, "TopicCommand", &create));
    Ok(made.await?)
}

async fn tool(scene: &Scene, class: &str, arguments: &[&str]) -> Result<(), FaultError> {
    let status = scene.stack.status();
    let jars = status.programs.get("kafka_jars").map(|jars| jars.join("*")).unwrap_or_default();
    let mut command = Command::new("java");
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]).arg(jars);
    command.arg(format!("org.apache.kafka.tools.{class}"));
    command.args(["--bootstrap-server", &status.addresses(PartKind::Kafka)]).args(arguments);
    output(command, class).await?;
    Ok(())
}

/// Waits until the persister that leads says that partitions halted.
async fn partitions_halted(scene: &mut Scene) -> Result<(), FaultError> {
    let said = wait_until(SAID_WITHIN, "a persister that says it halted", || async {
        let leader = scene.leader().await.map_err(|error| error.to_string())?;
        let address = scene.private(&leader).map_err(|error| error.to_string())?;
        let health = super::http::get(address, "/health").await;
        let health = health.map_err(|lost| format!("{lost:?}"))?;
        if health.contains(PARTITION_HALTED) { Ok(leader) } else { Err(health) }
    });
    let leader = said.await?;
    scene.strikes(format!("{leader} says that it halted"));
    Ok(())
}

/// What an operator does who knows that the records are gone.
async fn start_over(scene: &mut Scene, lost: Lost) -> Result<(), FaultError> {
    if lost == Lost::All {
        let all = format!(
            "UPDATE firstcome.partitions SET next_offset = 0 WHERE topic = '{COUPON_ISSUED}'"
        );
        return change(scene, &all).await;
    }
    for (part, earliest) in earliest(scene).await?.into_iter().enumerate() {
        change(
            scene,
            &format!(
                "UPDATE firstcome.partitions SET next_offset = {earliest} \
                 WHERE topic = '{COUPON_ISSUED}' AND part = {part} AND next_offset < {earliest}"
            ),
        )
        .await?;
    }
    Ok(())
}

/// Where each partition begins.
async fn earliest(scene: &Scene) -> Result<Vec<i64>, FaultError> {
    let kafka = scene.kafka();
    let mut earliest = Vec::new();
    for part in 0..COUPON_ISSUED_PARTITIONS {
        // Boxed: futures so deep within each other are beyond the compiler.
        let partition = kafka.partition(COUPON_ISSUED, part);
        earliest.push(Box::pin(partition.bounds()).await?.earliest);
    }
    Ok(earliest)
}

async fn change(scene: &mut Scene, statement: &str) -> Result<(), FaultError> {
    scene.strikes(statement);
    as_root(scene, statement).await?;
    Ok(())
}
