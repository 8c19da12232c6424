//! An edge that a test runs by itself, beside those of the stack.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rig::stack::{PartKind, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::{request, send};
use crate::stack::{SOON, Stack, addresses};

pub(crate) struct OwnEdge {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Where its metrics are.
    pub(crate) private: SocketAddr,
}

impl OwnEdge {
    /// Starts one on the stack's Redis and Kafka, and waits until it is ready.
    pub(crate) async fn start(stack: &Stack) -> Self {
        Self::start_with(stack, &[]).await
    }

    /// The same, with more in its environment.
    pub(crate) async fn start_with(stack: &Stack, more: &[(&str, &Path)]) -> Self {
        let brokers = addresses(&stack.handle, PartKind::Kafka);
        let edge = Self::spawn(stack, &brokers, more).await;
        let ready = || async {
            match edge.status_of("/health/ready").await {
                Some(200) => Ok(()),
                status => Err(format!("{status:?}")),
            }
        };
        wait_until(SOON, "an edge that is ready", ready).await.unwrap();
        edge
    }

    /// Starts one on these brokers, and waits until it lives.
    pub(crate) async fn start_with_kafka(stack: &Stack, brokers: &[String]) -> Self {
        Self::spawn(stack, brokers, &[]).await
    }

    async fn spawn(stack: &Stack, brokers: &[String], more: &[(&str, &Path)]) -> Self {
        let (address, private) = (free_port(), free_port());
        let child = Command::new(env!("CARGO_BIN_EXE_edge"))
            .env("FIRSTCOME_NAME", format!("own-{}", uuid::Uuid::now_v7().simple()))
            .env("FIRSTCOME_IDENTITY", "open")
            .env("FIRSTCOME_LISTEN", address.to_string())
            .env("FIRSTCOME_METRICS_LISTEN", private.to_string())
            .env("FIRSTCOME_REDIS", addresses(&stack.handle, PartKind::Redis).join(","))
            .env("FIRSTCOME_KAFKA", brokers.join(","))
            .env("FIRSTCOME_LOG", "off")
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let edge = Self { child, address, private };
        let alive = || async {
            edge.status_of("/health/live").await.filter(|&status| status == 200).ok_or("silence")
        };
        wait_until(SOON, "an edge that lives", alive).await.unwrap();
        edge
    }

    /// The status of a GET; `None` where nothing answers.
    pub(crate) async fn status_of(&self, path: &str) -> Option<u16> {
        let answer = send(self.address, request(hyper::Method::GET, path, "")).await;
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

/// A port that is free now. Another program may take it before the edge does: then the edge ends,
/// and the test with it.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
