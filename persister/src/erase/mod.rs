//! Users are erased: a pseudonym takes their place in rows, dead letters and reports.
//!
//! Only in events that were put away (archived, and carried): of those nothing but MySQL has a copy,
//! no claim is answered and nothing is compared with Redis any more. In any other event a user who was
//! replaced on one side could win twice, and the books of Redis and MySQL would differ. So what is
//! asked for is noted, and the leader (`carry`) does the rest as events are archived. It keeps the
//! user's id until Kafka has no record of theirs: one that is read again, after a database went back,
//! would bring them back.
//!
//! - `traces`: where a user is named.
//! - `carry`: the leader's part.
//! - `view`: how erasures are shown.

mod carry;
mod traces;
mod view;

use contract::ids::UserId;
use contract::pseudonym::pseudonym;
use serde::Serialize;
use tracing::info;

use crate::store::audit::{Mode, Operator};
use crate::store::erasures::{Depth, Erased, Erasure};
use crate::store::{Session, StoreError};
pub use carry::Carrier;
use traces::{Traces, everywhere, in_rows};
pub use view::{ErasureView, list};

/// What became of the wish to erase a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing of theirs is left in events that exist.
    Erased,
    /// Some events are not archived, or letters wait; they follow.
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
    /// Dead letters of no event, or of one that was never made, that have to be brought again or
    /// given up first.
    pub letters_wait: u64,
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
    let done = look(session, &erasure, Depth::Everything).await?;
    info!(erasure = erasure.id, by = operator.who, "a user is erased");
    Ok(done)
}

async fn would(session: &mut Session, user: &UserId) -> Result<Asked, StoreError> {
    let now = session.now().await?;
    let traces = everywhere(session, user, now).await?;
    let mut coupons = 0;
    for event in traces.put_away() {
        coupons += session.coupons_of_user(event, user).await?;
    }
    let none = Erased { coupons, ..Erased::default() };
    Ok(asked(None, Outcome::WouldErase, none, &traces))
}

/// One look at an erasure: replaces whatever can be, and forgets the user once nothing is left and
/// nothing can come back. Each event has a pseudonym of its own, so that nobody is followed from one
/// to the next.
pub async fn look(
    session: &mut Session,
    erasure: &Erasure,
    depth: Depth,
) -> Result<Asked, StoreError> {
    let Erasure { id, user, asked_at } = erasure;
    // Whatever is put away while this looks is found by the next look.
    let put_away = session.count_put_away().await?;
    let traces = match depth {
        Depth::Rows => in_rows(session, user, *asked_at).await?,
        Depth::Everything => everywhere(session, user, *asked_at).await?,
    };
    let mut erased = Erased::default();
    for event in traces.put_away() {
        let here = session.erase_in(*id, event, user, &somebody()).await?;
        erased.coupons += here.coupons;
        erased.letters += here.letters;
    }
    if depth == Depth::Everything {
        for event in traces.lost() {
            erased.letters += session.erase_lost(*id, event, user, &somebody()).await?;
        }
        for event in traces.letters() {
            session.erase_in_messages(event, user, &somebody()).await?;
        }
        erased.reports = session.erase_in_reports(*id, user, &somebody()).await?;
        session.note_looked(erasure, put_away).await?;
        if traces.nothing_waits() && session.forget_erasure(*id).await? {
            info!(erasure = id, "whom it was about is forgotten");
        }
    }
    let outcome = if traces.nothing_waits() { Outcome::Erased } else { Outcome::Waits };
    Ok(asked(Some(*id), outcome, erased, &traces))
}

/// A new pseudonym.
fn somebody() -> UserId {
    pseudonym(rand::random())
}

fn asked(erasure: Option<u64>, outcome: Outcome, erased: Erased, traces: &Traces) -> Asked {
    let Erased { coupons, letters, reports } = erased;
    let waits_for = traces.live().map(ToString::to_string).collect();
    Asked {
        erasure,
        outcome,
        coupons,
        letters,
        reports,
        waits_for,
        letters_wait: traces.letters_wait,
    }
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
