//! Where a user is named in what events leave behind, and a pseudonym in their place.

use chrono::NaiveDateTime;
use contract::ids::{EventId, UserId};
use mysql_async::prelude::ToValue;
use mysql_async::{Row, Value};

use super::columns::Columns;
use super::dead_letters::{MAX_KEY_BYTES, MAX_RECORD_BYTES};
use super::erasures::Erased;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// Events of one question; the next one has those behind them.
pub const PAGE_EVENTS: usize = 500;
/// Reports that are looked through at once: they have 1 MiB at most each.
const PAGE_REPORTS: u32 = 100;

/// How an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing but MySQL has it.
    PutAway,
    /// Redis, the directory or an outbox may have it as well.
    Live,
}

/// What letters say they are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterEvent {
    /// Its id.
    pub event: EventId,
    /// None: there is no such event.
    pub standing: Option<Standing>,
    /// Whether it was made after the time that was asked for.
    pub later: bool,
}

impl Session {
    /// How many events were put away.
    pub async fn count_put_away(&mut self) -> Result<u64, StoreError> {
        Ok(self.row(&sql::count_put_away(), ()).await?.unwrap_or(0))
    }

    /// Up to [`PAGE_EVENTS`] events behind `after` that were made before a time, where a user has
    /// rows.
    pub async fn events_with_rows(
        &mut self,
        user: &UserId,
        before: NaiveDateTime,
        after: &str,
    ) -> Result<Vec<(EventId, Standing)>, StoreError> {
        let params = (user.as_str(), before, after, PAGE_EVENTS);
        let rows: Vec<Row> = self.rows(&sql::events_with_rows(), params).await?;
        let read = |row: Row| {
            let mut row = Columns(row);
            Ok((event_id(&mut row)?, standing(row.take("put_away")?)))
        };
        rows.into_iter().map(read).collect()
    }

    /// What up to [`PAGE_EVENTS`] groups of letters behind `after` say they are of. Letters of no
    /// event are not among them.
    pub async fn events_with_letters(
        &mut self,
        before: NaiveDateTime,
        after: &str,
    ) -> Result<Vec<LetterEvent>, StoreError> {
        let params = (before, after, PAGE_EVENTS);
        let rows: Vec<Row> = self.rows(&sql::events_with_letters(), params).await?;
        let read = |row: Row| {
            let mut row = Columns(row);
            let is_there: bool = row.take("is_there")?;
            let put_away: Option<bool> = row.take("put_away")?;
            Ok(LetterEvent {
                event: event_id(&mut row)?,
                standing: is_there.then(|| standing(put_away.unwrap_or(false))),
                later: row.take::<Option<bool>>("later")?.unwrap_or(false),
            })
        };
        rows.into_iter().map(read).collect()
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

    /// How many letters of an event name a user.
    pub async fn letters_of_user(
        &mut self,
        event: &EventId,
        user: &UserId,
    ) -> Result<u64, StoreError> {
        self.count_letters(&sql::count_letters_of_user(), Some(event), user).await
    }

    /// How many letters that wait name a user, of those of no event or of one that was never made.
    pub async fn open_letters_of_user(
        &mut self,
        event: Option<&EventId>,
        user: &UserId,
    ) -> Result<u64, StoreError> {
        self.count_letters(&sql::count_open_letters_of_user(), event, user).await
    }

    async fn count_letters(
        &mut self,
        statement: &str,
        event: Option<&EventId>,
        user: &UserId,
    ) -> Result<u64, StoreError> {
        Ok(self.row(statement, naming(event, user)).await?.unwrap_or(0))
    }

    /// Puts a pseudonym in a user's place in an event that was put away. Nothing happens to any other.
    pub async fn erase_in(
        &mut self,
        erasure: u64,
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
        let coupons = (pseudonym.as_str(), event.as_str(), user.as_str());
        let coupons = self.change(sql::ERASE_COUPONS, coupons).await?;
        let letters = replacing(Some(event), user, pseudonym);
        let letters = self.change(&sql::erase_letters(), letters).await?;
        let erased = Erased { coupons, letters, reports: 0 };
        self.count_erased(erasure, erased).await?;
        self.commit().await?;
        Ok(erased)
    }

    /// The same in letters of no event, or of one that was never made, unless they wait: what an
    /// operator brings again has to be as it was.
    pub async fn erase_lost(
        &mut self,
        erasure: u64,
        event: Option<&EventId>,
        user: &UserId,
        pseudonym: &UserId,
    ) -> Result<u64, StoreError> {
        self.begin().await?;
        let letters = replacing(event, user, pseudonym);
        let letters = self.change(&sql::erase_resolved_letters(), letters).await?;
        self.count_erased(erasure, Erased { letters, ..Erased::default() }).await?;
        self.commit().await?;
        Ok(letters)
    }

    /// The same in the sentences of an event's letters (None: of no event), which nothing reads but
    /// people.
    pub async fn erase_in_messages(
        &mut self,
        event: Option<&EventId>,
        user: &UserId,
        pseudonym: &UserId,
    ) -> Result<(), StoreError> {
        let (old, new) = (key_end(user), key_end(pseudonym));
        let params = (&old, &new, &old, &new, event.map(EventId::as_str), &old, &old);
        self.change(sql::ERASE_MESSAGES, params).await?;
        Ok(())
    }

    /// The same in reports of reconcile, which nothing reads but people.
    pub async fn erase_in_reports(
        &mut self,
        erasure: u64,
        user: &UserId,
        pseudonym: &UserId,
    ) -> Result<u64, StoreError> {
        let (mut after, mut reports) = (Vec::new(), 0);
        loop {
            let page = (&after, PAGE_REPORTS);
            let runs: Vec<Vec<u8>> = self.rows(sql::RUNS_WITH_REPORTS, page).await?;
            let Some(last) = runs.into_iter().last() else {
                return Ok(reports);
            };
            self.begin().await?;
            let (old, new) = (in_reports(user), in_reports(pseudonym));
            let pairs = old.iter().zip(&new).flat_map(|(old, new)| [old, new]);
            let mut params: Vec<Value> = pairs.map(ToValue::to_value).collect();
            params.extend([after.to_value(), last.to_value()]);
            params.extend(old.iter().map(ToValue::to_value));
            let here = self.change(sql::ERASE_REPORTS, params).await?;
            self.count_erased(erasure, Erased { reports: here, ..Erased::default() }).await?;
            self.commit().await?;
            reports += here;
            after = last;
        }
    }
}

fn event_id(row: &mut Columns) -> Result<EventId, StoreError> {
    row.word("event_id", |word| word.parse().ok())
}

fn standing(put_away: bool) -> Standing {
    if put_away { Standing::PutAway } else { Standing::Live }
}

/// How a record of a win names its user.
fn field_of(user: &UserId) -> String {
    format!("\"user_id\":\"{user}\"")
}

/// How the key of a win's record ends, and whatever names a user beside their event.
fn key_end(user: &UserId) -> String {
    format!("/{user}")
}

/// How reports name a user: whose win or row it is, whose wins cannot be read, and whose row has
/// another's coupon.
fn in_reports(user: &UserId) -> [String; 3] {
    [format!("\"user\":\"{user}\""), format!("\"detail\":\"{user}\""), format!("/{user}'s")]
}

/// What finds the letters of an event (None: of none) that name a user.
fn naming(event: Option<&EventId>, user: &UserId) -> Vec<Value> {
    let end = key_end(user);
    vec![
        event.map(EventId::as_str).to_value(),
        end.to_value(),
        end.to_value(),
        field_of(user).to_value(),
    ]
}

/// The same, after what puts a pseudonym in the user's place.
fn replacing(event: Option<&EventId>, user: &UserId, pseudonym: &UserId) -> Vec<Value> {
    let (field, instead) = (field_of(user).to_value(), field_of(pseudonym).to_value());
    let (end, other_end) = (key_end(user).to_value(), key_end(pseudonym).to_value());
    let fits = MAX_RECORD_BYTES.to_value();
    let replace = [field.clone(), instead];
    let mut params = vec![field];
    params.extend(replace.clone());
    params.push(fits);
    params.extend(replace);
    params.extend([end.clone(), end.clone(), end, other_end, MAX_KEY_BYTES.to_value()]);
    params.extend(naming(event, user));
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::coupon::CouponState;
    use contract::ids::{Attempt, CouponId};
    use contract::record::{Issued, Record, Told, encode};

    use crate::reconcile::{Offender, owner_of_row};

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

    #[test]
    fn a_report_names_users_as_they_are_looked_for() {
        let (event, user): (EventId, UserId) = ("spring".parse().unwrap(), "ann".parse().unwrap());
        let says = |offender: Offender| serde_json::to_string(&offender).unwrap();
        let win = Offender { user: Some(user.to_string()), ..Offender::default() };
        let unreadable = Offender { detail: user.to_string(), ..Offender::default() };
        let row = Offender { detail: owner_of_row(&event, &user), ..Offender::default() };
        let said = [says(win), says(unreadable), says(row)];
        for (said, looked_for) in said.iter().zip(in_reports(&user)) {
            assert!(said.contains(&looked_for), "{said}: {looked_for}");
        }
    }
}
