//! Kafka topics, how records are spread over partitions, and the names of headers.
//!
//! The topics' settings (replication, retention, compaction) stand in `ops/kafka/topics.conf`.

use crate::ids::{EventId, UserId};

/// Every win, at least once; 12 partitions, 7 days.
pub const COUPON_ISSUED: &str = "coupon-issued";
/// Records that the persister cannot turn into a row.
pub const COUPON_ISSUED_DLT: &str = "coupon-issued.dlt";
/// The directory: which events exist and how they stand; 1 partition, compacted.
pub const DIRECTORY: &str = "firstcome-events";

/// Partitions of [`COUPON_ISSUED`]. Fixed: another number would send a user elsewhere.
pub const COUPON_ISSUED_PARTITIONS: i32 = 12;

/// Header: the event's id.
pub const HEADER_EVENT: &str = "event-id";
/// Header: the coupon's id.
pub const HEADER_COUPON: &str = "coupon-id";
/// Header: the id of the request that the win answers.
pub const HEADER_REQUEST: &str = "request-id";

/// Headers of a dead letter, by the names Spring Kafka uses, so that its tools read them.
pub mod dead_letter {
    /// Topic that the record came from.
    pub const TOPIC: &str = "kafka_dlt-original-topic";
    /// Partition that it came from, in decimal.
    pub const PARTITION: &str = "kafka_dlt-original-partition";
    /// Offset that it came from, in decimal.
    pub const OFFSET: &str = "kafka_dlt-original-offset";
    /// Unix milliseconds of the record, in decimal.
    pub const TIMESTAMP: &str = "kafka_dlt-original-timestamp";
    /// The reason in one word: undecodable, rejected, late, void or breach.
    pub const REASON: &str = "kafka_dlt-exception-fqcn";
    /// What was wrong, in a sentence.
    pub const MESSAGE: &str = "kafka_dlt-exception-message";
}

/// The key of a win's record: event and user, so that a user's records keep their order.
pub fn record_key(event: &EventId, user: &UserId) -> Vec<u8> {
    format!("{event}/{user}").into_bytes()
}

/// The partition of [`COUPON_ISSUED`] for a record's key.
pub fn partition_of(key: &[u8]) -> i32 {
    let partitions = COUPON_ISSUED_PARTITIONS.unsigned_abs();
    (crc32fast::hash(key) % partitions).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_stays_on_one_partition() {
        let key = record_key(&"spring".parse().unwrap(), &"ann".parse().unwrap());
        assert_eq!(key, b"spring/ann");
        assert_eq!(partition_of(&key), 9, "a change here strands records that are in flight");
    }

    #[test]
    fn users_are_spread_over_all_partitions() {
        let mut counts = [0_u32; 12];
        for user in 0..12_000 {
            let partition = partition_of(format!("spring/user-{user}").as_bytes());
            counts[usize::try_from(partition).unwrap()] += 1;
        }
        assert!(counts.iter().all(|&count| (800..1_200).contains(&count)), "{counts:?}");
    }
}
