//! Why a bench cannot go on.

use std::io;

use contract::ids::BadId;

use crate::check::NoVerdict;
use crate::faults::FaultError;
use crate::rush::RushError;
use crate::rush::event::EventError;
use crate::stack::{StackError, TooLate};

/// Why a bench, or one of its windows, could not be run. What a window shows about a server is no
/// such error: it stands in the report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A part could not be started, or is not ready.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// An event could not be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Something of the stack could not be asked or told.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// MySQL or Redis did not say what they have.
    #[error(transparent)]
    NoVerdict(#[from] NoVerdict),
    /// A rush could not be run.
    #[error(transparent)]
    Rush(#[from] RushError),
    /// What was waited for did not happen.
    #[error(transparent)]
    TooLate(#[from] TooLate),
    /// A name that is no id.
    #[error(transparent)]
    BadId(#[from] BadId),
    /// A file or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The load generator did not say what it saw.
    #[error("wrk: {0}")]
    Wrk(String),
    /// A server did not answer a question beside the load.
    #[error("{0}")]
    Silent(String),
    /// A row is asked for that does not exist.
    #[error("there is no row named {name}; there are: {known}")]
    UnknownRow {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
}

impl BenchError {
    /// What shows that a server or a window failed is the window's outcome; any other error ends
    /// the bench. For `or_else`.
    pub(super) fn of_window<T>(self) -> Result<Result<T, String>, Self> {
        match self {
            Self::Silent(_) | Self::Wrk(_) | Self::TooLate(_) => Ok(Err(self.to_string())),
            other => Err(other),
        }
    }

    /// For `map_err`: says what was tried.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }
}
