//! Dead letters, as operators handle them: looked at, brought again, given up.

use contract::ids::{CouponId, EventId};
use contract::topics::COUPON_ISSUED;
use mysql_async::{Row, Value};
use serde_json::json;

use super::audit::{Action, Entry, Operator};
use super::columns::Columns;
use super::dead_letters::{DeadLetterRow, short};
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::times::{to_column, to_nullable_column};
use super::union::LogPlace;
use crate::consume::batch::Reason;

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Its event's arming made it a row.
    United,
    /// It was brought again, and is a row.
    Replayed,
    /// An operator discarded it.
    GivenUp,
}

impl Resolution {
    /// The word, as MySQL keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::United => "united",
            Self::Replayed => "replayed",
            Self::GivenUp => "given_up",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::United, Self::Replayed, Self::GivenUp].into_iter().find(|one| one.as_str() == word)
    }
}

/// How a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterState {
    /// Nothing was done about it.
    Waits,
    /// It was brought again, and its partition was not read that far yet; or that was within the last
    /// 60 s, and Kafka did not say where it stands.
    OnItsWay,
    /// It is settled.
    Resolved(Resolution),
}

/// Who gave a letter up, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Their name.
    pub who: String,
    /// In their words.
    pub why: String,
}

/// A dead letter of `coupon-issued`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where its record came from first; names it.
    pub place: LogPlace,
    /// Its event, where it tells.
    pub event_id: Option<EventId>,
    /// Its coupon, where it tells.
    pub coupon_id: Option<CouponId>,
    /// Why it failed last.
    pub reason: Reason,
    /// What was wrong, in a sentence.
    pub message: String,
    /// The record's value, where it was asked for; one that is longer than its column is cut.
    pub record: Option<Vec<u8>>,
    /// The record's key, where it was asked for and was kept.
    pub key: Option<Vec<u8>>,
    /// Unix milliseconds of the record as it came first; 0: that was not kept.
    pub record_ms: u64,
    /// The request that its win answers, where it tells.
    pub request_id: Option<String>,
    /// Unix milliseconds of its first failure.
    pub first_failed_ms: u64,
    /// Unix milliseconds of its last failure.
    pub last_failed_ms: u64,
    /// How often it failed.
    pub attempts: u32,
    /// Unix milliseconds at which it was brought again, if nobody has read it since; 0: it was not.
    pub replayed_ms: u64,
    /// Unix milliseconds at which it was settled; 0: it is not.
    pub resolved_ms: u64,
    /// How it stands.
    pub state: LetterState,
    /// Who gave it up, and why; None: nobody did.
    pub given_up: Option<GivenUp>,
}

/// Which letters are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Those of an event.
    pub event: Option<EventId>,
    /// Those that failed for that.
    pub reason: Option<Reason>,
    /// Those that failed first from then on, in Unix milliseconds; 0: from the first.
    pub since_ms: u64,
    /// Those that failed first before then, in Unix milliseconds; 0: up to the last.
    pub until_ms: u64,
    /// Those that stand so.
    pub state: StateFilter,
}

/// Letters that stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StateFilter {
    /// Not settled.
    #[default]
    Waiting,
    /// Settled so.
    Resolved(Resolution),
    /// All.
    Any,
}

/// Where a page of letters ends: the next one begins behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterCursor {
    /// Unix milliseconds of the first failure.
    pub first_failed_ms: u64,
    /// Which letter.
    pub place: LogPlace,
}

impl Letter {
    /// Where a page that ends with this letter ends.
    pub fn cursor(&self) -> LetterCursor {
        LetterCursor { first_failed_ms: self.first_failed_ms, place: self.place }
    }
}

/// What an operator makes of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is brought again.
    OnItsWay,
    /// It is not, after all.
    NotTaken,
    /// It is given up.
    GivenUp,
}

/// What became of the letter of a record that failed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It waits again, or stays given up; its failure is known.
    Again,
    /// The same, but for a failure that is not.
    Otherwise,
    /// There is none: this database is an older one, or the record's headers are made up.
    NoLetter,
}

impl Session {
    /// Up to `count` letters without their records, in the order in which they failed first.
    pub async fn letters(
        &mut self,
        filter: &LetterFilter,
        after: Option<LetterCursor>,
        count: u32,
    ) -> Result<Vec<Letter>, StoreError> {
        let mut conditions = Vec::new();
        let mut params = vec![Value::from(COUPON_ISSUED)];
        let mut add = |condition: &'static str, values: &[Value]| {
            conditions.push(condition);
            params.extend_from_slice(values);
        };
        if let Some(event) = &filter.event {
            add(sql::LETTERS_OF_EVENT, &[event.as_str().into()]);
        }
        if let Some(reason) = filter.reason {
            add(sql::LETTERS_OF_REASON, &[reason.as_str().into()]);
        }
        if filter.since_ms > 0 {
            add(sql::LETTERS_SINCE, &[to_column(filter.since_ms).into()]);
        }
        if filter.until_ms > 0 {
            add(sql::LETTERS_BEFORE, &[to_column(filter.until_ms).into()]);
        }
        match filter.state {
            StateFilter::Waiting => add(sql::LETTERS_WAITING, &[]),
            StateFilter::Resolved(how) => add(sql::LETTERS_RESOLVED, &[how.as_str().into()]),
            StateFilter::Any => {}
        }
        if let Some(LetterCursor { first_failed_ms, place }) = after {
            let at = Value::from(to_column(first_failed_ms));
            let LogPlace { part, offset } = place;
            add(sql::LETTERS_AFTER, &[at.clone(), at, part.into(), part.into(), offset.into()]);
        }
        params.push(count.into());
        let rows = self.rows(&sql::letters(&conditions), params).await?;
        rows.into_iter().map(read).collect()
    }

    /// One letter; None: there is none.
    pub async fn letter(&mut self, place: LogPlace) -> Result<Option<Letter>, StoreError> {
        let params = (COUPON_ISSUED, place.part, place.offset);
        self.row(&sql::letter(), params).await?.map(read).transpose()
    }

    /// How one letter stands, without its record; None: there is none.
    pub async fn standing_letter(&mut self, place: LogPlace) -> Result<Option<Letter>, StoreError> {
        let params = (COUPON_ISSUED, place.part, place.offset);
        self.row(&sql::standing_letter(), params).await?.map(read).transpose()
    }

    /// Notes that a letter is about to be brought again, to a partition that is to be read up to
    /// `upto` at least before it was read; false: it does not stand any more as it was looked at.
    pub async fn note_replay(
        &mut self,
        letter: &Letter,
        part: i32,
        upto: Option<i64>,
        operator: &Operator,
    ) -> Result<bool, StoreError> {
        self.begin().await?;
        let LogPlace { part: of, offset } = letter.place;
        let (attempts, replayed) = (letter.attempts, to_nullable_column(letter.replayed_ms));
        let params = (part, upto, COUPON_ISSUED, of, offset, attempts, replayed);
        let noted = self.change(sql::NOTE_REPLAY, params).await? == 1;
        self.end_desk(letter, operator, Step::OnItsWay, noted).await
    }

    /// Notes where the record of a letter that was brought again stands, if nobody has read it yet.
    pub async fn place_replay(&mut self, letter: &Letter, upto: i64) -> Result<(), StoreError> {
        let LogPlace { part, offset } = letter.place;
        let params = (upto, COUPON_ISSUED, part, offset, letter.attempts);
        self.change(sql::PLACE_REPLAY, params).await?;
        Ok(())
    }

    /// Notes that a letter was not brought again after all: Kafka has not taken it.
    pub async fn take_replay_back(
        &mut self,
        letter: &Letter,
        operator: &Operator,
    ) -> Result<(), StoreError> {
        self.begin().await?;
        let LogPlace { part, offset } = letter.place;
        let params = (COUPON_ISSUED, part, offset, letter.attempts);
        let taken = self.change(sql::TAKE_REPLAY_BACK, params).await? == 1;
        self.end_desk(letter, operator, Step::NotTaken, taken).await?;
        Ok(())
    }

    /// Ends a transaction about a letter: with its line of the audit, or undone.
    async fn end_desk(
        &mut self,
        letter: &Letter,
        operator: &Operator,
        step: Step,
        done: bool,
    ) -> Result<bool, StoreError> {
        if !done {
            self.roll_back().await?;
            return Ok(false);
        }
        let LogPlace { part, offset } = letter.place;
        let (action, from, to) = match step {
            Step::OnItsWay => (Action::Replay, "waiting", "on_its_way"),
            Step::NotTaken => (Action::Replay, "on_its_way", "waiting"),
            Step::GivenUp => (Action::Discard, "waiting", "given_up"),
        };
        let entry = Entry {
            operator,
            action,
            event: letter.event_id.as_ref(),
            version: None,
            subject: format!("dead letter {part}/{offset}"),
            was: json!({ "state": from, "reason": letter.reason.as_str() }),
            became: json!({ "state": to }),
        };
        self.note_audit(&entry).await?;
        self.commit().await?;
        Ok(true)
    }

    /// Inside the transaction that wrote its row: a letter that was brought again is settled.
    pub async fn replay_landed(&mut self, place: LogPlace) -> Result<(), StoreError> {
        self.change(sql::REPLAY_LANDED, (COUPON_ISSUED, place.part, place.offset)).await?;
        Ok(())
    }

    /// Inside the offset's transaction: a letter that was brought again failed again, as `now` says.
    pub async fn replay_failed(
        &mut self,
        place: LogPlace,
        now: &DeadLetterRow<'_>,
    ) -> Result<Failed, StoreError> {
        let Some(known) = self.standing_letter(place).await? else {
            return Ok(Failed::NoLetter);
        };
        let params = (
            short(now.message),
            now.event_id.map(EventId::as_str),
            now.coupon_id.map(|id| id.as_bytes().as_slice()),
            now.reason,
            now.reason,
            COUPON_ISSUED,
            place.part,
            place.offset,
        );
        self.change(sql::REPLAY_FAILED, params).await?;
        Ok(failed(known.reason, now.reason))
    }

    /// Gives a letter up; false: it does not stand any more as it was looked at, or is an arming's to
    /// decide.
    pub async fn give_letter_up(
        &mut self,
        letter: &Letter,
        operator: &Operator,
    ) -> Result<bool, StoreError> {
        self.begin().await?;
        let LogPlace { part, offset } = letter.place;
        let (attempts, replayed) = (letter.attempts, to_nullable_column(letter.replayed_ms));
        let (who, why) = (&operator.who, &operator.why);
        let params = (who, why, COUPON_ISSUED, part, offset, attempts, replayed);
        let given_up = self.change(sql::GIVE_UP, params).await? == 1;
        self.end_desk(letter, operator, Step::GivenUp, given_up).await
    }
}

/// Whether a failure is one that is known by what its letter tells. A refused win stays one, whatever
/// epoch its record met: its shard holds it. And a breach is void once its event was armed.
fn failed(known: Reason, now: &str) -> Failed {
    let old_epoch = [Reason::Late, Reason::Void].iter().any(|reason| reason.as_str() == now);
    let stays = old_epoch && matches!(known, Reason::Rejected | Reason::Breach);
    if stays || known.as_str() == now { Failed::Again } else { Failed::Otherwise }
}

fn read(row: Row) -> Result<Letter, StoreError> {
    let mut row = Columns(row);
    let first_failed_ms = row.ms("created_at")?;
    let resolved_ms = row.ms("resolved_at")?;
    let resolution: Option<String> = row.take("resolution")?;
    let on_its_way: bool = row.take("on_its_way")?;
    let state = match resolution.as_deref() {
        Some(word) => Resolution::parse(word).map(LetterState::Resolved),
        None if resolved_ms > 0 => Some(LetterState::Resolved(Resolution::United)),
        None if on_its_way => Some(LetterState::OnItsWay),
        None => Some(LetterState::Waits),
    };
    let unreadable = |found| StoreError::Unreadable { column: "resolution", found };
    let event: Option<String> = row.take("event_id")?;
    let who: Option<String> = row.take("given_up_by")?;
    let why: Option<String> = row.take("given_up_why")?;
    let coupon: Option<Vec<u8>> = row.take("coupon_id")?;
    Ok(Letter {
        place: LogPlace { part: row.take("part")?, offset: row.take("kafka_offset")? },
        event_id: event.and_then(|event| event.parse().ok()),
        coupon_id: coupon.and_then(|id| id.try_into().ok()).map(CouponId::from_bytes),
        reason: row.word("reason", Reason::parse)?,
        message: row.take("message")?,
        record: row.take("record")?,
        key: row.take("record_key")?,
        record_ms: row.ms("record_at")?,
        request_id: row.take("request_id")?,
        first_failed_ms,
        last_failed_ms: row.ms("last_failed_at")?.max(first_failed_ms),
        attempts: row.take("attempts")?,
        replayed_ms: row.ms("replayed_at")?,
        resolved_ms,
        given_up: who.map(|who| GivenUp { who, why: why.unwrap_or_default() }),
        state: state.ok_or_else(|| unreadable(resolution.unwrap_or_default()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_fails_for_another_reason_than_before_is_news() {
        for known in Reason::ALL {
            assert_eq!(failed(known, known.as_str()), Failed::Again);
            if known != Reason::Breach {
                assert_eq!(failed(known, "breach"), Failed::Otherwise, "{known:?}");
            }
        }
        assert_eq!(failed(Reason::Undecodable, "void"), Failed::Otherwise);
        assert_eq!(failed(Reason::Void, "rejected"), Failed::Otherwise);
        for stays in [Reason::Rejected, Reason::Breach] {
            assert_eq!(failed(stays, "void"), Failed::Again);
            assert_eq!(failed(stays, "late"), Failed::Again);
        }
    }
}
