//! What a call to Kafka that failed came to.

use std::time::Duration;

use rskafka::BackoffError;
use rskafka::client::error::{Error, ProtocolError};

/// What a call that failed came to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// The partition's leader was not reached, or answered that it leads it no more: nothing was
    /// written.
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
    let error = innermost(error);
    let text = error.to_string();
    match error {
        Error::ServerError { protocol_error, .. } => match protocol_error {
            ProtocolError::OffsetOutOfRange => KafkaError::OutOfRange { offset },
            ProtocolError::NotLeaderOrFollower
            | ProtocolError::LeaderNotAvailable
            | ProtocolError::UnknownTopicOrPartition => KafkaError::NotSent(text),
            ProtocolError::MessageTooLarge
            | ProtocolError::RecordListTooLarge
            | ProtocolError::InvalidRecord
            | ProtocolError::InvalidTopicException => KafkaError::Refused(text),
            _ => KafkaError::Unknown(text),
        },
        _ => KafkaError::Unknown(text),
    }
}

/// The error itself, without the notice that no time was left to try again.
fn innermost(error: &Error) -> &Error {
    match error {
        Error::RetryFailed(BackoffError::DeadlineExceded { source, .. }) => {
            source.downcast_ref::<Error>().map_or(error, innermost)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rskafka::client::error::RequestContext;

    fn server_error(protocol_error: ProtocolError) -> Error {
        Error::ServerError {
            protocol_error,
            error_message: None,
            request: RequestContext::Topic("coupon-issued".to_owned()),
            response: None,
            is_virtual: false,
        }
    }

    fn class(protocol_error: ProtocolError) -> KafkaError {
        let direct = classify(&server_error(protocol_error), 7);
        // The same after rskafka has given up to try again.
        let gave_up = Error::RetryFailed(BackoffError::DeadlineExceded {
            deadline: Duration::ZERO,
            source: Box::new(server_error(protocol_error)),
        });
        assert_eq!(classify(&gave_up, 7), direct);
        direct
    }

    #[test]
    fn the_brokers_code_decides() {
        assert_eq!(class(ProtocolError::OffsetOutOfRange), KafkaError::OutOfRange { offset: 7 });
        for code in [ProtocolError::NotLeaderOrFollower, ProtocolError::UnknownTopicOrPartition] {
            assert!(matches!(class(code), KafkaError::NotSent(_)), "{code:?}");
            assert_eq!(class(code).retry(), Retry::Transient);
        }
        for code in [ProtocolError::MessageTooLarge, ProtocolError::RecordListTooLarge] {
            assert!(matches!(class(code), KafkaError::Refused(_)), "{code:?}");
            assert_eq!(class(code).retry(), Retry::Permanent);
        }
        // After the append: it may stay.
        let after = ProtocolError::NotEnoughReplicasAfterAppend;
        assert!(matches!(class(after), KafkaError::Unknown(_)));
        assert_eq!(class(after).retry(), Retry::Transient);
    }

    #[test]
    fn an_answer_that_cannot_be_read_leaves_it_unknown() {
        let error = Error::InvalidResponse("no".to_owned());
        assert!(matches!(classify(&error, -1), KafkaError::Unknown(_)));
    }
}
