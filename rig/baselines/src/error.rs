//! What a baseline did not get from a server, and deadlines for asking.

use std::time::Duration;

use links::kafka::KafkaError;
use tokio::time::timeout;

/// A server refused, was not reached or was too late. Whether it did what was asked is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("MySQL: {0}")]
    Mysql(Box<mysql_async::Error>),
    #[error("Redis: {0}")]
    Redis(#[from] fred::error::Error),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("Kafka: {0}")]
    Topic(#[from] rskafka::client::error::Error),
    #[error("a file: {0}")]
    File(#[from] std::io::Error),
    #[error("{what}: nothing within {after:?}")]
    Late { what: &'static str, after: Duration },
    #[error("{0}")]
    Unusable(&'static str),
}

impl From<mysql_async::Error> for Failed {
    fn from(error: mysql_async::Error) -> Self {
        Self::Mysql(Box::new(error))
    }
}

/// What comes of a question to a server, if it comes in time.
pub(crate) async fn within<T, E: Into<Failed>>(
    after: Duration,
    what: &'static str,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, Failed> {
    match timeout(after, question).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Failed::Late { what, after }),
    }
}
