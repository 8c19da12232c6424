//! Why a run, or its look at an event, came to nothing.

use std::fmt::Display;

use links::kafka::KafkaError;
use links::redis::RedisError;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::store::StoreError;

/// Tries of one read. With the pauses between them about 2 s: a claim's deadline, during which a
/// busy shard or a moved leader is no news.
const TRIES: u32 = 5;

/// Why a run, or its look at an event, came to nothing. Another run may fare better.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Redis does not say.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// Kafka does not say, or does not take a win again.
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    /// MySQL does not say.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event is not open on its shard as MySQL has it, so the two cannot be held side by side.
    #[error("{0}")]
    NotArmed(&'static str),
    /// The event was armed again, or its shard was replaced, while it was looked at.
    #[error("it was armed again, or its shard failed over, while it was looked at")]
    Moved,
    /// MySQL does not catch up with Kafka.
    #[error("MySQL has not caught up with Kafka in time: partition {part} is at {at}, not {end}")]
    Behind {
        /// A partition.
        part: i32,
        /// Where it is.
        at: i64,
        /// Where Kafka was when the run took its ends.
        end: i64,
    },
    /// The lock that keeps a second run away was lost with its connection.
    #[error("the lock of this run was lost: another may have begun")]
    LockLost,
}

/// Reads something, and tries again for a while where that fails.
pub(super) async fn patiently<T, E, F>(
    what: &'static str,
    mut read: impl FnMut() -> F,
) -> Result<T, E>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = Backoff::default();
    for _ in 1..TRIES {
        // Boxed: futures so deep within each other are beyond the compiler.
        match Box::pin(read()).await {
            Ok(read) => return Ok(read),
            Err(error) => {
                tracing::info!(what, %error, "reads again");
                sleep(backoff.failed()).await;
            }
        }
    }
    Box::pin(read()).await
}
