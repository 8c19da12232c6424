//! What can go wrong with a round, apart from what the checker finds.

use links::kafka::KafkaError;

use crate::check::mysql::MysqlError;
use crate::check::{BadHistory, NoVerdict};
use crate::rush::RushError;
use crate::rush::event::EventError;
use crate::stack::{StackError, TooLate};

/// Why a round could not be played, or did not heal.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// A part would not do it, or is not ready again.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Something that should have happened did not.
    #[error(transparent)]
    Late(#[from] TooLate),
    /// The event could not be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The rush could not be run.
    #[error(transparent)]
    Rush(#[from] RushError),
    /// The history cannot be read.
    #[error(transparent)]
    History(#[from] BadHistory),
    /// The stores could not be read.
    #[error(transparent)]
    Verdict(#[from] NoVerdict),
    /// Kafka refused a record of ours.
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    /// MySQL did not answer us.
    #[error(transparent)]
    Mysql(#[from] MysqlError),
    /// A file or a process of ours.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A command failed.
    #[error("{what}: {why}")]
    Failed {
        /// The command.
        what: String,
        /// What it said.
        why: String,
    },
}

impl FaultError {
    /// Wraps an I/O error with what was tried; for `map_err`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
