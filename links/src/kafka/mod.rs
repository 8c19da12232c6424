//! Kafka: one partition at a time, every call with a deadline, clients rebuilt after any failure.
//!
//! rskafka has no deadlines of its own, sends a produce again after an I/O error, and a partition
//! client made before a leader moved may fail for ever. So it is told not to retry, each call is
//! timed here, and after a failure the next call begins with a fresh client.

mod client;
mod error;
mod partition;
mod record;

pub use client::Kafka;
pub use error::{KafkaError, Retry};
pub use partition::Partition;
pub use record::{Bounds, Fetched, NewRecord, StoredRecord};
