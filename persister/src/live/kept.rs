//! What was gathered last, shared by all who ask: however many look at a console, the servers are asked
//! once.

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::store::StoreError;

/// What was gathered is good for this long at least.
const GOOD_FOR: Duration = Duration::from_millis(900);
/// And for so many times what gathering it took: counting ten million rows takes seconds, and must not
/// be all that MySQL does.
const REST: u32 = 4;
/// But no longer than this.
const GOOD_FOR_AT_MOST: Duration = Duration::from_secs(10);
/// Who asks waits this long for another's gathering.
const PATIENCE: Duration = Duration::from_secs(15);

/// Something that is gathered on demand.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<Gathered<T>>>);

#[derive(Debug)]
struct Gathered<T> {
    begun: Instant,
    ended: Instant,
    at_ms: i64,
    what: T,
}

/// Something, with its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aged<T> {
    /// When it began to be gathered: Unix milliseconds on this process's clock, for differences alone.
    pub at_ms: i64,
    /// How long ago that was.
    pub age_ms: u64,
    /// What was gathered.
    #[serde(flatten)]
    pub what: T,
}

impl<T> Aged<Option<T>> {
    /// What is there, if anything is.
    pub fn present(self) -> Option<Aged<T>> {
        let Self { at_ms, age_ms, what } = self;
        what.map(|what| Aged { at_ms, age_ms, what })
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What was gathered lately, or else what `gather` gathers now. What failed is not kept.
    pub(super) async fn get(
        &self,
        gather: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<Aged<T>, StoreError> {
        let kept = timeout(PATIENCE, self.0.lock()).await;
        let mut kept = kept.map_err(|_| StoreError::Busy(PATIENCE))?;
        if let Some(last) = kept.as_ref().filter(|last| last.is_good()) {
            return Ok(last.aged());
        }
        let (begun, at_ms) = (Instant::now(), Utc::now().timestamp_millis());
        let what = gather.await?;
        Ok(kept.insert(Gathered { begun, ended: Instant::now(), at_ms, what }).aged())
    }
}

impl<T: Clone> Gathered<T> {
    fn is_good(&self) -> bool {
        self.ended.elapsed() < good_for(self.ended.duration_since(self.begun))
    }

    fn aged(&self) -> Aged<T> {
        let age_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Aged { at_ms: self.at_ms, age_ms, what: self.what.clone() }
    }
}

/// How long something is good that took so long to gather.
fn good_for(took: Duration) -> Duration {
    took.saturating_mul(REST).clamp(GOOD_FOR, GOOD_FOR_AT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::yield_now;

    /// Gathers a number, while others come to the door.
    async fn gather(kept: &Kept<u32>, number: u32) -> u32 {
        let gathered = kept.get(async {
            yield_now().await;
            Ok(number)
        });
        gathered.await.unwrap().what
    }

    #[test]
    fn what_took_long_is_good_for_long() {
        assert_eq!(good_for(Duration::from_millis(20)), GOOD_FOR);
        assert_eq!(good_for(Duration::from_secs(2)), Duration::from_secs(8));
        assert_eq!(good_for(Duration::from_secs(60)), GOOD_FOR_AT_MOST);
    }

    #[tokio::test]
    async fn who_asks_meanwhile_gets_the_same() {
        let kept = Kept::default();
        assert_eq!(tokio::join!(gather(&kept, 1), gather(&kept, 2)), (1, 1));
    }

    #[tokio::test]
    async fn what_failed_is_gathered_again() {
        let kept = Kept::<u32>::default();
        assert!(kept.get(async { Err(StoreError::Spent) }).await.is_err());
        assert_eq!(gather(&kept, 2).await, 2);
    }
}
