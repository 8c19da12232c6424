//! What can go wrong besides an alert that does not come.

use std::net::SocketAddr;

use crate::check::NoVerdict;
use crate::faults::FaultError;
use crate::rush::RushError;
use crate::rush::event::EventError;
use crate::stack::{StackError, TooLate};

/// Why alerts could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// A part of the stack.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Something that should have happened did not.
    #[error(transparent)]
    Late(#[from] TooLate),
    /// A fault could not be made, or undone.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// An event could not be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The rush could not be run.
    #[error(transparent)]
    Rush(#[from] RushError),
    /// The rush could not be judged.
    #[error(transparent)]
    Verdict(#[from] NoVerdict),
    /// A file or a process of ours.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// An alert that is waited for; how long it may take cannot be said.
    #[error("{0} is no alert of the rules, or its ranges stand elsewhere")]
    NoTime(&'static str),
    /// Prometheus or Alertmanager answered something else.
    #[error("{server} answers to {path}: {answer}")]
    Answer {
        /// Who.
        server: SocketAddr,
        /// What was asked.
        path: String,
        /// What came back.
        answer: String,
    },
}

impl AlertError {
    /// Wraps an I/O error with what was tried; for `map_err`.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
