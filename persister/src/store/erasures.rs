//! Users whose data is to be replaced by a pseudonym: what was asked for, and how far it came.

use chrono::NaiveDateTime;
use contract::ids::UserId;
use mysql_async::Row;
use serde_json::json;

use super::audit::{Action, Entry, Operator};
use super::columns::Columns;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// Days after which Kafka has no record: it keeps wins for 7, a segment goes as a whole and spans one
/// more (`ops/kafka/topics.conf`), and one is for what is on its way.
const KAFKA_KEEPS_DAYS: u32 = 9;
/// Between two looks of the leader at an erasure.
const LOOK_AGAIN_S: u32 = 60;
/// Between two looks at everything where no event was put away meanwhile: for what Kafka brought
/// again.
const EVERYTHING_AGAIN_S: u32 = 3_600;

/// A user who is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its number, which stands for the user in the audit.
    pub id: u64,
    /// Who.
    pub user: UserId,
    /// When it was asked for, by the database's clock.
    pub asked_at: NaiveDateTime,
}

/// How an erasure stands, without whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRow {
    /// Its number.
    pub id: u64,
    /// Unix milliseconds.
    pub asked_at_ms: u64,
    /// Who asked.
    pub who: String,
    /// cli, api.
    pub way: String,
    /// In their words.
    pub why: String,
    /// Unix milliseconds; 0: what is asked for is kept still.
    pub forgotten_at_ms: u64,
    /// What was replaced so far.
    pub erased: Erased,
}

/// What was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Rows.
    pub coupons: u64,
    /// Dead letters.
    pub letters: u64,
    /// Reports of reconcile.
    pub reports: u64,
}

/// How much of the database a look at an erasure takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Rows, which are found by their user.
    Rows,
    /// Letters and reports too, which are read through.
    Everything,
}

impl Session {
    /// Notes that a user is to be erased, and who asked. Asking again asks for what came since.
    pub async fn ask_erasure(
        &mut self,
        user: &UserId,
        operator: &Operator,
    ) -> Result<Erasure, StoreError> {
        self.begin().await?;
        let Operator { who, way, why } = operator;
        let asked = (user.as_str(), LOOK_AGAIN_S, who, way.as_str(), why, LOOK_AGAIN_S);
        self.change(sql::ASK_ERASURE, asked).await?;
        let row: Option<Row> = self.row(sql::ERASURE_OF, (user.as_str(),)).await?;
        let erasure = row.map(read).transpose()?;
        let erasure = erasure.ok_or_else(|| StoreError::Unreadable {
            column: "user_id",
            found: "not what was written".to_owned(),
        })?;
        let entry = Entry {
            operator,
            action: Action::Erase,
            event: None,
            version: None,
            subject: format!("erasure {}", erasure.id),
            was: json!({}),
            became: json!({}),
        };
        self.note_audit(&entry).await?;
        self.commit().await?;
        Ok(erasure)
    }

    /// Up to so many erasures whose turn it is, the longest due first, where so many events are put
    /// away.
    pub async fn due_erasures(
        &mut self,
        put_away: u64,
        limit: u32,
    ) -> Result<Vec<(Erasure, Depth)>, StoreError> {
        let params = (put_away, EVERYTHING_AGAIN_S, limit);
        let rows: Vec<Row> = self.rows(sql::DUE_ERASURES, params).await?;
        let due = |row: Row| {
            let everything: bool = Columns(row.clone()).take("everything")?;
            let depth = if everything { Depth::Everything } else { Depth::Rows };
            Ok((read(row)?, depth))
        };
        rows.into_iter().map(due).collect()
    }

    /// Others come first next time, whatever becomes of this one.
    pub async fn put_off_erasure(&mut self, erasure: u64) -> Result<(), StoreError> {
        self.change(sql::PUT_OFF_ERASURE, (LOOK_AGAIN_S, erasure)).await?;
        Ok(())
    }

    /// The last erasures, newest first.
    pub async fn erasures(&mut self, limit: u32) -> Result<Vec<ErasureRow>, StoreError> {
        let rows = self.rows(sql::ERASURES, (limit,)).await?;
        rows.into_iter().map(read_row).collect()
    }

    /// The time on the database's clock.
    pub async fn now(&mut self) -> Result<NaiveDateTime, StoreError> {
        let now: Option<NaiveDateTime> = self.row(sql::NOW, ()).await?;
        Ok(now.unwrap_or_default())
    }

    /// In the transaction that replaces: notes how much it was.
    pub(super) async fn count_erased(
        &mut self,
        erasure: u64,
        erased: Erased,
    ) -> Result<(), StoreError> {
        let Erased { coupons, letters, reports } = erased;
        self.change(sql::COUNT_ERASED, (coupons, letters, reports, erasure)).await?;
        Ok(())
    }

    /// Notes a look at everything, before which so many events were put away.
    pub async fn note_looked(
        &mut self,
        erasure: &Erasure,
        put_away: u64,
    ) -> Result<(), StoreError> {
        self.change(sql::NOTE_LOOKED, (put_away, erasure.id, erasure.asked_at)).await?;
        Ok(())
    }

    /// Forgets whom an erasure is about, once Kafka has no record of theirs from before it was asked
    /// for. Returns whether it did.
    pub async fn forget_erasure(&mut self, erasure: u64) -> Result<bool, StoreError> {
        Ok(self.change(sql::FORGET_ERASURE, (erasure, KAFKA_KEEPS_DAYS)).await? == 1)
    }
}

fn read(row: Row) -> Result<Erasure, StoreError> {
    let mut row = Columns(row);
    Ok(Erasure {
        id: row.take("erasure_id")?,
        user: row.word("user_id", |word| word.parse().ok())?,
        asked_at: row.take("asked_at")?,
    })
}

fn read_row(row: Row) -> Result<ErasureRow, StoreError> {
    let mut row = Columns(row);
    Ok(ErasureRow {
        id: row.take("erasure_id")?,
        asked_at_ms: row.ms("asked_at")?,
        who: row.take("who")?,
        way: row.take("way")?,
        why: row.take("why")?,
        forgotten_at_ms: row.ms("forgotten_at")?,
        erased: Erased {
            coupons: row.take("coupons")?,
            letters: row.take("letters")?,
            reports: row.take("reports")?,
        },
    })
}
