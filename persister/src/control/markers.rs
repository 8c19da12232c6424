//! The markers of an arming: a record in every partition that divides what edges published before
//! the fence from what comes late.

use std::sync::Arc;
use std::time::Duration;

use contract::topics::COUPON_ISSUED_PARTITIONS;
use links::kafka::KafkaError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::arm::{Begun, Or};
use super::plan::Waiting;
use super::take::{Hands, Taken, Trouble};
use crate::coupon_log::marker_of;
use crate::store::{Session, StoreError};

/// How often MySQL is asked how far the readers are.
const POLL: Duration = Duration::from_millis(10);
/// Then the arming begins again, so that what it waits for is told and a new leader is believed.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// Between tries of a produce; a broker that took over is known within a second.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(500)];

/// Appends the epoch's marker to every partition; returns when all in-sync replicas have all.
pub(super) async fn append(hands: &Hands, begun: &Begun<'_>) -> Result<(), Trouble> {
    let mut appends = JoinSet::new();
    for part in 0..COUPON_ISSUED_PARTITIONS {
        let log = Arc::clone(&hands.log);
        let marker = marker_of(&begun.event.event_id, begun.epoch);
        appends.spawn(async move {
            let log = &log;
            tries(|| log.produce(part, vec![marker.clone()])).await
        });
    }
    while let Some(appended) = appends.join_next().await {
        // One that broke off may or may not have been appended.
        appended.map_err(|broken| KafkaError::Unknown(broken.to_string()))??;
    }
    Ok(())
}

/// Makes a call that changes nothing when it is made again, until Kafka takes it or has refused it
/// several times: while leaders of partitions move, another epoch would not help.
pub(super) async fn tries<T, F>(call: impl Fn() -> F) -> Result<T, KafkaError>
where
    F: Future<Output = Result<T, KafkaError>>,
{
    for pause in PAUSES {
        match call().await {
            Ok(done) => return Ok(done),
            Err(_) => sleep(pause).await,
        }
    }
    call().await
}

/// Waits until every partition was read past the epoch's marker.
pub(super) async fn read_past(
    session: &mut Session,
    begun: &Begun<'_>,
) -> Result<Or<()>, StoreError> {
    let deadline = Instant::now() + READ_WITHIN;
    let all = u64::from(COUPON_ISSUED_PARTITIONS.unsigned_abs());
    loop {
        let read = session.count_cuts(&begun.event.event_id, begun.epoch).await?;
        if read >= all {
            return Ok(Ok(()));
        }
        if Instant::now() >= deadline {
            return Ok(Err(Taken::Blocked(Waiting::Markers(all - read).into())));
        }
        sleep(POLL).await;
    }
}
