//! The wins that a partition holds.

use contract::record::{Issued, Record, decode};
use links::kafka::Partition;

use crate::error::Failed;

/// As much as the persister fetches.
const FETCH_BYTES: i32 = 512 * 1024;
/// Everything is there already.
const FETCH_WAIT_MS: u32 = 500;

/// Reads a partition from its start to where it ended when this began.
pub(super) struct Reading {
    partition: Partition,
    next: i64,
    end: i64,
}

impl Reading {
    pub(super) async fn begin(partition: Partition) -> Result<Self, Failed> {
        let bounds = partition.bounds().await?;
        Ok(Self { partition, next: bounds.earliest, end: bounds.end })
    }

    /// The next wins; `None` at the end. Records of other kinds are left out.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Issued>>, Failed> {
        if self.next >= self.end {
            return Ok(None);
        }
        let fetched = self.partition.fetch(self.next, FETCH_BYTES, FETCH_WAIT_MS).await?;
        let Some(last) = fetched.records.last() else {
            return Err(Failed::Unusable("a partition ends before its end"));
        };
        self.next = last.offset + 1;
        let wins = fetched.records.iter().filter_map(|record| {
            match decode(record.value.as_deref().unwrap_or_default()) {
                Ok(Record::Issued(win)) => Some(win),
                _ => None,
            }
        });
        Ok(Some(wins.collect()))
    }
}
