//! One closed event, looked at as in a run, before its keys go: nothing is repaired.

use std::sync::Arc;

use contract::ids::EventId;
use links::redis::Cluster;

use super::pace::Pace;
use super::repair::Repairs;
use super::report::{EventReport, Mode};
use super::scan::{Look, scan};
use super::trouble::Trouble;
use super::watermark::{Outbox, Watermark};
use crate::coupon_log::CouponLog;
use crate::store::Store;

/// Holds every win of an event beside its rows. Its outbox must have been empty since `mark`, and
/// MySQL past the ends that Kafka had then: a win without a row is on no way any more.
pub(crate) async fn compare_closed(
    store: &Store,
    cluster: &Cluster,
    log: &Arc<CouponLog>,
    event: &EventId,
    mark: &Watermark,
) -> Result<EventReport, Trouble> {
    let repairs = Repairs::new(Mode::Report, Arc::clone(log));
    let look = Look { store, cluster, event, mark, repairs: &repairs, pace: Pace::Brisk };
    // Boxed: futures so deep within each other are beyond the compiler.
    Box::pin(scan(&look, Outbox::default())).await
}
