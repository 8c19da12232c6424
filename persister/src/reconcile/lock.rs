//! Two runs never work at once: a lock in MySQL that lives as long as its connection.

use std::time::Duration;

use tokio::time::sleep;

use super::trouble::Trouble;
use crate::store::{Session, Store, StoreError};

/// How often the lock is looked at; MySQL ends a session that asks nothing for 8 s.
const KEEP: Duration = Duration::from_secs(2);

/// The lock of a run.
pub(super) struct Lock(Session);

impl Lock {
    /// Takes it; None: another run has it.
    pub(super) async fn take(store: &Store) -> Result<Option<Self>, StoreError> {
        let mut session = store.connect().await?;
        Ok(session.lock_reconcile().await?.then_some(Self(session)))
    }

    /// Keeps it; returns only when it is lost.
    pub(super) async fn keep(&mut self) -> Trouble {
        loop {
            sleep(KEEP).await;
            match self.0.holds_reconcile_lock().await {
                Ok(true) => {}
                Ok(false) => return Trouble::LockLost,
                Err(error) => return error.into(),
            }
        }
    }

    /// Gives it back. Where that fails, MySQL does it with the session.
    pub(super) async fn release(mut self) {
        if let Err(error) = self.0.unlock_reconcile().await {
            tracing::info!(%error, "the lock ends with its connection");
        }
    }
}
