//! Who won an event: an export in the order of the numbers, a page at a time, so that ten million
//! rows need the memory of one page.
//!
//! It is no snapshot: a row that comes, or a coupon that is returned, while it runs is in it or not.

use contract::ids::EventId;
use serde::Serialize;

use super::view::time;
use crate::store::winners::Winner;
use crate::store::{Session, Store, StoreError};

/// Rows of one page: some 100 KiB of text.
const PAGE: u32 = 1_000;

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, the first line names the columns.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// A row as it is exported. Fields are added at the end, never renamed.
#[derive(Serialize)]
struct Row<'a> {
    sequence: u64,
    user_id: &'a str,
    user_nth: u32,
    coupon_id: String,
    quantity: u32,
    state: &'a str,
    issued_at: String,
}

const COLUMNS: &str = "sequence,user_id,user_nth,coupon_id,quantity,state,issued_at\n";

/// An export under way.
pub struct Export {
    store: Store,
    session: Session,
    event: EventId,
    format: Format,
    /// The last number that was written.
    after: u64,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Rows,
    End,
}

impl Format {
    /// The format that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// The lines of a page. An id has only letters, digits, `_` and `-`: nothing needs quotes.
    fn lines(self, winners: &[Winner]) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for winner in winners {
            let row = Row {
                sequence: winner.sequence,
                user_id: winner.user_id.as_str(),
                user_nth: winner.nth,
                coupon_id: winner.coupon_id.to_string(),
                quantity: winner.quantity,
                state: winner.state.as_str(),
                issued_at: time(winner.issued_at_ms),
            };
            match self {
                Self::Csv => text += &csv(&row),
                Self::Ndjson => text += &serde_json::to_string(&row)?,
            }
            text.push('\n');
        }
        Ok(text)
    }
}

fn csv(row: &Row<'_>) -> String {
    let Row { sequence, user_id, user_nth, coupon_id, quantity, state, issued_at } = row;
    format!("{sequence},{user_id},{user_nth},{coupon_id},{quantity},{state},{issued_at}")
}

impl Export {
    /// Begins one; None: there is no such event.
    pub async fn begin(
        store: Store,
        event: EventId,
        format: Format,
    ) -> Result<Option<Self>, StoreError> {
        let mut session = store.connect().await?;
        let known = session.event(&event).await?.is_some();
        let begin = Self { store, session, event, format, after: 0, at: At::Begin };
        Ok(known.then_some(begin))
    }

    /// The next lines; None: that was all. Whoever reads slowly holds no transaction open.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        match self.at {
            At::End => return Ok(None),
            At::Begin => {
                self.at = At::Rows;
                if self.format == Format::Csv {
                    return Ok(Some(COLUMNS.to_owned()));
                }
            }
            At::Rows => {}
        }
        self.store.renew(&mut self.session).await?;
        let winners = self.session.winners_after(&self.event, self.after, PAGE).await?;
        let Some(last) = winners.last() else {
            self.at = At::End;
            return Ok(None);
        };
        self.after = last.sequence;
        let unwritable = |error: serde_json::Error| StoreError::Schema(error.to_string());
        self.format.lines(&winners).map(Some).map_err(unwritable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::coupon::CouponState;
    use contract::ids::CouponId;

    #[test]
    fn a_row_is_a_line() {
        let winner = Winner {
            sequence: 7,
            user_id: "ann".parse().unwrap(),
            nth: 1,
            coupon_id: CouponId::from_bytes([1; 16]),
            quantity: 1,
            state: CouponState::Issued,
            issued_at_ms: 1_700_000_000_123,
        };
        let id = winner.coupon_id.to_string();
        let lines = |format: Format| format.lines(std::slice::from_ref(&winner)).unwrap();
        let csv = format!("7,ann,1,{id},1,issued,2023-11-14T22:13:20.123Z\n");
        assert_eq!(lines(Format::Csv), csv);
        assert_eq!(COLUMNS.matches(',').count(), csv.matches(',').count());
        let json: serde_json::Value = serde_json::from_str(&lines(Format::Ndjson)).unwrap();
        assert_eq!((&json["sequence"], &json["user_id"]), (&7.into(), &"ann".into()));
    }
}
