//! Who leads: the lease in the partitions' rows, by the database's clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use contract::topics::COUPON_ISSUED_PARTITIONS;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use crate::metrics;
use crate::status::Status;
use crate::store::leases::{LEASE_S, Lease};
use crate::store::{Session, Store, StoreError};

/// A lease is good for this long from the sending of its renewal.
const LEASE: Duration = Duration::from_secs(LEASE_S as u64);
/// Between two renewals. Batches renew their own partition; this keeps the idle ones.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Between two tries of a renewal that failed.
const HEARTBEAT_RETRY: Duration = Duration::from_millis(300);

/// A persister process: its name, and a token that tells it from one before it of the same name,
/// which may be paused rather than dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    name: String,
    text: Arc<str>,
}

impl Owner {
    /// A process of that name, unlike any other.
    pub fn new(name: &str) -> Self {
        let token = uuid::Uuid::now_v7().simple();
        Self { name: name.to_owned(), text: format!("{name}/{token}").into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it stands in the partitions' rows.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    fn has_the_name_of(&self, owner: &str) -> bool {
        owner.rsplit_once('/').is_some_and(|(name, _)| name == self.name)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a live lease of the same name may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameName {
    /// Yes: this process has just begun, so whoever had the name has ended, or hangs.
    TakesOver,
    /// No: of two live processes with one name (a mistake of an operator) the later one would lose
    /// the lease to the earlier one, and so on for ever.
    Waits,
}

/// Whether all partitions may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chance {
    /// Yes.
    Free,
    /// Somebody holds some of them.
    HeldBy(String),
    /// The rows are not there.
    NotMigrated,
}

/// Whether `owner` may take all partitions as they stand.
pub fn chance(leases: &[Lease], owner: &Owner, same_name: SameName) -> Chance {
    if i32::try_from(leases.len()) != Ok(COUPON_ISSUED_PARTITIONS) {
        return Chance::NotMigrated;
    }
    let mine = |text: &str| {
        text == owner.text.as_ref()
            || (same_name == SameName::TakesOver && owner.has_the_name_of(text))
    };
    match leases.iter().find(|lease| lease.live && !lease.owner.is_empty() && !mine(&lease.owner)) {
        Some(lease) => Chance::HeldBy(lease.owner.clone()),
        None => Chance::Free,
    }
}

/// Takes all partitions if they are free: looks first, since a look hinders nobody.
pub async fn try_take(
    session: &mut Session,
    owner: &Owner,
    same_name: SameName,
) -> Result<Chance, StoreError> {
    let seen = chance(&session.leases().await?, owner, same_name);
    if seen != Chance::Free {
        return Ok(seen);
    }
    let mut decided = Chance::Free;
    session
        .take_leases(owner.text(), |leases| {
            decided = chance(leases, owner, same_name);
            decided == Chance::Free
        })
        .await?;
    Ok(decided)
}

/// Until when the lease is surely held, by this process's monotonic clock.
pub type HeldUntil = watch::Receiver<Instant>;

/// Keeps the lease; returns when it is lost, or when it cannot be renewed before it runs out.
pub struct Heartbeat {
    store: Store,
    owner: Owner,
    status: Arc<Status>,
    session: Option<Session>,
    held_until: watch::Sender<Instant>,
}

impl Heartbeat {
    /// Of a lease that was taken by a query sent at `taken`.
    pub fn new(
        store: Store,
        owner: Owner,
        status: Arc<Status>,
        taken: Instant,
    ) -> (Self, HeldUntil) {
        let (held_until, watched) = watch::channel(taken + LEASE);
        (Self { store, owner, status, session: None, held_until }, watched)
    }

    /// Renews the lease until it is lost.
    pub async fn run(mut self) {
        loop {
            let ends = *self.held_until.borrow();
            let beat = tokio::select! {
                beat = self.beat() => beat,
                () = sleep_until(ends) => return,
            };
            let pause = match beat {
                Ok(true) => HEARTBEAT,
                Ok(false) => return,
                Err(error) => {
                    self.session = None;
                    metrics::retry(metrics::Retried::Lease, metrics::Server::Mysql);
                    self.status.mysql_failed(&error.to_string());
                    warn!(%error, "the lease could not be renewed");
                    HEARTBEAT_RETRY
                }
            };
            sleep(pause).await;
        }
    }

    /// One renewal; false: the lease is lost.
    async fn beat(&mut self) -> Result<bool, StoreError> {
        let sent = Instant::now();
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.store.connect().await?),
        };
        let asked = Instant::now();
        let renewed = session.renew_leases(self.owner.text()).await?;
        metrics::mysql_write(asked.elapsed());
        self.status.mysql_ok();
        if renewed.held != i64::from(COUPON_ISSUED_PARTITIONS) {
            return Ok(false);
        }
        self.held_until.send_replace(sent + LEASE);
        self.status.leads_until((sent + LEASE).into_std());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases(owner: &str, live: bool) -> Vec<Lease> {
        (0..COUPON_ISSUED_PARTITIONS)
            .map(|part| Lease { part, next_offset: 0, owner: owner.to_owned(), live })
            .collect()
    }

    fn chance_of(leases: &[Lease], same_name: SameName) -> Chance {
        chance(leases, &Owner::new("persister-1"), same_name)
    }

    #[test]
    fn nobodys_and_expired_leases_are_free() {
        for same_name in [SameName::TakesOver, SameName::Waits] {
            assert_eq!(chance_of(&leases("", false), same_name), Chance::Free);
            assert_eq!(chance_of(&leases("persister-2/ab", false), same_name), Chance::Free);
        }
    }

    #[test]
    fn one_live_lease_of_another_is_enough_to_wait() {
        let mut some = leases("", false);
        some[11] = Lease { owner: "persister-2/ab".to_owned(), live: true, ..some[11].clone() };
        assert_eq!(
            chance_of(&some, SameName::TakesOver),
            Chance::HeldBy("persister-2/ab".to_owned())
        );
    }

    #[test]
    fn the_same_name_is_taken_over_only_at_the_start() {
        let held = leases("persister-1/ab", true);
        assert_eq!(chance_of(&held, SameName::TakesOver), Chance::Free);
        assert_eq!(chance_of(&held, SameName::Waits), Chance::HeldBy("persister-1/ab".to_owned()));
        let similar = leases("persister-11/ab", true);
        assert!(matches!(chance_of(&similar, SameName::TakesOver), Chance::HeldBy(_)));
    }

    #[test]
    fn a_lease_of_its_own_is_free_for_its_owner() {
        let owner = Owner::new("persister-1");
        let held = leases(owner.text(), true);
        assert_eq!(chance(&held, &owner, SameName::Waits), Chance::Free);
    }

    #[test]
    fn missing_rows_are_noticed() {
        assert_eq!(chance_of(&leases("", false)[..11], SameName::Waits), Chance::NotMigrated);
        assert_eq!(chance_of(&[], SameName::Waits), Chance::NotMigrated);
    }
}
