//! What an operator did beside a rush, as a history notes it.

use std::fmt;

use contract::ids::CouponId;

/// What an operator asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Nobody new is granted anything for a while.
    Pause,
    /// The event goes on.
    Resume,
    /// Nobody new is granted anything any more.
    Close,
    /// So many units more.
    TopUp(u64),
    /// So many units fewer; nobody held them.
    Lower(u64),
    /// A coupon was given back: its unit may be sold again.
    Return(CouponId),
    /// A coupon was taken away; its unit is not sold again.
    Revoke(CouponId),
    /// A coupon was taken away; its unit may be sold again.
    Withdraw(CouponId),
}

/// Something that an operator did, and between when and when it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operated {
    /// Not later than it took effect.
    pub begun_us: u64,
    /// Not earlier than shard and directory carried it; `None`: nobody knows whether they did.
    pub ended_us: Option<u64>,
    /// What.
    pub operation: Operation,
}

impl Operated {
    /// When it had surely taken effect; never, where nobody knows.
    pub fn surely_us(&self) -> u64 {
        self.ended_us.unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("pause\t-"),
            Self::Resume => f.write_str("resume\t-"),
            Self::Close => f.write_str("close\t-"),
            Self::TopUp(units) => write!(f, "top_up\t{units}"),
            Self::Lower(units) => write!(f, "lower\t{units}"),
            Self::Return(coupon) => write!(f, "return\t{coupon}"),
            Self::Revoke(coupon) => write!(f, "revoke\t{coupon}"),
            Self::Withdraw(coupon) => write!(f, "withdraw\t{coupon}"),
        }
    }
}

impl Operation {
    /// The units of an event that had so many.
    pub fn stock_after(&self, stock: u64) -> u64 {
        match self {
            Self::TopUp(units) => stock.saturating_add(*units),
            Self::Lower(units) => stock.saturating_sub(*units),
            _ => stock,
        }
    }

    /// The operation that a word and its argument name.
    pub fn parse(word: &str, argument: &str) -> Option<Self> {
        Some(match (word, argument) {
            ("pause", "-") => Self::Pause,
            ("resume", "-") => Self::Resume,
            ("close", "-") => Self::Close,
            ("top_up", units) => Self::TopUp(units.parse().ok()?),
            ("lower", units) => Self::Lower(units.parse().ok()?),
            ("return", coupon) => Self::Return(coupon.parse().ok()?),
            ("revoke", coupon) => Self::Revoke(coupon.parse().ok()?),
            ("withdraw", coupon) => Self::Withdraw(coupon.parse().ok()?),
            _ => return None,
        })
    }
}
