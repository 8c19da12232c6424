//! A stack that some rig runs, as tests and other commands reach it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout;

use super::admin_tokens::{self, AdminRole};
use super::control;
use super::directory;
use super::error::StackError;
use super::part::{NextStart, PartKind};
use super::ready;
use super::running::servers;
use super::status::{PartStatus, Status};
use super::supervisor::Action;
use super::{mysql, persister};
use crate::config;

/// A subcommand of the persister: `event create` waits until the event stands.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// The stack that is meant where no name is given.
pub const DEFAULT_NAME: &str = "dev";

/// Reaches a running stack: its addresses, its parts, its persister's command line.
#[derive(Debug, Clone)]
pub struct Handle {
    status: Status,
}

impl Handle {
    /// The stack that `FIRSTCOME_STACK` names, as `./dev test` sets it.
    pub fn from_env() -> Result<Self, StackError> {
        Self::open(&config::stack_directory().ok_or(StackError::NoStack)?)
    }

    /// The stack in a directory.
    pub fn open(directory: &Path) -> Result<Self, StackError> {
        Status::read(directory).map(Self::of)
    }

    /// The running stack of this name. Where [`DEFAULT_NAME`] is asked for, does not run, and one
    /// other does, that one.
    pub fn named(name: &str) -> Result<Self, StackError> {
        let running = directory::running()?;
        let found = running.iter().find(|(running, _)| running == name);
        match (found, running.as_slice()) {
            (Some((_, path)), _) => Self::open(path),
            (None, [(_, path)]) if name == DEFAULT_NAME => Self::open(path),
            (None, others) => Err(StackError::NotRunning {
                name: name.to_owned(),
                others: sentence(others.iter().map(|(name, _)| name.as_str()).collect()),
            }),
        }
    }

    pub(super) fn of(status: Status) -> Self {
        Self { status }
    }

    /// The status as it was when the handle was made: addresses stay, pids may not.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// How the part stands now.
    pub fn part(&self, name: &str) -> Result<PartStatus, StackError> {
        Status::read(&self.status.directory)?.part(name).cloned()
    }

    /// Addresses of a kind, in the order of the parts' names.
    pub fn addresses(&self, kind: PartKind) -> Vec<SocketAddr> {
        self.status.of_kind(kind).map(|part| part.address).collect()
    }

    /// Metrics addresses of a kind, in the order of the parts' names.
    pub fn metrics(&self, kind: PartKind) -> Vec<SocketAddr> {
        self.status.of_kind(kind).filter_map(|part| part.metrics).collect()
    }

    /// Where NGINX serves; the stack must have it.
    pub fn nginx(&self) -> Result<SocketAddr, StackError> {
        self.status.part("nginx-1").map(|part| part.address)
    }

    /// A token of the persisters' admin API; the stack must have persisters.
    pub fn admin_token(&self, role: AdminRole) -> Result<String, StackError> {
        admin_tokens::read(&self.status.directory, role)
    }

    /// `mysql://user:password@host:port/database`; the stack must have MySQL.
    pub fn mysql_url(&self) -> Result<String, StackError> {
        self.status.part("mysql-1").map(|part| mysql::url(part.address))
    }

    /// Does something with a part; returns when it is done, which for a start is before the part is
    /// ready.
    pub async fn act(&self, part: &str, action: Action) -> Result<(), StackError> {
        self.status.part(part)?;
        control::act(&self.status.directory, part, action).await
    }

    /// Lets a part's next starts differ from its usual ones, one after another; after them, or with
    /// none of them, it starts as usual. What was set before is forgotten.
    pub async fn next_starts(&self, part: &str, next: Vec<NextStart>) -> Result<(), StackError> {
        self.status.part(part)?;
        control::next_starts(&self.status.directory, part, next).await
    }

    /// Waits until a part is ready.
    pub async fn ready(&self, part: &str, within: Duration) -> Result<(), StackError> {
        ready::wait_ready(&self.status, self.status.part(part)?, within).await
    }

    /// Waits until every part is ready, each within `within`.
    pub async fn all_ready(&self, within: Duration) -> Result<(), StackError> {
        for part in &self.status.parts {
            ready::wait_ready(&self.status, part, within).await?;
        }
        Ok(())
    }

    /// Asks the rig that runs the stack to end it; returns when it has heard.
    pub async fn shut_down(&self) -> Result<(), StackError> {
        control::shut_down(&self.status.directory).await
    }

    /// A subcommand of the persister, `["event", "list"]` for instance, with the stack's
    /// environment. The caller decides what becomes of its output.
    pub fn persister_command<I: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: &[I],
    ) -> Result<Command, StackError> {
        let program = self.status.programs.get("persister");
        let program = program.ok_or_else(|| StackError::Missing {
            program: "persister".to_owned(),
            advice: "build it with cargo build --release",
        })?;
        let subcommand = arguments.first().and_then(|first| first.as_ref().to_str());
        let servers = servers(&self.status);
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(persister::environment_of(subcommand.unwrap_or_default(), &servers))
            .kill_on_drop(true);
        Ok(command)
    }

    /// Runs a subcommand of the persister to its end and returns its output.
    pub async fn persister(&self, arguments: &[&str]) -> Result<Output, StackError> {
        let run = self.persister_command(arguments)?.stdin(Stdio::null()).output();
        timeout(COMMAND_WITHIN, run)
            .await
            .unwrap_or_else(|late| Err(late.into()))
            .map_err(StackError::io(format!("persister {}", arguments.join(" "))))
    }
}

fn sentence(names: Vec<&str>) -> String {
    if names.is_empty() { String::new() } else { format!(" (these run: {})", names.join(", ")) }
}

/// Tests of one process share its stack; one that kills parts must have it alone.
static PARTS: RwLock<()> = RwLock::const_new(());

/// Held by a test as long as it uses the stack.
#[derive(Debug)]
#[must_use = "the stack is shared only while this lives"]
pub enum Guard {
    /// Others may use it too.
    Shared(RwLockReadGuard<'static, ()>),
    /// Nobody else in this process uses it.
    Exclusive(RwLockWriteGuard<'static, ()>),
}

/// For a test that leaves all parts as they are. `cargo test` runs one test binary at a time, so a
/// lock within the process is enough.
pub async fn shared() -> Guard {
    Guard::Shared(PARTS.read().await)
}

/// For a test that stops, kills or pauses parts; it leaves all of them ready again.
pub async fn exclusive() -> Guard {
    Guard::Exclusive(PARTS.write().await)
}
