//! What can go wrong with a stack, in sentences that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::part::PartKind;

/// Why a stack, or one of its parts, is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A file, socket or process of our own.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another rig holds the stack's lock.
    #[error(
        "a stack named {name} runs already; end it with ./dev down --name {name}, or choose another --name"
    )]
    NameTaken {
        /// The stack.
        name: String,
    },
    /// No rig holds the stack's lock.
    #[error("no stack named {name} runs; start one with ./dev up{others}")]
    NotRunning {
        /// The stack.
        name: String,
        /// Names of those that run, as a sentence; or empty.
        others: String,
    },
    /// A stack's name becomes part of paths.
    #[error("{0:?} cannot be a stack's name: 1 to 24 of a-z, 0-9 and - please")]
    BadName(String),
    /// A unix socket's path has 107 bytes at most.
    #[error("{0} is too long for the sockets in it; set TMPDIR to a shorter directory")]
    PathTooLong(PathBuf),
    /// Every block of ports is held by another stack or in use.
    #[error(
        "no free block of ports between {first} and {last}; ./dev down stacks that are not needed"
    )]
    NoPorts {
        /// The first port tried.
        first: u16,
        /// The last one.
        last: u16,
    },
    /// More parts of a kind than there are ports for.
    #[error("a stack has {most} parts of the kind {} at most, those that have ended among them", kind.as_str())]
    NoMore {
        /// The kind.
        kind: PartKind,
        /// How many there may be.
        most: u16,
    },
    /// A program is not installed.
    #[error("{program} is not installed; {advice}")]
    Missing {
        /// The program.
        program: String,
        /// What to do.
        advice: &'static str,
    },
    /// A command that prepares something failed, or a part did not become ready in time.
    #[error(transparent)]
    Failed(Box<Failure>),
    /// The stack has no such part.
    #[error("the stack has no part named {part}; it has {known}")]
    UnknownPart {
        /// The name asked for.
        part: String,
        /// The names there are.
        known: String,
    },
    /// The rig that runs the stack would not do it.
    #[error("{part}: {why}")]
    Refused {
        /// The part.
        part: String,
        /// What it said.
        why: String,
    },
    /// A test needs a stack and was not told of one.
    #[error(
        "FIRSTCOME_STACK is not set: run ./dev test, or ./dev up and FIRSTCOME_STACK=<the directory that it prints>"
    )]
    NoStack,
    /// Another process's answer cannot be understood.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What a failed command or part had to say.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}\n--- end of {log}\n{tail}\n---\n{advice}", log = log.display())]
pub struct Failure {
    /// What was tried, and that it failed.
    pub what: String,
    /// Its exit status, that it took too long, or what the last look saw.
    pub why: String,
    /// Where it writes to.
    pub log: PathBuf,
    /// The last lines of it.
    pub tail: String,
    /// What to do.
    pub advice: &'static str,
}

impl StackError {
    /// Wraps an I/O error with what was tried; for `map_err`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// Lines of a log that an error quotes.
const QUOTED: usize = 20;

impl Failure {
    /// Quotes the end of the log as it is now.
    pub(super) fn quoting(
        log: &Path,
        what: String,
        why: String,
        advice: &'static str,
    ) -> StackError {
        StackError::Failed(Box::new(Self {
            what,
            why,
            log: log.to_owned(),
            tail: tail(log, QUOTED),
            advice,
        }))
    }
}

/// The last `lines` lines of a log, or why there are none.
fn tail(log: &Path, lines: usize) -> String {
    let bytes = match std::fs::read(log) {
        Ok(bytes) => bytes,
        Err(error) => return format!("({error})"),
    };
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
