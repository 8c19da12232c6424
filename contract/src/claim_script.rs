//! `lua/claim.lua`: its source, its arguments and its reply.
//!
//! KEYS state, wins, outbox. ARGV format, n, then n × (user, attempt, coupon, quantity).
//!
//! The reply is an array: `epoch, version, sequence, left, ms`, then one answer a claim; or an
//! empty array where the event's state is missing. An answer is an integer of [`Refusal`] or a text
//! whose first byte says what it is: `+sequence,nth` a new win, `=win` the user's own win again,
//! `#win;win` limit reached with the wins held, `!` only revoked ones.

use crate::coupon::{BadWin, Win, parse_wins};

/// The script.
pub const SOURCE: &str = include_str!("../../lua/claim.lua");

/// Format of the arguments that this build sends; the script refuses any other.
pub const FORMAT: u32 = 1;

/// The most claims of one call: beyond it nothing is gained and the call blocks Redis
/// (0.65 ms at 128, 2.4 ms at 512 wins; measured on Redis 7.0).
pub const MAX_CLAIMS: usize = 128;

/// Why a claim was not granted, for a user who holds nothing that would answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No unit is left.
    SoldOut,
    /// The operator has not opened the event, or its window has not begun.
    NotOpen,
    /// The event is over.
    Closed,
    /// Stopped by an operator.
    Paused,
    /// New units are about to go on sale.
    Reopening,
    /// This Redis process may not answer for the event.
    Fenced,
}

impl Refusal {
    /// The integer that the script answers with.
    pub fn code(self) -> i64 {
        match self {
            Self::SoldOut => 0,
            Self::NotOpen => 1,
            Self::Closed => 2,
            Self::Paused => 3,
            Self::Reopening => 4,
            Self::Fenced => 5,
        }
    }

    /// The refusal that an integer of the reply names.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::SoldOut, Self::NotOpen, Self::Closed, Self::Paused, Self::Reopening, Self::Fenced]
            .into_iter()
            .find(|refusal| refusal.code() == code)
    }
}

/// The beginning of every reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The event's epoch on this shard.
    pub epoch: u64,
    /// The operators' version that the shard carries.
    pub version: u64,
    /// The highest sequence number given, this call included.
    pub sequence: u64,
    /// Units left after this call.
    pub left: u64,
    /// Unix milliseconds on the shard's clock: when this call's wins were issued.
    pub ms: u64,
}

/// What the script answered to one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A new win: the coupon that was offered, with this number.
    Granted {
        /// Its number within the event.
        sequence: u64,
        /// Which of its user's wins it is, from 1.
        nth: u32,
    },
    /// The user holds this already, by this attempt or because the limit is 1.
    Again(Win),
    /// The user holds as many as allowed.
    LimitReached(Vec<Win>),
    /// The user's limit is used up by coupons that were revoked.
    Revoked,
    /// Nothing was granted.
    Refused(Refusal),
}

/// Why a reply cannot be understood. The claims' outcome is then unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// An integer or a text that no answer begins with.
    #[error("the claim script answered {0:?}, which is no answer")]
    Answer(String),
    /// A win in it is broken.
    #[error(transparent)]
    Win(#[from] BadWin),
}

/// Reads an answer that is an integer.
pub fn parse_code(code: i64) -> Result<Answer, BadReply> {
    Refusal::from_code(code).map(Answer::Refused).ok_or_else(|| BadReply::Answer(code.to_string()))
}

/// Reads an answer that is a text.
pub fn parse_text(text: &str) -> Result<Answer, BadReply> {
    let unknown = || BadReply::Answer(text.to_owned());
    match text.split_at_checked(1).ok_or_else(unknown)? {
        ("+", granted) => parse_granted(granted).ok_or_else(unknown),
        ("=", win) => Ok(Answer::Again(win.parse()?)),
        ("#", wins) => Ok(Answer::LimitReached(parse_wins(wins)?)),
        ("!", _) => Ok(Answer::Revoked),
        _ => Err(unknown()),
    }
}

fn parse_granted(text: &str) -> Option<Answer> {
    let (sequence, nth) = text.split_once(',')?;
    Some(Answer::Granted { sequence: sequence.parse().ok()?, nth: nth.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coupon::tests::win;

    #[test]
    fn every_answer_of_the_script_is_read() {
        assert_eq!(parse_text("+17,2"), Ok(Answer::Granted { sequence: 17, nth: 2 }));
        assert_eq!(parse_text(&format!("={}", win(3))), Ok(Answer::Again(win(3))));
        let both = format!("#{};{}", win(1), win(2));
        assert_eq!(parse_text(&both), Ok(Answer::LimitReached(vec![win(1), win(2)])));
        assert_eq!(parse_text("!"), Ok(Answer::Revoked));
        for code in 0..=5 {
            let refusal = Refusal::from_code(code).unwrap();
            assert_eq!(refusal.code(), code);
            assert_eq!(parse_code(code), Ok(Answer::Refused(refusal)));
        }
    }

    #[test]
    fn anything_else_is_unknown() {
        assert!(parse_code(6).is_err());
        assert!(parse_code(-1).is_err());
        for text in ["", "+", "+1", "+a,1", "=", "é", "?"] {
            assert!(parse_text(text).is_err(), "{text:?}");
        }
    }
}
