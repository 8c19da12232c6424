//! What runs, as a file that other processes read: `status.json` in the stack's directory.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::StackError;
use super::part::{PartKind, PartSpec};

/// The file's name.
pub(super) const FILE: &str = "status.json";

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    /// Its process runs.
    Running,
    /// Its process is stopped by SIGSTOP.
    Paused,
    /// It died and is started again in a moment.
    Restarting,
    /// Ended on command.
    Down,
}

/// How to log in to MySQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
    /// Database.
    pub database: String,
}

/// One part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartStatus {
    /// Its name within the stack.
    pub name: String,
    /// What it is.
    pub kind: PartKind,
    /// Its process, while it has one.
    pub pid: Option<u32>,
    /// Where it serves.
    pub address: SocketAddr,
    /// How it stands.
    pub state: PartState,
    /// Where its metrics and health are, if elsewhere; where NGINX says its limits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metrics: Option<SocketAddr>,
    /// Where programs reach it over TLS, if they do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<SocketAddr>,
    /// MySQL only.
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub login: Option<Login>,
    /// Its log.
    pub log: PathBuf,
}

impl PartStatus {
    /// Where its health and its metrics are.
    pub fn private(&self) -> SocketAddr {
        self.metrics.unwrap_or(self.address)
    }
}

/// A stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// The rig that runs it.
    pub rig: u32,
    /// Its parts.
    pub parts: Vec<PartStatus>,
    /// Programs and files to use it with: `edge`, `persister`, `kafka_jars`.
    pub programs: BTreeMap<String, PathBuf>,
}

impl Status {
    /// Reads the status of the stack in `directory`.
    pub fn read(directory: &Path) -> Result<Self, StackError> {
        let path = directory.join(FILE);
        let bytes = fs::read(&path).map_err(StackError::io(format!("read {}", path.display())))?;
        serde_json::from_slice(&bytes).map_err(|error| StackError::Unreadable {
            what: path.display().to_string(),
            why: error.to_string(),
        })
    }

    /// The part of this name.
    pub fn part(&self, name: &str) -> Result<&PartStatus, StackError> {
        let found = self.parts.iter().find(|part| part.name == name);
        found.ok_or_else(|| StackError::UnknownPart {
            part: name.to_owned(),
            known: self.names().join(", "),
        })
    }

    /// All parts of a kind.
    pub fn of_kind(&self, kind: PartKind) -> impl Iterator<Item = &PartStatus> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }

    /// Addresses of a kind as the programs take them: joined by commas; over TLS where there is some.
    pub fn addresses(&self, kind: PartKind) -> String {
        let parts = self.of_kind(kind);
        let addresses: Vec<String> =
            parts.map(|part| part.tls.unwrap_or(part.address).to_string()).collect();
        addresses.join(",")
    }

    fn names(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.name.as_str()).collect()
    }
}

/// The status of the stack that this process runs; each change is written to the file.
#[derive(Debug)]
pub(super) struct Board {
    status: Mutex<Status>,
}

impl Board {
    pub(super) fn new(status: Status) -> Self {
        Self { status: Mutex::new(status) }
    }

    pub(super) fn get(&self) -> Status {
        self.lock().clone()
    }

    pub(super) fn add(&self, spec: &PartSpec, login: Option<Login>) {
        let mut status = self.lock();
        status.parts.push(PartStatus {
            name: spec.name.clone(),
            kind: spec.kind,
            pid: None,
            address: spec.address,
            state: PartState::Down,
            metrics: spec.metrics,
            tls: spec.tls,
            login,
            log: spec.log.clone(),
        });
        status.parts.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        write(&status);
    }

    pub(super) fn change(&self, name: &str, pid: Option<u32>, state: PartState) {
        let mut status = self.lock();
        if let Some(part) = status.parts.iter_mut().find(|part| part.name == name) {
            part.pid = pid;
            part.state = state;
        }
        write(&status);
    }

    // Each change is one assignment, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Others may read at any moment: the file is replaced as a whole.
fn write(status: &Status) {
    let path = status.directory.join(FILE);
    let new = path.with_extension("new");
    let text = serde_json::to_vec_pretty(status).unwrap_or_default();
    if let Err(error) = fs::write(&new, text).and_then(|()| fs::rename(&new, &path)) {
        eprintln!("{}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_reads_as_other_programs_expect_it() {
        let mut part = PartStatus {
            name: "edge-1".to_owned(),
            kind: PartKind::Edge,
            pid: Some(1),
            address: ([127, 0, 0, 1], 1).into(),
            state: PartState::Running,
            metrics: None,
            tls: None,
            login: None,
            log: "/logs/edge-1.log".into(),
        };
        let edge = json!({
            "name": "edge-1", "kind": "edge", "pid": 1, "address": "127.0.0.1:1",
            "state": "running", "log": "/logs/edge-1.log",
        });
        assert_eq!(serde_json::to_value(&part).unwrap(), edge);

        let word = |text: &str| text.to_owned();
        part.login = Some(Login { user: word("u"), password: word("p"), database: word("d") });
        let mysql = serde_json::to_value(&part).unwrap();
        assert_eq!((&mysql["user"], &mysql["database"]), (&json!("u"), &json!("d")));
        let again: PartStatus = serde_json::from_value(mysql).unwrap();
        assert_eq!(again.login, part.login);
        let none: PartStatus = serde_json::from_value(edge).unwrap();
        assert_eq!(none.login, None);
    }
}
