//! What a call that brought no reply came to.

use super::reply::ServerError;

/// What a call that brought no reply came to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// The node does not own the slot (MOVED): not executed; the topology is looked at again.
    #[error("the node does not own the slot: {0}")]
    NotOwner(String),
    /// Not executed, for now: no master, cluster down, loading, out of memory, replica.
    #[error("not executed: {0}")]
    NotExecuted(String),
    /// A timeout, a lost connection or an answer that cannot be read: it may have been executed.
    #[error("unknown whether it was executed: {0}")]
    Unknown(String),
    /// An error that another try would meet again: wrong type, bad arguments, a fault in a script.
    #[error("refused: {0}")]
    Refused(String),
}

/// Codes of errors that Redis answers before it executes anything.
///
/// ASK and TRYAGAIN: the slot is being moved, which is never done during an event. OOM, MISCONF,
/// READONLY and NOREPLICAS also come from the first write of a script, which has then written
/// nothing.
const NOT_EXECUTED: [&str; 10] = [
    "ASK",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "LOADING",
    "OOM",
    "READONLY",
    "MISCONF",
    "BUSY",
    "NOREPLICAS",
    "MASTERDOWN",
];

/// Answered to a new connection that is then closed.
const TOO_MANY_CLIENTS: &str = "ERR max number of clients reached";

impl From<ServerError> for RedisError {
    /// The one place where the text of a Redis error decides what becomes of a call.
    fn from(ServerError(text): ServerError) -> Self {
        match code(&text) {
            "MOVED" => Self::NotOwner(text),
            code if NOT_EXECUTED.contains(&code) => Self::NotExecuted(text),
            _ if text.starts_with(TOO_MANY_CLIENTS) => Self::NotExecuted(text),
            _ => Self::Refused(text),
        }
    }
}

/// Whether a node has not seen the script yet; EVAL brings it there.
pub(crate) fn is_noscript(error: &ServerError) -> bool {
    code(&error.0) == "NOSCRIPT"
}

fn code(text: &str) -> &str {
    text.split_once(' ').map_or(text, |(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> RedisError {
        ServerError(text.to_owned()).into()
    }

    #[test]
    fn the_code_of_an_error_decides() {
        let moved = "MOVED 3999 127.0.0.1:6381";
        assert_eq!(class(moved), RedisError::NotOwner(moved.to_owned()));
        for text in [
            "ASK 3999 127.0.0.1:6381",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN The cluster is down",
            "LOADING Redis is loading the dataset in memory",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
            "MISCONF Redis is configured to save RDB snapshots",
            "BUSY Redis is busy running a script.",
            "NOREPLICAS Not enough good replicas to write.",
            "MASTERDOWN Link with MASTER is down",
            "ERR max number of clients reached",
        ] {
            assert_eq!(class(text), RedisError::NotExecuted(text.to_owned()));
        }
        for text in [
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "ERR Error running script",
            "FORMAT claim.lua reads format 1, not 2",
            "CROSSSLOT Keys in request don't hash to the same slot",
            "ASKING",
            "",
        ] {
            assert_eq!(class(text), RedisError::Refused(text.to_owned()));
        }
    }

    #[test]
    fn a_missing_script_is_told_apart() {
        let is = |text: &str| is_noscript(&ServerError(text.to_owned()));
        assert!(is("NOSCRIPT No matching script. Please use EVAL."));
        assert!(!is("ERR NOSCRIPT"));
    }
}
