//! Parts and stacks: ended, killed, cleaned.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use contract::topics;
use links::kafka::{Kafka, PartitionView, TopicView};
use rig::stack::{Action, Away, Handle, PartKind, PartState, PartStatus, exclusive, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A Redis node that was a master waits up to 30 s before it starts.
const WITHIN: Duration = Duration::from_secs(60);

async fn started_again(stack: &Handle, before: &PartStatus) {
    let other = wait_until(WITHIN, "another process", || async {
        let now = stack.part(&before.name).map_err(|error| error.to_string())?;
        let changed = now.pid.is_some() && now.pid != before.pid;
        if changed { Ok(()) } else { Err(format!("{now:?}")) }
    });
    other.await.unwrap();
    stack.ready(&before.name, WITHIN).await.unwrap();
}

#[tokio::test]
async fn a_part_that_dies_is_started_again_and_one_that_was_stopped_is_not() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let (one, two) = (stack.part("edge-1").unwrap(), stack.part("edge-2").unwrap());

    stack.act("edge-2", Action::Stop).await.unwrap();
    stack.act("edge-1", Action::Kill).await.unwrap();
    started_again(&stack, &one).await;
    // The other one was down for longer, and still is.
    let stopped = stack.part("edge-2").unwrap();
    assert_eq!((stopped.state, stopped.pid), (PartState::Down, None));
    assert!(stack.act("edge-2", Action::Pause).await.is_err(), "nothing to pause");

    stack.act("edge-2", Action::Start).await.unwrap();
    started_again(&stack, &two).await;
}

#[tokio::test]
async fn a_paused_part_is_silent_until_it_is_resumed() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let before = stack.part("nginx-1").unwrap();
    stack.act("nginx-1", Action::Pause).await.unwrap();
    let error = stack.ready("nginx-1", Duration::from_secs(2)).await.unwrap_err().to_string();
    assert!(error.contains("nginx-1 is not ready") && error.contains("nginx-1.log"), "{error}");
    assert_eq!(stack.part("nginx-1").unwrap().state, PartState::Paused);

    stack.act("nginx-1", Action::Resume).await.unwrap();
    stack.ready("nginx-1", WITHIN).await.unwrap();
    assert_eq!(stack.part("nginx-1").unwrap().pid, before.pid);
}

/// Whether this broker sees every replica in sync.
async fn all_in_sync(broker: SocketAddr) -> Result<(), String> {
    let (name, nobody) = (broker.to_string(), Kafka::plain(Vec::new()));
    let view = timeout(WITHIN, nobody.seen_by(&name, &topics::ALL)).await.unwrap();
    let view = view.map_err(|error| error.to_string())?;
    let whole = |topic: &TopicView| topic.partitions.iter().all(PartitionView::is_whole);
    if view.topics.iter().all(whole) { Ok(()) } else { Err(format!("{broker}: {view:?}")) }
}

#[tokio::test]
async fn a_broker_that_was_stopped_is_ready_once_the_others_say_so() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let brokers = stack.addresses(PartKind::Kafka);
    let away = Away::take(&stack, "kafka-2", Action::Pause).await.unwrap();
    let missed = || async {
        match all_in_sync(brokers[0]).await {
            Ok(()) => Err("nobody misses it"),
            Err(_) => Ok(()),
        }
    };
    wait_until(WITHIN, "a replica that is not in sync", missed).await.unwrap();
    // It thinks at first that nothing happened.
    away.back(WITHIN).await.unwrap();
    for broker in brokers {
        all_in_sync(broker).await.unwrap();
    }
}

#[tokio::test]
async fn every_kind_of_part_restarts() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    for name in ["mysql-1", "kafka-2", "persister-1", "nginx-1"] {
        let before = stack.part(name).unwrap();
        stack.act(name, Action::Restart).await.unwrap();
        started_again(&stack, &before).await;
    }
    stack.all_ready(WITHIN).await.unwrap();
}

#[tokio::test]
async fn an_unknown_part_is_refused_with_the_names_of_the_known() {
    let stack = Handle::from_env().unwrap();
    let error = stack.act("edge-9", Action::Kill).await.unwrap_err().to_string();
    assert!(error.contains("edge-9") && error.contains("edge-1"), "{error}");
}

/// A rig of its own. Killed with the value.
pub(crate) struct Rig {
    child: Child,
    name: String,
}

impl Rig {
    /// Starts a stack; `words` are more of `./dev up`'s.
    pub(crate) async fn up(name: &str, words: &[&str]) -> (Self, Handle) {
        let name = format!("{name}-{}", std::process::id());
        let mut child = rig()
            .args(["up", "--name", &name])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let begun = async {
            while !lines.next_line().await.unwrap().expect("a last line").contains("Ctrl-C") {}
        };
        timeout(WITHIN, begun).await.unwrap();
        let handle = Handle::named(&name).unwrap();
        assert_eq!(handle.status().name, name);
        (Self { child, name }, handle)
    }

    pub(crate) async fn down(mut self) {
        let output: Output = rig().args(["down", "--name", &self.name]).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(self.child.wait().await.unwrap().success());
    }
}

fn rig() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rig"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Processes that work below a directory; one that has ended but is not reaped works nowhere.
fn processes_below(directory: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let below = |process: &PathBuf| {
        fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
    };
    processes.filter(below).collect()
}

#[tokio::test]
async fn nothing_outlives_a_rig_that_is_killed_and_the_next_one_cleans() {
    let (mut first, stack) = Rig::up("killed", &["--only", "redis,nginx"]).await;
    let directory = stack.status().directory.clone();
    // Six nodes, NGINX's master and its workers.
    assert!(processes_below(&directory).len() >= 8);
    stack.act("redis-1", Action::Pause).await.unwrap();

    first.child.start_kill().unwrap();
    first.child.wait().await.unwrap();
    let gone = wait_until(WITHIN, "the end of every part", || async {
        match processes_below(&directory) {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:?}")),
        }
    });
    gone.await.unwrap();

    let marker = directory.join("marker");
    fs::write(&marker, "left behind").unwrap();
    let (second, again) = Rig::up("killed", &["--only", "redis"]).await;
    assert_eq!(again.status().directory, directory);
    assert!(!marker.exists());
    second.down().await;
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_part_that_the_death_signal_did_not_end_is_ended_by_the_next_rig() {
    let (mut first, stack) = Rig::up("paused", &["--only", "nginx"]).await;
    let directory = stack.status().directory.clone();
    // NGINX gets SIGTERM, so that its workers end too, and a stopped process does not see it.
    stack.act("nginx-1", Action::Pause).await.unwrap();
    first.child.start_kill().unwrap();
    first.child.wait().await.unwrap();
    assert!(!processes_below(&directory).is_empty());

    let (second, _) = Rig::up("other", &["--only", "nginx"]).await;
    let gone = wait_until(WITHIN, "the end of NGINX", || async {
        if processes_below(&directory).is_empty() { Ok(()) } else { Err("it is there") }
    });
    gone.await.unwrap();
    assert!(!directory.exists());
    second.down().await;
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused() {
    let (first, _) = Rig::up("taken", &["--only", "nginx"]).await;
    let output = rig().args(["up", "--name", &first.name]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("runs already"), "{said}");
    first.down().await;
}

#[tokio::test]
async fn sigterm_ends_a_stack_in_order() {
    let (mut rig, stack) = Rig::up("term", &["--only", "nginx"]).await;
    let pid = Pid::from_raw(rig.child.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(rig.child.wait().await.unwrap().success());
    assert!(!stack.status().directory.exists());
}

async fn redis(node: &PartStatus, command: &[&str]) -> String {
    let port = node.address.port().to_string();
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(command)
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn role(node: &PartStatus) -> String {
    redis(node, &["role"]).await.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_redis_master_that_comes_back_at_once_waits_for_its_replica_to_take_over() {
    let (rig, stack) = Rig::up("failover", &["--only", "redis"]).await;
    let mut master = None;
    for node in stack.status().of_kind(PartKind::Redis) {
        if role(node).await == "master" {
            master = Some(node);
        }
    }
    let master = master.expect("a master");
    let replicas = redis(master, &["info", "replication"]).await;
    let port = replicas.split("port=").nth(1).unwrap().split(',').next().unwrap();
    let replica = |part: &&PartStatus| part.address.port().to_string() == port;
    let replica = stack.status().of_kind(PartKind::Redis).find(replica).expect("its replica");

    // The supervisor starts it again 0.2 s later, long before its replica could be elected.
    stack.act(&master.name, Action::Kill).await.unwrap();
    started_again(&stack, master).await;
    assert_eq!(role(master).await, "slave");
    assert_eq!(role(replica).await, "master");
    let log = fs::read_to_string(&master.log).unwrap();
    assert!(log.contains("says that the slots moved; starting"), "{log}");

    // A replica starts at once, and so does a master whose replica is known to be dead.
    let waits = log.matches("waiting for its replica").count();
    stack.act(&master.name, Action::Restart).await.unwrap();
    stack.ready(&master.name, WITHIN).await.unwrap();
    let log = fs::read_to_string(&master.log).unwrap();
    assert_eq!(log.matches("waiting for its replica").count(), waits);

    stack.act(&master.name, Action::Stop).await.unwrap();
    let agreed = wait_until(WITHIN, "the cluster to agree that it is dead", || async {
        let nodes = redis(replica, &["cluster", "nodes"]).await;
        if nodes.contains("slave,fail ") { Ok(()) } else { Err(nodes) }
    });
    agreed.await.unwrap();
    stack.act(&replica.name, Action::Restart).await.unwrap();
    let back = wait_until(WITHIN, "the master", || async {
        let role = role(replica).await;
        if role == "master" { Ok(()) } else { Err(role) }
    });
    back.await.unwrap();
    let log = fs::read_to_string(&replica.log).unwrap();
    assert!(log.contains("says that no replica could take over; starting"), "{log}");
    rig.down().await;
}
