//! What a call to Kafka that failed came to.

use std::time::Duration;

use rskafka::client::error::{Error, ProtocolError};

/// What a call that failed came to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// No connection to the partition's leader: nothing was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// A timeout, a lost connection or a broker's error: a produce may have been written.
    #[error("unknown whether it was done: {0}")]
    Unknown(String),
    /// The partition does not hold that offset: it was deleted, or has not been written, or the
    /// topic is another one than before. [`super::Partition::bounds`] tells which.
    #[error("the partition does not hold offset {offset}")]
    OutOfRange {
        /// The offset that was asked for.
        offset: i64,
    },
    /// Kafka will not take it however often it is tried: too large, or not a valid record.
    #[error("refused: {0}")]
    Refused(String),
}

/// Whether another try may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes, after a pause.
    Transient,
    /// No.
    Permanent,
}

impl KafkaError {
    /// Whether another try of the same may succeed.
    pub fn retry(&self) -> Retry {
        match self {
            Self::NotSent(_) | Self::Unknown(_) => Retry::Transient,
            Self::OutOfRange { .. } | Self::Refused(_) => Retry::Permanent,
        }
    }

    pub(super) fn timed_out(what: &str, after: Duration) -> Self {
        Self::Unknown(format!("no answer to a {what} within {after:?}"))
    }
}

/// What an error of rskafka means for a call at that offset (-1 where it has none).
pub(super) fn classify(error: &Error, offset: i64) -> KafkaError {
    match error {
        Error::ServerError { protocol_error, .. } => match protocol_error {
            ProtocolError::OffsetOutOfRange => KafkaError::OutOfRange { offset },
            ProtocolError::MessageTooLarge
            | ProtocolError::RecordListTooLarge
            | ProtocolError::InvalidRecord
            | ProtocolError::InvalidTopicException => KafkaError::Refused(error.to_string()),
            _ => KafkaError::Unknown(error.to_string()),
        },
        _ => KafkaError::Unknown(error.to_string()),
    }
}
