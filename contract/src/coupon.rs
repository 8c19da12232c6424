//! What a winner holds, and how Redis keeps it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{Attempt, CouponId};

/// What became of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponState {
    /// Held by its winner.
    Issued,
    /// Given back: its unit may be sold again, its number stays used.
    Returned,
    /// Taken away; keeps its unit, and counts against its user's limit.
    Revoked,
    /// Taken away, and its unit may be sold again; counts against its user's limit.
    Withdrawn,
}

impl CouponState {
    /// The word as every store spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Returned => "returned",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether its unit cannot be sold again.
    pub fn keeps_unit(self) -> bool {
        matches!(self, Self::Issued | Self::Revoked)
    }

    /// Whether it counts against its user's limit.
    pub fn keeps_place(self) -> bool {
        self != Self::Returned
    }

    /// The state that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Issued, Self::Returned, Self::Revoked, Self::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A granted claim. In Redis: `coupon,sequence,attempt,ms,quantity,nth,state,revision`.
///
/// `lua/claim.lua` writes the same text, and reads `attempt`, `quantity` and `state` from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Win {
    /// The coupon's id.
    pub coupon: CouponId,
    /// Its number within the event, from 1; never given twice.
    pub sequence: u64,
    /// The attempt that won it.
    pub attempt: Attempt,
    /// Unix milliseconds on the shard's clock.
    pub issued_at_ms: u64,
    /// Units.
    pub quantity: u32,
    /// Which of its user's wins of this event it is, from 1; returned ones count.
    pub nth: u32,
    /// What became of it.
    pub state: CouponState,
    /// Raised with every change of `state`.
    pub revision: u32,
}

/// A text in Redis is not a [`Win`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a win: {field} is missing or wrong in {text:?}")]
pub struct BadWin {
    /// The first field that could not be read.
    pub field: &'static str,
    /// The text.
    pub text: String,
}

impl fmt::Display for Win {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{},{},{},{},{},{},{},{}",
            self.coupon.to_hex(),
            self.sequence,
            self.attempt,
            self.issued_at_ms,
            self.quantity,
            self.nth,
            self.state.as_str(),
            self.revision
        )
    }
}

impl FromStr for Win {
    type Err = BadWin;

    fn from_str(text: &str) -> Result<Self, BadWin> {
        let mut parts = text.split(',');
        let mut next = |field| parts.next().ok_or_else(|| BadWin { field, text: text.to_owned() });
        let bad = |field| move || BadWin { field, text: text.to_owned() };
        let win = Self {
            coupon: next("coupon")?.parse().map_err(|_| bad("coupon")())?,
            sequence: next("sequence")?.parse().map_err(|_| bad("sequence")())?,
            attempt: next("attempt")?.parse().map_err(|_| bad("attempt")())?,
            issued_at_ms: next("ms")?.parse().map_err(|_| bad("ms")())?,
            quantity: next("quantity")?.parse().map_err(|_| bad("quantity")())?,
            nth: next("nth")?.parse().map_err(|_| bad("nth")())?,
            state: CouponState::parse(next("state")?).ok_or_else(bad("state"))?,
            revision: next("revision")?.parse().map_err(|_| bad("revision")())?,
        };
        match parts.next() {
            None => Ok(win),
            Some(_) => Err(bad("end")()),
        }
    }
}

/// Reads all wins of one user: a field of the wins hash, `win;win;…`.
pub fn parse_wins(text: &str) -> Result<Vec<Win>, BadWin> {
    text.split(';').map(str::parse).collect()
}

/// Writes all wins of one user as [`parse_wins`] reads them.
pub fn join_wins(wins: &[Win]) -> String {
    wins.iter().map(Win::to_string).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn win(sequence: u64) -> Win {
        Win {
            coupon: "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b".parse().unwrap(),
            sequence,
            attempt: Attempt::from_key(b"key"),
            issued_at_ms: 1_700_000_000_123,
            quantity: 1,
            nth: 1,
            state: CouponState::Issued,
            revision: 1,
        }
    }

    #[test]
    fn a_win_is_the_text_that_the_script_writes() {
        let text = "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b,7,-,1700000000123,1,1,issued,1";
        let parsed: Win = text.parse().unwrap();
        assert_eq!(parsed, Win { attempt: Attempt::NONE, ..win(7) });
        assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn what_a_coupon_keeps_follows_from_its_state() {
        use CouponState::{Issued, Returned, Revoked, Withdrawn};
        let keeps = [
            (Issued, true, true),
            (Returned, false, false),
            (Revoked, true, true),
            (Withdrawn, false, true),
        ];
        for (state, unit, place) in keeps {
            assert_eq!((state.keeps_unit(), state.keeps_place()), (unit, place), "{state:?}");
            assert_eq!(CouponState::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn several_wins_stay_in_order() {
        let wins = [win(1), Win { state: CouponState::Returned, revision: 2, ..win(2) }];
        assert_eq!(parse_wins(&join_wins(&wins)).unwrap(), wins);
    }

    #[test]
    fn a_broken_win_names_its_first_bad_field() {
        let good = win(7).to_string();
        let cases = [
            ("", "coupon"),
            ("0193a1b2c3d47e8f8a9b0c1d2e3f4a5b", "sequence"),
            (&good.replace(",7,", ",x,"), "sequence"),
            (&good.replace("issued", "lost"), "state"),
            (&format!("{good},1"), "end"),
        ];
        for (text, field) in cases {
            assert_eq!(text.parse::<Win>().unwrap_err().field, field, "{text}");
        }
    }
}
