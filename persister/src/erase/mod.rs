//! Users are erased: a pseudonym takes their place in rows, dead letters and reports.
//!
//! Only in events that were put away (archived, and carried): of those nothing but MySQL has a copy,
//! no claim is answered and nothing is compared with Redis any more. In any other event a user who was
//! replaced on one side could win twice, and the books of Redis and MySQL would differ. So what is
//! asked for is noted, and the leader (`carry`) does the rest as events are archived. It keeps the
//! user's id until Kafka has no record of theirs: one that is read again, after a database went back,
//! would bring them back.

mod carry;
mod view;

use contract::ids::UserId;
use contract::pseudonym::pseudonym;
use serde::Serialize;
use tracing::info;

use crate::store::audit::{Mode, Operator};
use crate::store::erasures::{Erased, Erasure, Standing};
use crate::store::{Session, StoreError};
pub use carry::Carrier;
pub use view::{ErasureView, list};

/// What became of the wish to erase a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing of theirs is left in events that exist.
    Erased,
    /// Some events are not archived; they follow.
    Waits,
    /// What would be replaced, if this were no dry run.
    WouldErase,
}

/// The answer to whoever asked; it does not name the user. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its number, which the audit names; null in a dry run.
    pub erasure: Option<u64>,
    /// In a word.
    pub outcome: Outcome,
    /// Rows that were, or would be, replaced now.
    pub coupons: u64,
    /// Dead letters that were replaced now.
    pub letters: u64,
    /// Reports of reconcile that were replaced now.
    pub reports: u64,
    /// Events that have to be archived first.
    pub waits_for: Vec<String>,
}

/// Why a wish to erase is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody says why.
    #[error("say why the user is erased")]
    NoReason,
    /// The audit would name them for ever.
    #[error("the reason names the user, and stays in the audit: say it without")]
    NamesUser,
}

/// Whether an operator's reason will do.
pub fn check_reason(user: &UserId, why: &str) -> Result<(), Refused> {
    if why.trim().is_empty() {
        return Err(Refused::NoReason);
    }
    let part_of_id = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if why.split(|c| !part_of_id(c)).any(|word| word == user.as_str()) {
        return Err(Refused::NamesUser);
    }
    Ok(())
}

/// Notes that a user is to be erased, and replaces them wherever that can be done at once. The reason
/// was checked before.
pub async fn ask(
    session: &mut Session,
    user: &UserId,
    operator: &Operator,
    mode: Mode,
) -> Result<Asked, StoreError> {
    if mode == Mode::DryRun {
        return would(session, user).await;
    }
    let erasure = session.ask_erasure(user, operator).await?;
    let done = look(session, &erasure).await?;
    info!(erasure = erasure.id, by = operator.who, "a user is erased");
    Ok(done)
}

async fn would(session: &mut Session, user: &UserId) -> Result<Asked, StoreError> {
    let now = session.now().await?;
    let mut coupons = 0;
    for event in session.events_of_user(user, now, Standing::PutAway).await? {
        coupons += session.coupons_of_user(&event, user).await?;
    }
    let waits_for = session.events_of_user(user, now, Standing::Live).await?;
    Ok(Asked {
        erasure: None,
        outcome: Outcome::WouldErase,
        coupons,
        letters: 0,
        reports: 0,
        waits_for: waits_for.iter().map(ToString::to_string).collect(),
    })
}

/// One look at an erasure: replaces whatever can be, and forgets the user once nothing is left and
/// nothing can come back. Each event has a pseudonym of its own, so that nobody is followed from one
/// to the next.
pub async fn look(session: &mut Session, erasure: &Erasure) -> Result<Asked, StoreError> {
    let Erasure { id, user, asked_at } = erasure;
    let mut erased = Erased::default();
    for event in session.events_of_user(user, *asked_at, Standing::PutAway).await? {
        let here = session.erase_in(&event, user, &pseudonym(rand::random())).await?;
        erased.coupons += here.coupons;
        erased.letters += here.letters;
    }
    erased.reports = session.erase_in_reports(user, &pseudonym(rand::random())).await?;
    session.note_erased(*id, erased).await?;
    let waits_for = session.events_of_user(user, *asked_at, Standing::Live).await?;
    if waits_for.is_empty() && session.forget_erasure(*id).await? {
        info!(erasure = id, "whom it was about is forgotten");
    }
    Ok(Asked {
        erasure: Some(*id),
        outcome: if waits_for.is_empty() { Outcome::Erased } else { Outcome::Waits },
        coupons: erased.coupons,
        letters: erased.letters,
        reports: erased.reports,
        waits_for: waits_for.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_and_does_not_name_the_user() {
        let user: UserId = "ann-7".parse().unwrap();
        assert_eq!(check_reason(&user, "ticket 4711"), Ok(()));
        assert_eq!(check_reason(&user, "ann-77 asked"), Ok(()), "somebody else");
        assert_eq!(check_reason(&user, "(ann-7) asked"), Err(Refused::NamesUser));
        assert_eq!(check_reason(&user, "  "), Err(Refused::NoReason));
    }
}
