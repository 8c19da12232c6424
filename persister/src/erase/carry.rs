//! The leader's part: erasures that waited are done as their events are archived.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::look;
use crate::stop::Stop;
use crate::store::{Store, StoreError};

/// Between two looks for erasures that are due; the turn of each comes once a minute.
const EVERY: Duration = Duration::from_secs(5);
/// Erasures of one look.
const AT_ONCE: u32 = 20;

/// Carries erasures out for as long as its process leads.
pub struct Carrier {
    store: Store,
}

impl Carrier {
    /// Of that database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Looks again and again until it is asked to stop. A look that is cut short is taken again.
    pub async fn run(self, mut stop: Stop) {
        loop {
            let step = async {
                sleep(EVERY).await;
                Box::pin(self.step()).await
            };
            tokio::select! {
                () = stop.asked() => return,
                step = step => match step {
                    Ok(0) => {}
                    Ok(replaced) => info!(replaced, "erased users are replaced"),
                    Err(error) => warn!(%error, "erasures wait"),
                }
            }
        }
    }

    /// One look at those that are due; returns how many rows, letters and reports were replaced. One
    /// that fails waits for its next turn, and does not hold up the others.
    pub async fn step(&self) -> Result<u64, StoreError> {
        let mut session = self.store.connect().await?;
        let put_away = session.count_put_away().await?;
        let mut replaced = 0;
        for (erasure, depth) in session.due_erasures(put_away, AT_ONCE).await? {
            self.store.renew(&mut session).await?;
            session.put_off_erasure(erasure.id).await?;
            match look(&mut session, &erasure, depth).await {
                Ok(done) => replaced += done.coupons + done.letters + done.reports,
                Err(error) => warn!(erasure = erasure.id, %error, "an erasure waits"),
            }
        }
        Ok(replaced)
    }
}
