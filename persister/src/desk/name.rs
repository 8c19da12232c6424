//! A letter's name, and the end of a page of letters, as operators write them.

use std::fmt;
use std::str::FromStr;

use contract::topics::COUPON_ISSUED_PARTITIONS;

use crate::store::desk::LetterCursor;
use crate::store::union::LogPlace;

/// A letter's name: partition and offset where its record stood first, such as `5/1234`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterName(pub LogPlace);

/// The end of a page, as a page says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub LetterCursor);

/// A text that names no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a letter is named PARTITION/OFFSET, such as 5/1234")]
pub struct BadName;

/// A text that ends no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not what a page says comes next")]
pub struct BadCursor;

impl FromStr for LetterName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (part, offset) = text.split_once('/').ok_or(BadName)?;
        let part: i32 = part.parse().map_err(|_| BadName)?;
        let offset: i64 = offset.parse().map_err(|_| BadName)?;
        let good = (0..COUPON_ISSUED_PARTITIONS).contains(&part) && offset >= 0;
        if good { Ok(Self(LogPlace { part, offset })) } else { Err(BadName) }
    }
}

impl fmt::Display for LetterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.part, self.0.offset)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (ms, name) = text.split_once('/').ok_or(BadCursor)?;
        let LetterName(place) = name.parse().map_err(|_| BadCursor)?;
        let first_failed_ms = ms.parse().map_err(|_| BadCursor)?;
        Ok(Self(LetterCursor { first_failed_ms, place }))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.first_failed_ms, LetterName(self.0.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        for text in ["0/0", "11/1234"] {
            assert_eq!(text.parse::<LetterName>().unwrap().to_string(), text);
        }
        assert_eq!("17/5/1234".parse::<Cursor>().unwrap().to_string(), "17/5/1234");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for bad in ["", "5", "12/1", "-1/1", "5/-1", "5/x", "5/1/2"] {
            assert_eq!(bad.parse::<LetterName>(), Err(BadName), "{bad}");
        }
        for bad in ["", "17", "5/1234", "x/5/1"] {
            assert_eq!(bad.parse::<Cursor>(), Err(BadCursor), "{bad}");
        }
    }
}
