//! Users whose data is replaced by a pseudonym.

use chrono::NaiveDateTime;
use contract::ids::{EventId, UserId};
use mysql_async::Row;
use serde_json::json;

use super::audit::{Action, Entry, Operator};
use super::columns::Columns;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// Days that Kafka keeps wins (`ops/kafka/topics.conf`), and one more for what is on its way.
const KAFKA_KEEPS_DAYS: u32 = 8;
/// Events of one look; the next look has the others.
const MOST_EVENTS: u32 = 1_000;

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

/// How events stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing but MySQL has them.
    PutAway,
    /// Redis, the directory or an outbox may have them as well.
    Live,
}

impl Standing {
    fn condition(self) -> &'static str {
        match self {
            Self::PutAway => sql::PUT_AWAY,
            Self::Live => sql::NOT_PUT_AWAY,
        }
    }
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
        self.change(sql::ASK_ERASURE, (user.as_str(), who, way.as_str(), why)).await?;
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

    /// Up to so many erasures that nobody has looked at for a minute.
    pub async fn due_erasures(&mut self, limit: u32) -> Result<Vec<Erasure>, StoreError> {
        let rows = self.rows(sql::DUE_ERASURES, (limit,)).await?;
        rows.into_iter().map(read).collect()
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

    /// Events made before a time that stand so, and have rows or letters of a user.
    pub async fn events_of_user(
        &mut self,
        user: &UserId,
        before: NaiveDateTime,
        standing: Standing,
    ) -> Result<Vec<EventId>, StoreError> {
        let condition = standing.condition();
        let rows = (user.as_str(), before, MOST_EVENTS);
        let mut found: Vec<Row> = self.rows(&sql::events_of_user(condition), rows).await?;
        let letters = (user.as_str(), field_of(user), before, MOST_EVENTS);
        found.extend(self.rows::<Row>(&sql::letter_events_of_user(condition), letters).await?);
        let event = |row| Columns(row).word("event_id", |word| word.parse().ok());
        let mut events = found.into_iter().map(event).collect::<Result<Vec<EventId>, _>>()?;
        events.sort_unstable();
        events.dedup();
        Ok(events)
    }

    /// How many rows a user has of an event.
    pub async fn coupons_of_user(
        &mut self,
        event: &EventId,
        user: &UserId,
    ) -> Result<u64, StoreError> {
        let params = (event.as_str(), user.as_str());
        Ok(self.row(sql::COUNT_COUPONS_OF_USER, params).await?.unwrap_or(0))
    }

    /// Puts a pseudonym in a user's place in an event that was put away. Nothing happens to any other.
    pub async fn erase_in(
        &mut self,
        event: &EventId,
        user: &UserId,
        pseudonym: &UserId,
    ) -> Result<Erased, StoreError> {
        self.begin().await?;
        let locked: Option<String> = self.row(&sql::lock_put_away(), (event.as_str(),)).await?;
        if locked.is_none() {
            self.roll_back().await?;
            return Ok(Erased::default());
        }
        let id = event.as_str();
        let coupons =
            self.change(sql::ERASE_COUPONS, (pseudonym.as_str(), id, user.as_str())).await?;
        let (field, instead) = (field_of(user), field_of(pseudonym));
        let (key, other_key) = (format!("{event}/{user}"), format!("{event}/{pseudonym}"));
        let letters = (&field, &field, &instead, &key, &other_key, id, &key, &field);
        let letters = self.change(sql::ERASE_LETTERS, letters).await?;
        let messages = (&key, &other_key, &key, &other_key, id, &key, &key);
        self.change(sql::ERASE_MESSAGES, messages).await?;
        self.commit().await?;
        Ok(Erased { coupons, letters, reports: 0 })
    }

    /// Puts a pseudonym in a user's place in reports of reconcile, which nothing reads but people.
    pub async fn erase_in_reports(
        &mut self,
        user: &UserId,
        pseudonym: &UserId,
    ) -> Result<u64, StoreError> {
        let offender = |user: &UserId| format!("\"user\":\"{user}\"");
        let params = (offender(user), offender(pseudonym), offender(user));
        self.change(sql::ERASE_REPORTS, params).await
    }

    /// Notes what was replaced.
    pub async fn note_erased(&mut self, erasure: u64, erased: Erased) -> Result<(), StoreError> {
        let Erased { coupons, letters, reports } = erased;
        self.change(sql::NOTE_ERASED, (coupons, letters, reports, erasure)).await?;
        Ok(())
    }

    /// Forgets whom an erasure is about, once Kafka has no record of theirs from before it was asked
    /// for. Returns whether it did.
    pub async fn forget_erasure(&mut self, erasure: u64) -> Result<bool, StoreError> {
        Ok(self.change(sql::FORGET_ERASURE, (erasure, KAFKA_KEEPS_DAYS)).await? == 1)
    }
}

/// How a record of a win names its user.
fn field_of(user: &UserId) -> String {
    format!("\"user_id\":\"{user}\"")
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

#[cfg(test)]
mod tests {
    use super::*;
    use contract::coupon::CouponState;
    use contract::ids::{Attempt, CouponId};
    use contract::record::{Issued, Record, Told, encode};

    #[test]
    fn a_record_names_its_user_as_it_is_looked_for() {
        let user: UserId = "ann".parse().unwrap();
        let record = encode(&Record::Issued(Issued {
            epoch: 1,
            event_id: "spring".parse().unwrap(),
            user_id: user.clone(),
            coupon_id: CouponId::new(),
            sequence: 1,
            attempt: Attempt::NONE,
            issued_at_ms: 1,
            quantity: 1,
            nth: 1,
            state: CouponState::Issued,
            revision: 1,
            told: Told::Replica,
        }));
        let text = String::from_utf8(record).unwrap();
        assert!(text.contains(&field_of(&user)), "{text}");
    }
}
