//! How letters are shown, to people and to machines.

use serde::Serialize;

use super::name::{Cursor, LetterName};
use crate::events::view::time;
use crate::store::desk::{Letter, LetterCursor, LetterFilter, LetterState};
use crate::store::union::LogPlace;
use crate::store::{Session, StoreError};

/// A letter as `--json` and the API show it. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterView {
    /// Its name: partition and offset where its record stood first.
    pub letter: String,
    /// waiting, on_its_way, united, replayed, given_up.
    pub state: &'static str,
    /// Why it failed last: undecodable, rejected, late, void, breach.
    pub reason: &'static str,
    /// What was wrong, in a sentence.
    pub message: String,
    /// Its event; null: it does not tell.
    pub event_id: Option<String>,
    /// Its coupon; null: it does not tell.
    pub coupon_id: Option<String>,
    /// The request that its win answers; null: it does not tell.
    pub request_id: Option<String>,
    /// How often it failed.
    pub attempts: u32,
    /// RFC 3339 in UTC.
    pub first_failed_at: String,
    /// RFC 3339 in UTC.
    pub last_failed_at: String,
    /// RFC 3339 in UTC; null: it is not settled.
    pub resolved_at: Option<String>,
    /// Who gave it up; null: nobody did.
    pub given_up_by: Option<String>,
    /// Why, in their words.
    pub given_up_why: Option<String>,
    /// The record's value, as far as it is text; only where one letter is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// A page of letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageView {
    /// In the order in which they failed first.
    pub letters: Vec<LetterView>,
    /// What the next page is asked for with; null: that was all.
    pub next: Option<String>,
}

impl LetterView {
    fn of(letter: &Letter) -> Self {
        Self {
            letter: LetterName(letter.place).to_string(),
            state: word(letter.state),
            reason: letter.reason.as_str(),
            message: letter.message.clone(),
            event_id: letter.event_id.as_ref().map(ToString::to_string),
            coupon_id: letter.coupon_id.as_ref().map(ToString::to_string),
            request_id: letter.request_id.clone(),
            attempts: letter.attempts,
            first_failed_at: time(letter.first_failed_ms),
            last_failed_at: time(letter.last_failed_ms),
            resolved_at: Some(letter.resolved_ms).filter(|&ms| ms > 0).map(time),
            given_up_by: letter.given_up.as_ref().map(|by| by.who.clone()),
            given_up_why: letter.given_up.as_ref().map(|by| by.why.clone()),
            record: None,
        }
    }
}

fn word(state: LetterState) -> &'static str {
    match state {
        LetterState::Waits => "waiting",
        LetterState::OnItsWay => "on_its_way",
        LetterState::Resolved(how) => how.as_str(),
    }
}

/// One letter with its record; None: there is none.
pub async fn show(
    session: &mut Session,
    place: LogPlace,
) -> Result<Option<LetterView>, StoreError> {
    let letter = session.letter(place).await?;
    Ok(letter.map(|letter| {
        let bytes = letter.record.as_deref().unwrap_or_default();
        LetterView {
            record: Some(String::from_utf8_lossy(bytes).into_owned()),
            ..LetterView::of(&letter)
        }
    }))
}

/// A page of `count` letters.
pub async fn page(
    session: &mut Session,
    filter: &LetterFilter,
    after: Option<LetterCursor>,
    count: u32,
) -> Result<PageView, StoreError> {
    let mut letters = session.letters(filter, after, count.saturating_add(1)).await?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let more = letters.len() > count;
    letters.truncate(count);
    let last = letters.last().filter(|_| more);
    Ok(PageView {
        next: last.map(|letter| Cursor(letter.cursor()).to_string()),
        letters: letters.iter().map(LetterView::of).collect(),
    })
}
