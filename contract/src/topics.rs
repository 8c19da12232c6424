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

/// Every topic there is.
pub const ALL: [&str; 3] = [COUPON_ISSUED, COUPON_ISSUED_DLT, DIRECTORY];

/// Partitions of [`COUPON_ISSUED`]. Fixed: another number would send a user elsewhere.
pub const COUPON_ISSUED_PARTITIONS: i32 = 12;

/// Header: the event's id.
pub const HEADER_EVENT: &str = "event-id";
/// Header: the coupon's id.
pub const HEADER_COUPON: &str = "coupon-id";
/// Header: the id of the request that the win answers.
pub const HEADER_REQUEST: &str = "request-id";
/// Header: the span that published the win, of a claim that is traced; as W3C Trace Context spells it.
pub const HEADER_TRACE: &str = "traceparent";

/// Headers of a dead letter: by the names and in the encodings of Kafka Connect (text) and of Spring
/// Kafka (numbers big-endian), so that the tools of both read them. They tell of the record as it came
/// first, also where it was brought again since.
pub mod dead_letter {
    /// Connect: topic that the record came from.
    pub const TOPIC: &str = "__connect.errors.topic";
    /// Connect: partition that it came from, in decimal.
    pub const PARTITION: &str = "__connect.errors.partition";
    /// Connect: offset that it came from, in decimal.
    pub const OFFSET: &str = "__connect.errors.offset";
    /// Connect: the reason in one word: undecodable, rejected, late, void or breach.
    pub const REASON: &str = "__connect.errors.exception.class.name";
    /// Connect: what was wrong, in a sentence.
    pub const MESSAGE: &str = "__connect.errors.exception.message";

    /// Spring: topic that the record came from.
    pub const SPRING_TOPIC: &str = "kafka_dlt-original-topic";
    /// Spring: partition that it came from, 4 bytes.
    pub const SPRING_PARTITION: &str = "kafka_dlt-original-partition";
    /// Spring: offset that it came from, 8 bytes.
    pub const SPRING_OFFSET: &str = "kafka_dlt-original-offset";
    /// Spring: Unix milliseconds of the record, 8 bytes.
    pub const SPRING_TIMESTAMP: &str = "kafka_dlt-original-timestamp";
    /// Spring: the reason in one word.
    pub const SPRING_REASON: &str = "kafka_dlt-exception-fqcn";
    /// Spring: what was wrong, in a sentence.
    pub const SPRING_MESSAGE: &str = "kafka_dlt-exception-message";
    /// Spring: how often it was tried, 4 bytes.
    pub const SPRING_ATTEMPTS: &str = "retry_topic-attempts";

    /// How often it was tried, in decimal.
    pub const ATTEMPTS: &str = "firstcome-attempts";
    /// When it failed first: RFC 3339 in UTC.
    pub const FIRST_FAILURE: &str = "firstcome-first-failure";
    /// When it failed last: RFC 3339 in UTC.
    pub const LAST_FAILURE: &str = "firstcome-last-failure";
    /// Unix milliseconds of the record as it came first, in decimal.
    pub const TIMESTAMP: &str = "firstcome-original-timestamp";

    /// All of them.
    pub const ALL: [&str; 16] = [
        TOPIC,
        PARTITION,
        OFFSET,
        REASON,
        MESSAGE,
        SPRING_TOPIC,
        SPRING_PARTITION,
        SPRING_OFFSET,
        SPRING_TIMESTAMP,
        SPRING_REASON,
        SPRING_MESSAGE,
        SPRING_ATTEMPTS,
        ATTEMPTS,
        FIRST_FAILURE,
        LAST_FAILURE,
        TIMESTAMP,
    ];
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
