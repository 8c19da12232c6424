//! Writing to `coupon-issued`, and where it ends: wins that their edge did not publish, and the
//! markers of epochs.

use contract::ids::EventId;
use contract::record::{Issued, Marker, Record, encode};
use contract::topics::{
    COUPON_ISSUED, COUPON_ISSUED_PARTITIONS, HEADER_COUPON, HEADER_EVENT, partition_of, record_key,
};
use links::kafka::{Kafka, KafkaError, NewRecord, Partition};

/// One producer a partition.
pub struct CouponLog(Vec<Partition>);

impl CouponLog {
    /// Of that cluster; connects when it is first used.
    pub fn new(kafka: &Kafka) -> Self {
        let parts = (0..COUPON_ISSUED_PARTITIONS).map(|part| kafka.partition(COUPON_ISSUED, part));
        Self(parts.collect())
    }

    /// Appends records to a partition; returns the first one's offset when all in-sync replicas
    /// have them.
    pub async fn produce(&self, part: i32, records: Vec<NewRecord>) -> Result<i64, KafkaError> {
        self.partition(part)?.produce(records).await
    }

    /// Where a partition ends: the offset of the next record.
    pub async fn end_of(&self, part: i32) -> Result<i64, KafkaError> {
        Ok(self.partition(part)?.bounds().await?.end)
    }

    fn partition(&self, part: i32) -> Result<&Partition, KafkaError> {
        let partition = usize::try_from(part).ok().and_then(|part| self.0.get(part));
        partition.ok_or_else(|| KafkaError::Refused(format!("there is no partition {part}")))
    }
}

/// A win's record, and its user's partition.
pub fn record_of(win: Issued) -> (i32, NewRecord) {
    let key = record_key(&win.event_id, &win.user_id);
    let part = partition_of(&key);
    let headers = [
        (HEADER_EVENT.to_owned(), win.event_id.to_string().into_bytes()),
        (HEADER_COUPON.to_owned(), win.coupon_id.to_string().into_bytes()),
    ];
    let value = Some(encode(&Record::Issued(win)));
    (part, NewRecord { key, value, headers: headers.into() })
}

/// The record that begins an epoch in a partition.
pub fn marker_of(event: &EventId, epoch: u64) -> NewRecord {
    let marker = Marker { epoch, event_id: event.clone() };
    NewRecord {
        key: event.as_str().as_bytes().to_vec(),
        value: Some(encode(&Record::Marker(marker))),
        headers: [(HEADER_EVENT.to_owned(), event.to_string().into_bytes())].into(),
    }
}
