//! What uniting an event's shard with its rows asks of MySQL. Everything that changes runs inside
//! a transaction that [`Session::begin_as`] began.

use std::collections::HashSet;

use contract::coupon::{CouponState, Win};
use contract::ids::{CouponId, EventId, UserId};
use contract::topics::COUPON_ISSUED;
use mysql_async::{Row, Value};

use super::columns::Columns;
use super::coupons::{MAX_ROWS, padded};
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// What an event's wins come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Units that winners hold.
    pub held: u64,
    /// The highest number given.
    pub sequence: u64,
}

/// A user's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRows {
    /// The user.
    pub user: UserId,
    /// Its coupons, by which of the user's they are; returned ones too.
    pub wins: Vec<Win>,
}

/// A place in `coupon-issued`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// The partition.
    pub part: i32,
    /// The offset.
    pub offset: i64,
}

impl LogPlace {
    /// Before every record.
    pub const START: Self = Self { part: -1, offset: -1 };
}

/// Why a letter waits, where uniting looks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// It came behind the marker of an epoch that was not united yet.
    Late,
    /// MySQL refused it for good.
    Rejected,
}

impl Waits {
    fn reason(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Rejected => "rejected",
        }
    }
}

impl Session {
    /// What an event's rows come to.
    pub async fn ledger(&mut self, event: &EventId) -> Result<Ledger, StoreError> {
        let row = self.row(sql::LEDGER, (event.as_str(),)).await?;
        Ok(row.map_or_else(Ledger::default, |(held, sequence)| Ledger { held, sequence }))
    }

    /// How many partitions were read past an epoch's marker.
    pub async fn count_cuts(&mut self, event: &EventId, epoch: u64) -> Result<u64, StoreError> {
        Ok(self.row(sql::COUNT_CUTS, (event.as_str(), epoch)).await?.unwrap_or(0))
    }

    /// All coupons of about `count` users after one, whole users only; none: that was all.
    pub async fn users_after(
        &mut self,
        event: &EventId,
        after: Option<&UserId>,
        count: usize,
    ) -> Result<Vec<UserRows>, StoreError> {
        let after = after.map_or("", UserId::as_str);
        let rows = self.rows(&sql::coupons_after(), (event.as_str(), after, count)).await?;
        let cut = rows.len() == count;
        let mut users = by_user(rows)?;
        // The last one may have more than the page shows.
        if cut && let Some(last) = users.pop() {
            users.extend(self.users(event, &[last.user]).await?);
        }
        Ok(users)
    }

    /// All coupons of those users that have any.
    pub async fn users(
        &mut self,
        event: &EventId,
        users: &[UserId],
    ) -> Result<Vec<UserRows>, StoreError> {
        let mut found = Vec::new();
        for users in users.chunks(MAX_ROWS) {
            let (size, ids) = padded(users, |user| Value::from(user.as_str()));
            let params = [vec![Value::from(event.as_str())], ids].concat();
            found.extend(by_user(self.rows(&sql::coupons_of(size), params).await?)?);
        }
        Ok(found)
    }

    /// Those of an event's numbers that a row has.
    pub async fn sequences_taken(
        &mut self,
        event: &EventId,
        sequences: &[u64],
    ) -> Result<HashSet<u64>, StoreError> {
        let mut taken = HashSet::new();
        for sequences in sequences.chunks(MAX_ROWS) {
            let (size, values) = padded(sequences, |sequence| Value::from(*sequence));
            let params = [vec![Value::from(event.as_str())], values].concat();
            taken.extend(self.rows::<u64>(&sql::sequences(size), params).await?);
        }
        Ok(taken)
    }

    /// Those of an event's coupons that MySQL refused for good; their letters wait.
    pub async fn refused(
        &mut self,
        event: &EventId,
        ids: &[CouponId],
    ) -> Result<HashSet<CouponId>, StoreError> {
        let mut refused = HashSet::new();
        for ids in ids.chunks(MAX_ROWS) {
            let (size, values) = padded(ids, |id| Value::from(id.as_bytes().as_slice()));
            let params = [vec![Value::from(event.as_str())], values].concat();
            for row in self.rows(&sql::refused_coupons(size), params).await? {
                refused.insert(Columns(row).coupon_id()?);
            }
        }
        Ok(refused)
    }

    /// Brings a coupon to a later state; one that has it already is left alone.
    pub async fn raise_revision(&mut self, win: &Win) -> Result<(), StoreError> {
        let id = win.coupon.as_bytes().as_slice();
        let params = (win.state.as_str(), win.revision, id, win.revision);
        self.change(sql::RAISE_REVISION, params).await?;
        Ok(())
    }

    /// Up to `count` letters of an event that wait, behind a place; with their records.
    pub async fn waiting_letters(
        &mut self,
        event: &EventId,
        waits: Waits,
        after: LogPlace,
        count: usize,
    ) -> Result<Vec<(LogPlace, Vec<u8>)>, StoreError> {
        let LogPlace { part, offset } = after;
        let params = (COUPON_ISSUED, event.as_str(), waits.reason(), part, part, offset, count);
        let rows: Vec<(i32, i64, Option<Vec<u8>>)> =
            self.rows(sql::WAITING_LETTERS, params).await?;
        let letter = |(part, offset, record): (i32, i64, Option<Vec<u8>>)| {
            (LogPlace { part, offset }, record.unwrap_or_default())
        };
        Ok(rows.into_iter().map(letter).collect())
    }

    /// How many letters of an event wait.
    pub async fn count_waiting_letters(
        &mut self,
        event: &EventId,
        waits: Waits,
    ) -> Result<u64, StoreError> {
        let params = (event.as_str(), waits.reason());
        Ok(self.row(sql::COUNT_WAITING_LETTERS, params).await?.unwrap_or(0))
    }

    /// A letter has become a row.
    pub async fn resolve_letter(&mut self, place: LogPlace) -> Result<(), StoreError> {
        self.change(sql::RESOLVE_LETTER, (COUPON_ISSUED, place.part, place.offset)).await?;
        Ok(())
    }

    /// A letter stays one for another reason.
    pub async fn change_letter(
        &mut self,
        place: LogPlace,
        reason: &str,
        message: &str,
    ) -> Result<(), StoreError> {
        let params = (reason, message, COUPON_ISSUED, place.part, place.offset);
        self.change(sql::CHANGE_LETTER, params).await?;
        Ok(())
    }
}

/// Rows in the order of their users.
fn by_user(rows: Vec<Row>) -> Result<Vec<UserRows>, StoreError> {
    let mut users: Vec<UserRows> = Vec::new();
    for row in rows {
        let (user, win) = user_win(row)?;
        match users.last_mut() {
            Some(last) if last.user == user => last.wins.push(win),
            _ => users.push(UserRows { user, wins: vec![win] }),
        }
    }
    Ok(users)
}

/// A row's user and the win that it keeps.
pub(super) fn user_win(row: Row) -> Result<(UserId, Win), StoreError> {
    let mut row = Columns(row);
    let user = row.word("user_id", |word| word.parse().ok())?;
    let win = Win {
        coupon: row.coupon_id()?,
        sequence: row.take("sequence")?,
        attempt: row.attempt()?,
        issued_at_ms: row.ms("issued_at")?,
        quantity: row.take("quantity")?,
        nth: row.take("user_nth")?,
        state: row.word("state", CouponState::parse)?,
        revision: row.take("revision")?,
    };
    Ok((user, win))
}
