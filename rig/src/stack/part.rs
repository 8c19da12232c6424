//! What a part of the stack is: a program, how to start and how to end it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a part is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// A node of the Redis Cluster.
    Redis,
    /// A Kafka broker and controller.
    Kafka,
    /// MariaDB, in MySQL's place.
    Mysql,
    /// The reverse proxy.
    Nginx,
    /// The public data plane.
    Edge,
    /// All that touches MySQL.
    Persister,
    /// A server that the bench compares with; a stack begins with none.
    #[value(skip)]
    Baseline,
}

impl PartKind {
    /// Every kind, in the order in which a stack is ended: what asks before what answers.
    pub const IN_ORDER_OF_END: [Self; 7] = [
        Self::Nginx,
        Self::Edge,
        Self::Baseline,
        Self::Persister,
        Self::Kafka,
        Self::Redis,
        Self::Mysql,
    ];

    /// The word that status and command lines use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Kafka => "kafka",
            Self::Mysql => "mysql",
            Self::Nginx => "nginx",
            Self::Edge => "edge",
            Self::Persister => "persister",
            Self::Baseline => "baseline",
        }
    }
}

/// The signal that a part gets when rig itself dies, however it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenRigDies {
    /// Nothing of it is left behind by SIGKILL.
    Kill,
    /// It has workers of its own, which it must take along.
    Terminate,
}

/// All that is needed to start a part, again and again.
#[derive(Debug, Clone)]
pub(super) struct PartSpec {
    /// Its name within the stack.
    pub name: String,
    /// What it is.
    pub kind: PartKind,
    /// Where it serves.
    pub address: SocketAddr,
    /// Where its metrics and health are, if elsewhere; where NGINX says its limits.
    pub metrics: Option<SocketAddr>,
    /// Where programs reach it over TLS, if they do.
    pub tls: Option<SocketAddr>,
    /// The program, as a path or a name in PATH.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Environment variables on top of rig's own.
    pub environment: Vec<(&'static str, String)>,
    /// More of them, of one start.
    pub more_environment: Vec<(String, String)>,
    /// Where it runs; below the stack's directory.
    pub directory: PathBuf,
    /// Where its output is appended to.
    pub log: PathBuf,
    /// What it gets when rig dies.
    pub when_rig_dies: WhenRigDies,
    /// How long it may take to end after SIGTERM, before it is killed.
    pub end_within: Duration,
}

/// How one start of a part differs from its usual ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStart {
    /// Another program, which gets the same arguments.
    pub program: Option<PathBuf>,
    /// Environment variables beside the usual ones.
    pub environment: Vec<(String, String)>,
}

impl PartSpec {
    /// This part, as it is started once.
    pub(super) fn once(&self, next: NextStart) -> Self {
        let program = next.program.unwrap_or_else(|| self.program.clone());
        Self { program, more_environment: next.environment, ..self.clone() }
    }
}
