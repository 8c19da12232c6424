//! Kafka: one partition at a time, every call with a deadline, clients rebuilt after any failure.
//!
//! rskafka has no deadlines of its own, sends a produce again after an I/O error, and a partition
//! client made before a leader moved may fail for ever. So it is told not to retry, each call is
//! timed here, and after a failure the next call begins with a fresh client.
//!
//! `describe` asks what rskafka does not: who has which replica, and how topics are set. `exchange` is how
//! it asks.

mod client;
mod config;
mod counts;
mod describe;
mod error;
mod exchange;
mod partition;
mod questions;
mod record;
mod sasl;

pub use client::Kafka;
pub use config::KafkaConfig;
pub use describe::{Broker, KafkaView, PartitionView, TopicSettings, TopicView};
pub use error::{KafkaError, Retry};
pub use partition::Partition;
pub use record::{Bounds, Fetched, NewRecord, StoredRecord};
pub use sasl::SaslLogin;
