//! How many units an event has.

use std::num::ParseIntError;
use std::str::FromStr;

/// Units for sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stock {
    /// So many.
    Units(u64),
    /// More than anybody asks for: it never sells out.
    Endless,
}

/// What an endless stock is in a store; Lua and JSON hold it exactly.
const ENDLESS: u64 = 1_000_000_000_000_000;

impl Stock {
    /// As a store has it.
    pub(crate) fn units(self) -> u64 {
        match self {
            Self::Units(units) => units,
            Self::Endless => ENDLESS,
        }
    }
}

impl FromStr for Stock {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        match text {
            "none" | "0" => Ok(Self::Endless),
            number => Ok(Self::Units(number.parse::<u64>()?.min(ENDLESS))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_zero_never_end() {
        assert_eq!("none".parse(), Ok(Stock::Endless));
        assert_eq!("0".parse(), Ok(Stock::Endless));
        assert_eq!("1000".parse(), Ok(Stock::Units(1_000)));
        assert!("-1".parse::<Stock>().is_err() && "many".parse::<Stock>().is_err());
    }
}
