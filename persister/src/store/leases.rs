//! The partitions' rows: how far each was read, and who may read them.

use contract::topics::COUPON_ISSUED;
use mysql_async::Row;

use super::columns::Columns;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// A lease lasts this long by the database's clock unless it is renewed.
pub const LEASE_S: u32 = 6;

/// One partition of `coupon-issued`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The partition.
    pub part: i32,
    /// The first offset that is not in MySQL.
    pub next_offset: i64,
    /// Who took it last; empty: nobody.
    pub owner: String,
    /// Whether the owner's time is not up.
    pub live: bool,
}

/// Where a reader of a partition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The first offset that is not in MySQL.
    pub next_offset: i64,
    /// Who holds the partition.
    pub owner: String,
}

/// How much of the partitions an owner holds after a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// Partitions that it holds.
    pub held: i64,
}

impl Session {
    /// How all partitions stand, by part.
    pub async fn leases(&mut self) -> Result<Vec<Lease>, StoreError> {
        let rows = self.rows(sql::LEASES, (COUPON_ISSUED,)).await?;
        rows.into_iter().map(lease).collect()
    }

    /// Takes all partitions, if `may` says so of how they stand while nobody else can change them.
    /// Returns whether it did.
    pub async fn take_leases(
        &mut self,
        owner: &str,
        may: impl FnOnce(&[Lease]) -> bool,
    ) -> Result<bool, StoreError> {
        self.begin().await?;
        let rows = self.rows(sql::LEASES_LOCKED, (COUPON_ISSUED,)).await?;
        let leases: Vec<Lease> = rows.into_iter().map(lease).collect::<Result<_, _>>()?;
        if !may(&leases) {
            self.roll_back().await?;
            return Ok(false);
        }
        self.change(sql::TAKE_LEASES, (owner, LEASE_S, COUPON_ISSUED)).await?;
        self.commit().await?;
        Ok(true)
    }

    /// Renews the lease on whatever the owner still holds.
    pub async fn renew_leases(&mut self, owner: &str) -> Result<Renewed, StoreError> {
        self.change(sql::RENEW_LEASES, (LEASE_S, COUPON_ISSUED, owner)).await?;
        let held = self.row(sql::COUNT_LEASES, (COUPON_ISSUED, owner)).await?;
        Ok(Renewed { held: held.unwrap_or(0) })
    }

    /// Gives up whatever the owner still holds.
    pub async fn release_leases(&mut self, owner: &str) -> Result<(), StoreError> {
        self.change(sql::RELEASE_LEASES, (COUPON_ISSUED, owner)).await?;
        Ok(())
    }

    /// Where the reader of a partition stands.
    pub async fn position(&mut self, part: i32) -> Result<Position, StoreError> {
        let row: Option<(i64, String)> = self.row(sql::POSITION, (COUPON_ISSUED, part)).await?;
        row.map(|(next_offset, owner)| Position { next_offset, owner }).ok_or_else(|| {
            StoreError::Schema(format!("partition {part} has no row: run `persister migrate`"))
        })
    }

    /// Inside a transaction: moves a partition on, and renews its lease, if it stands at `expected`
    /// and is held by `owner`. Returns whether it did.
    pub async fn advance(
        &mut self,
        part: i32,
        expected: i64,
        next: i64,
        owner: &str,
    ) -> Result<bool, StoreError> {
        let params = (next, LEASE_S, COUPON_ISSUED, part, expected, owner);
        Ok(self.change(sql::ADVANCE, params).await? == 1)
    }
}

fn lease(row: Row) -> Result<Lease, StoreError> {
    let mut row = Columns(row);
    Ok(Lease {
        part: row.take("part")?,
        next_offset: row.take("next_offset")?,
        owner: row.take("owner")?,
        live: row.take("live")?,
    })
}
