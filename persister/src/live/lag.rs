//! How far MySQL is behind Kafka.

use std::time::Duration;

use contract::topics::COUPON_ISSUED_PARTITIONS;
use futures_util::future::try_join_all;
use serde::Serialize;
use tokio::time::timeout;

use crate::coupon_log::CouponLog;
use crate::store::leases::Lease;
use crate::store::{Session, StoreError};

/// How far MySQL is behind Kafka, over all partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// Records that are not in MySQL.
    pub records: u64,
    /// Partitions that have any.
    pub partitions: u32,
}

impl Lag {
    /// Whether MySQL has everything.
    pub fn is_none(self) -> bool {
        self.records == 0
    }
}

/// For the ends of all partitions: longer than one question may take, so that a way that was lost is
/// noticed and made anew.
const ENDS_WITHIN: Duration = Duration::from_secs(4);

/// Reads the ends first, then how far MySQL is: it may be past them by then. None: Kafka does not
/// answer.
pub(super) async fn look(
    session: &mut Session,
    log: &CouponLog,
) -> Result<Option<Lag>, StoreError> {
    let ends = ends(log).await;
    let leases = session.leases().await?;
    Ok(ends.map(|ends| of(&leases, &ends)))
}

/// Where each partition ends, by part.
pub(super) async fn ends(log: &CouponLog) -> Option<Vec<i64>> {
    let ends = try_join_all((0..COUPON_ISSUED_PARTITIONS).map(|part| log.end_of(part)));
    // Boxed: futures so deep within each other are beyond the compiler.
    timeout(ENDS_WITHIN, Box::pin(ends)).await.ok()?.ok()
}

pub(super) fn of(leases: &[Lease], ends: &[i64]) -> Lag {
    let behind = leases.iter().zip(ends).map(|(lease, end)| (end - lease.next_offset).max(0));
    let behind: Vec<u64> = behind.map(|records| u64::try_from(records).unwrap_or(0)).collect();
    let partitions = behind.iter().filter(|&&records| records > 0).count();
    Lag { records: behind.iter().sum(), partitions: u32::try_from(partitions).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_stands_between_offsets_and_ends() {
        let lease =
            |part, next_offset| Lease { part, next_offset, owner: String::new(), live: true };
        let leases = [lease(0, 5), lease(1, 7), lease(2, 9)];
        assert_eq!(of(&leases, &[5, 10, 8]), Lag { records: 3, partitions: 1 });
        assert!(of(&leases, &[5, 7, 9]).is_none());
    }
}
