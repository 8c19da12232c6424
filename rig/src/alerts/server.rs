//! A server of Debian's, on a port of loopback and a folder of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::error::AlertError;
use crate::faults::http;
use crate::stack::{system_program, wait_until};

/// It answers within this.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How they say that they are ready.
const READY: [&str; 2] = ["Ready", "OK"];

/// A folder that goes with the value.
#[derive(Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    /// An empty one, that no other of this process has.
    pub(super) fn make(name: &str) -> Result<Self, AlertError> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("firstcome-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(AlertError::io(path.display().to_string()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file below it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), AlertError> {
        let path = self.0.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = made.and_then(|()| fs::write(&path, text));
        written.map_err(AlertError::io(path.display().to_string()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What cannot be removed lies in the temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that ends with the value.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    _child: Child,
    _home: Home,
}

impl Server {
    /// Starts a program with what `arguments` says for its address, and waits until it is ready.
    pub(super) async fn start(
        program: &str,
        home: Home,
        arguments: impl FnOnce(&Path, SocketAddr) -> Vec<String>,
    ) -> Result<Self, AlertError> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let free = free.and_then(|listener| listener.local_addr());
        let address = free.map_err(AlertError::io("a free port"))?;
        let log = fs::File::create(home.path().join("log")).map_err(AlertError::io("a log"))?;
        let child = Command::new(system_program(program))
            .args(arguments(home.path(), address))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(AlertError::io(format!("start {program}")))?;
        let server = Self { address, _child: child, _home: home };
        let what = format!("a {program} that is ready");
        let ready = wait_until(READY_WITHIN, &what, || async {
            match http::get(address, "/-/ready").await {
                Ok(said) if READY.iter().any(|word| said.contains(word)) => Ok(()),
                Ok(said) => Err(said),
                Err(lost) => Err(format!("{lost:?}")),
            }
        });
        ready.await?;
        Ok(server)
    }

    /// What a GET answers.
    pub(super) async fn get(&self, path: &str) -> Result<Value, AlertError> {
        let said = http::get(self.address, path).await;
        let wrong = |answer: String| AlertError::Answer {
            server: self.address,
            path: path.to_owned(),
            answer,
        };
        let said = said.map_err(|lost| wrong(format!("{lost:?}")))?;
        serde_json::from_str(&said).map_err(|error| wrong(format!("{error}: {said}")))
    }
}
