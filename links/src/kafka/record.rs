//! Records, without rskafka's types.

use std::collections::BTreeMap;

use chrono::Utc;
use rskafka::record::{Record, RecordAndOffset};

/// A record to produce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The key.
    pub key: Vec<u8>,
    /// The value; None is a tombstone in a compacted topic.
    pub value: Option<Vec<u8>>,
    /// Headers by name.
    pub headers: BTreeMap<String, Vec<u8>>,
}

/// A record that a partition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the partition.
    pub offset: i64,
    /// Unix milliseconds when it was produced, by the producer's clock.
    pub timestamp_ms: i64,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value; None is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers by name; of several with one name the last.
    pub headers: BTreeMap<String, Vec<u8>>,
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Records from the offset that was asked for on, in order; none when nothing came in time.
    pub records: Vec<StoredRecord>,
    /// The offset behind the last record that all in-sync replicas hold.
    pub high_watermark: i64,
}

impl Fetched {
    /// Where to fetch next in a topic that is **compacted**, after a fetch at `offset`.
    ///
    /// Compaction may take the last records of a batch and keep the batch, and a fetch inside the
    /// gap brings the batch's head again, which holds nothing new: one step forward gets past it.
    /// In a topic that is not compacted nothing is ever missing below the high watermark; there go
    /// on behind the last record only.
    pub fn next_offset_in_compacted(&self, offset: i64) -> i64 {
        match self.records.last() {
            Some(last) => last.offset + 1,
            None if self.high_watermark > offset => offset + 1,
            None => offset,
        }
    }
}

/// Which offsets a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first that is still there.
    pub earliest: i64,
    /// Behind the last: the next record's offset.
    pub end: i64,
}

impl From<NewRecord> for Record {
    fn from(record: NewRecord) -> Self {
        Self {
            key: Some(record.key),
            value: record.value,
            headers: record.headers,
            timestamp: Utc::now(),
        }
    }
}

impl From<RecordAndOffset> for StoredRecord {
    fn from(RecordAndOffset { record, offset }: RecordAndOffset) -> Self {
        Self {
            offset,
            timestamp_ms: record.timestamp.timestamp_millis(),
            key: record.key,
            value: record.value,
            headers: record.headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(offsets: &[i64], high_watermark: i64) -> Fetched {
        let record = |&offset| StoredRecord {
            offset,
            timestamp_ms: 0,
            key: None,
            value: None,
            headers: BTreeMap::new(),
        };
        Fetched { records: offsets.iter().map(record).collect(), high_watermark }
    }

    #[test]
    fn a_gap_in_a_compacted_topic_is_stepped_over() {
        assert_eq!(fetched(&[3, 7], 9).next_offset_in_compacted(2), 8);
        assert_eq!(fetched(&[], 9).next_offset_in_compacted(8), 9);
        assert_eq!(fetched(&[], 9).next_offset_in_compacted(9), 9, "the end");
    }
}
