//! Letters are given up. Whoever does it answers for it: their name and reason stay with the letter.

use serde::Serialize;
use tracing::info;

use super::name::LetterName;
use super::plan::Refusal;
use crate::consume::batch::Reason;
use crate::metrics::{self, Settled};
use crate::store::audit::{Mode, Operator};
use crate::store::desk::{Letter, LetterState, Resolution};
use crate::store::union::LogPlace;
use crate::store::{Session, StoreError};

/// What became of a letter that was to be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscardOutcome {
    /// It is given up.
    GivenUp,
    /// It was given up before.
    Already,
    /// It is not given up.
    Refused,
    /// There is no such letter.
    Unknown,
    /// It would be given up, if this were no dry run.
    WouldGiveUp,
}

/// What became of a letter that was to be given up, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// Which letter.
    pub letter: String,
    /// In a word.
    pub outcome: DiscardOutcome,
    /// In a sentence, where there is more to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Discarded {
    fn of(place: LogPlace, outcome: DiscardOutcome, detail: impl ToString) -> Self {
        Self { letter: LetterName(place).to_string(), outcome, detail: detail.to_string() }
    }

    /// Whether nothing is left to do about the letter.
    pub fn is_done(&self) -> bool {
        !matches!(self.outcome, DiscardOutcome::Refused | DiscardOutcome::Unknown)
    }
}

/// Gives a letter up, in the name of somebody and for a reason.
pub async fn discard(
    session: &mut Session,
    place: LogPlace,
    operator: &Operator,
    mode: Mode,
) -> Result<Discarded, StoreError> {
    use DiscardOutcome::{GivenUp, Refused, Unknown, WouldGiveUp};
    let Some(letter) = session.standing_letter(place).await? else {
        return Ok(Discarded::of(place, Unknown, ""));
    };
    if let Some(outcome) = as_it_is(&letter) {
        return Ok(outcome);
    }
    let reason = letter.reason.as_str();
    if mode == Mode::DryRun {
        return Ok(Discarded::of(place, WouldGiveUp, reason));
    }
    if !session.give_letter_up(&letter, operator).await? {
        let text = "it was brought again or settled just now: look again";
        return Ok(Discarded::of(place, Refused, text));
    }
    let Operator { who, why, .. } = operator;
    info!(letter = %LetterName(place), who, why, "given up");
    metrics::letters_settled(Settled::GivenUp, 1);
    Ok(Discarded::of(place, GivenUp, reason))
}

/// Where nothing is to be done about a letter, or cannot be.
fn as_it_is(letter: &Letter) -> Option<Discarded> {
    use DiscardOutcome::{Already, Refused};
    let place = letter.place;
    match letter.state {
        LetterState::Resolved(Resolution::GivenUp) => Some(Discarded::of(place, Already, "")),
        LetterState::Resolved(how) => {
            let text = format!("it was settled before: {}", how.as_str());
            Some(Discarded::of(place, Refused, text))
        }
        LetterState::OnItsWay => {
            let text = "it was brought again, and nobody has read it yet";
            Some(Discarded::of(place, Refused, text))
        }
        LetterState::Waits if letter.reason == Reason::Late => {
            Some(Discarded::of(place, Refused, Refusal::ArmingDecides))
        }
        LetterState::Waits => None,
    }
}
