//! An edge that a test runs by itself, beside those of the stack.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rig::stack::{PartKind, logins, own_address, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::{request, send_from};
use crate::stack::{SOON, Stack, addresses};

/// From where a test looks whether it is up: a forwarder's address says something else first.
const LOOKS_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);

pub(crate) struct OwnEdge {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Where its metrics are.
    pub(crate) private: SocketAddr,
    /// What it says.
    pub(crate) log: PathBuf,
}

impl OwnEdge {
    /// Starts one on the stack's Redis and Kafka, and waits until it is ready.
    pub(crate) async fn start(stack: &Stack) -> Self {
        Self::start_with::<&str>(stack, &[]).await
    }

    /// The same, with more in its environment.
    pub(crate) async fn start_with<V: AsRef<OsStr>>(stack: &Stack, more: &[(&str, V)]) -> Self {
        let edge = Self::start_unready(stack, more).await;
        edge.becomes_ready().await;
        edge
    }

    /// Starts one and waits until it lives.
    pub(crate) async fn start_unready<V: AsRef<OsStr>>(stack: &Stack, more: &[(&str, V)]) -> Self {
        Self::spawn(stack, &addresses(&stack.handle, PartKind::Kafka), more).await
    }

    /// Waits until it takes requests.
    pub(crate) async fn becomes_ready(&self) {
        let ready = || async {
            match self.status_of("/health/ready").await {
                Some(200) => Ok(()),
                status => Err(format!("{status:?}")),
            }
        };
        wait_until(SOON, "an edge that is ready", ready).await.unwrap();
    }

    /// Starts one on these brokers, and waits until it lives.
    pub(crate) async fn start_with_kafka(stack: &Stack, brokers: &[String]) -> Self {
        Self::spawn::<&str>(stack, brokers, &[]).await
    }

    async fn spawn<V: AsRef<OsStr>>(stack: &Stack, brokers: &[String], more: &[(&str, V)]) -> Self {
        let (address, private) = (own_address(), own_address());
        let name = format!("own-{}", uuid::Uuid::now_v7().simple());
        let log = stack.handle.status().directory.join(format!("{name}.log"));
        let said = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_edge"))
            .env("FIRSTCOME_NAME", name)
            .env("FIRSTCOME_IDENTITY", "open")
            .env("FIRSTCOME_ON_PANIC", "abort")
            .env("FIRSTCOME_LISTEN", address.to_string())
            .env("FIRSTCOME_METRICS_LISTEN", private.to_string())
            .envs(logins::to_redis(logins::EDGE))
            .env("FIRSTCOME_REDIS", addresses(&stack.handle, PartKind::Redis).join(","))
            .env("FIRSTCOME_KAFKA", brokers.join(","))
            .env("FIRSTCOME_LOG", "error")
            .envs(more.iter().map(|(name, value)| (name, value.as_ref())))
            .stdin(Stdio::null())
            .stderr(said.try_clone().unwrap())
            .stdout(said)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let edge = Self { child, address, private, log };
        let alive = || async {
            match edge.status_of("/health/live").await {
                Some(200) => Ok(()),
                status => Err(format!("{status:?}; it says: {:?}", fs::read_to_string(&edge.log))),
            }
        };
        wait_until(SOON, "an edge that lives", alive).await.unwrap();
        edge
    }

    /// The status of a GET; `None` where nothing answers.
    pub(crate) async fn status_of(&self, path: &str) -> Option<u16> {
        let request = request(hyper::Method::GET, path, "");
        let answer = send_from(LOOKS_FROM, self.address, request).await;
        answer.ok().map(|answer| answer.status)
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it until it is resumed.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// How it ended.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        timeout(SOON, self.child.wait()).await.expect("it ends in time").unwrap()
    }
}
