//! One line of a history: what was asked and what was answered, in the order of writing.
//!
//! Fields are separated by tabs. Times are microseconds of one monotonic clock since the history
//! began, so that "before" and "after" can be proven from them.
//!
//! ```text
//! H  1  event  created|existing  stock  limit  unix milliseconds of the beginning
//! Q  request  asked at   user  attempt key or -
//! A  request  answered at  status  code  coupon,sequence;coupon,sequence or -
//! X  request  given up at  why
//! P  seen at  rows that MySQL has of the event
//! O  begun at  ended at or -  pause|resume|close|top_up|lower|return|revoke  units,
//!    coupon or -
//! ```
//!
//! A request without an A line is *unknown*: it may have been carried out.

use std::fmt;

use contract::ids::{CouponId, EventId};

use super::operation::{Operated, Operation};

/// Format of the histories that this build writes and reads.
pub const FORMAT: u32 = 1;

/// Where the event of a history comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Made for this history: nobody had asked before it began.
    Created,
    /// Was there before: others may have asked, or ask beside it.
    Existing,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Existing => "existing",
        }
    }
}

/// The first line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The event that was asked for.
    pub event: EventId,
    /// Where it comes from.
    pub origin: Origin,
    /// Units when the history began.
    pub stock: u64,
    /// Units that one user may hold.
    pub limit: u32,
    /// Unix milliseconds at time 0 of the history, for people who compare it with logs.
    pub began_ms: u64,
}

/// A coupon as a client was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ToldCoupon {
    /// Its id.
    pub coupon: CouponId,
    /// Its number within the event.
    pub sequence: u64,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// No connection could be made: the request was not sent.
    NotConnected,
    /// The connection ended before the answer was complete.
    Disconnected,
    /// No answer within the request's deadline.
    TimedOut,
    /// An answer that cannot be understood.
    Garbled,
}

impl Lost {
    fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed_out",
            Self::Garbled => "garbled",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::NotConnected, Self::Disconnected, Self::TimedOut, Self::Garbled]
            .into_iter()
            .find(|lost| lost.as_str() == word)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// What the history is about.
    Header(Header),
    /// A request, written before it is sent.
    Asked {
        /// Its number, never used twice in a history.
        request: u64,
        /// Not later than its sending.
        at_us: u64,
        /// Who asks.
        user: &'a str,
        /// The `Idempotency-Key`, if any.
        attempt: Option<&'a str>,
    },
    /// An answer.
    Answered {
        /// The request that it answers.
        request: u64,
        /// Not earlier than its arrival.
        at_us: u64,
        /// HTTP status.
        status: u16,
        /// The answer's `outcome` or problem `code`; `other` for a word outside the contract.
        code: &'a str,
        /// The coupons that it names.
        coupons: Vec<ToldCoupon>,
    },
    /// A request that the client gave up on.
    Lost {
        /// The request.
        request: u64,
        /// When it was given up.
        at_us: u64,
        /// Why.
        why: Lost,
    },
    /// How far the way to MySQL was.
    Persisted {
        /// Not earlier than the rows were there.
        at_us: u64,
        /// Rows of the event.
        rows: u64,
    },
    /// What an operator did.
    Operated(Operated),
}

/// A line is not what this build writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is missing or wrong in {text:?}")]
pub struct BadLine {
    /// The first field that could not be read.
    pub field: &'static str,
    /// The line.
    pub text: String,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(header) => write!(
                f,
                "H\t{FORMAT}\t{}\t{}\t{}\t{}\t{}",
                header.event,
                header.origin.as_str(),
                header.stock,
                header.limit,
                header.began_ms
            ),
            Self::Asked { request, at_us, user, attempt } => {
                write!(f, "Q\t{request}\t{at_us}\t{user}\t{}", attempt.unwrap_or("-"))
            }
            Self::Answered { request, at_us, status, code, coupons } => {
                write!(f, "A\t{request}\t{at_us}\t{status}\t{code}\t")?;
                write_coupons(f, coupons)
            }
            Self::Lost { request, at_us, why } => {
                write!(f, "X\t{request}\t{at_us}\t{}", why.as_str())
            }
            Self::Persisted { at_us, rows } => write!(f, "P\t{at_us}\t{rows}"),
            Self::Operated(Operated { begun_us, ended_us, operation }) => {
                let ended = ended_us.map_or_else(|| "-".to_owned(), |at_us| at_us.to_string());
                write!(f, "O\t{begun_us}\t{ended}\t{operation}")
            }
        }
    }
}

fn write_coupons(f: &mut fmt::Formatter<'_>, coupons: &[ToldCoupon]) -> fmt::Result {
    if coupons.is_empty() {
        return f.write_str("-");
    }
    for (nth, told) in coupons.iter().enumerate() {
        let separator = if nth == 0 { "" } else { ";" };
        write!(f, "{separator}{},{}", told.coupon, told.sequence)?;
    }
    Ok(())
}

/// Reads a line, without its line feed.
pub fn parse(text: &str) -> Result<Line<'_>, BadLine> {
    let mut fields = Fields { text, parts: text.split('\t') };
    let line = match fields.word("kind")? {
        "H" => Line::Header(parse_header(&mut fields)?),
        "Q" => Line::Asked {
            request: fields.value("request")?,
            at_us: fields.value("time")?,
            user: fields.word("user")?,
            attempt: Some(fields.word("attempt")?).filter(|&key| key != "-"),
        },
        "A" => Line::Answered {
            request: fields.value("request")?,
            at_us: fields.value("time")?,
            status: fields.value("status")?,
            code: fields.word("code")?,
            coupons: parse_coupons(&mut fields)?,
        },
        "X" => Line::Lost {
            request: fields.value("request")?,
            at_us: fields.value("time")?,
            why: Lost::parse(fields.word("why")?).ok_or_else(|| fields.bad("why"))?,
        },
        "P" => Line::Persisted { at_us: fields.value("time")?, rows: fields.value("rows")? },
        "O" => Line::Operated(parse_operated(&mut fields)?),
        _ => return Err(fields.bad("kind")),
    };
    match fields.parts.next() {
        None => Ok(line),
        Some(_) => Err(fields.bad("end")),
    }
}

fn parse_header(fields: &mut Fields<'_>) -> Result<Header, BadLine> {
    if fields.value::<u32>("format")? != FORMAT {
        return Err(fields.bad("format"));
    }
    Ok(Header {
        event: fields.value("event")?,
        origin: match fields.word("origin")? {
            "created" => Origin::Created,
            "existing" => Origin::Existing,
            _ => return Err(fields.bad("origin")),
        },
        stock: fields.value("stock")?,
        limit: fields.value("limit")?,
        began_ms: fields.value("beginning")?,
    })
}

fn parse_operated(fields: &mut Fields<'_>) -> Result<Operated, BadLine> {
    let begun_us = fields.value("time")?;
    let ended_us = match fields.word("end")? {
        "-" => None,
        text => Some(text.parse().map_err(|_| fields.bad("end"))?),
    };
    let (word, argument) = (fields.word("operation")?, fields.word("argument")?);
    let operation = Operation::parse(word, argument).ok_or_else(|| fields.bad("operation"))?;
    Ok(Operated { begun_us, ended_us, operation })
}

fn parse_coupons(fields: &mut Fields<'_>) -> Result<Vec<ToldCoupon>, BadLine> {
    let text = fields.word("coupons")?;
    if text == "-" {
        return Ok(Vec::new());
    }
    let coupon = |part: &str| {
        let (coupon, sequence) = part.split_once(',')?;
        Some(ToldCoupon { coupon: coupon.parse().ok()?, sequence: sequence.parse().ok()? })
    };
    let coupons: Option<Vec<_>> = text.split(';').map(coupon).collect();
    coupons.ok_or_else(|| fields.bad("coupons"))
}

struct Fields<'a> {
    text: &'a str,
    parts: std::str::Split<'a, char>,
}

impl<'a> Fields<'a> {
    fn word(&mut self, field: &'static str) -> Result<&'a str, BadLine> {
        let word = self.parts.next().filter(|word| !word.is_empty());
        word.ok_or_else(|| self.bad(field))
    }

    fn value<T: std::str::FromStr>(&mut self, field: &'static str) -> Result<T, BadLine> {
        self.word(field)?.parse().map_err(|_| self.bad(field))
    }

    fn bad(&self, field: &'static str) -> BadLine {
        BadLine { field, text: self.text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUPON: &str = "0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b";

    #[test]
    fn every_line_comes_back_as_it_was_written() {
        let lines = [
            "H\t1\tspring\tcreated\t1000\t1\t1700000000123".to_owned(),
            "H\t1\tspring\texisting\t1000\t2\t1700000000123".to_owned(),
            "Q\t1\t17\tann\t-".to_owned(),
            "Q\t2\t18\tbob\tkey-1".to_owned(),
            format!("A\t1\t90\t200\tissued\t{COUPON},7"),
            format!("A\t1\t90\t409\tlimit_reached\t{COUPON},7;{COUPON},9"),
            "A\t2\t91\t409\tsold_out\t-".to_owned(),
            "X\t3\t92\tnot_connected".to_owned(),
            "X\t3\t92\tdisconnected".to_owned(),
            "X\t3\t92\ttimed_out".to_owned(),
            "X\t3\t92\tgarbled".to_owned(),
            "P\t99\t1000".to_owned(),
            "O\t50\t60\tpause\t-".to_owned(),
            "O\t50\t-\tresume\t-".to_owned(),
            "O\t50\t60\tclose\t-".to_owned(),
            "O\t50\t60\ttop_up\t500".to_owned(),
            "O\t50\t60\tlower\t5".to_owned(),
            format!("O\t50\t60\treturn\t{COUPON}"),
            format!("O\t50\t60\trevoke\t{COUPON}"),
        ];
        for text in lines {
            assert_eq!(parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_broken_line_names_its_first_bad_field() {
        let cases = [
            ("", "kind"),
            ("Z\t1", "kind"),
            ("H\t2\tspring\tcreated\t1\t1\t1", "format"),
            ("H\t1\ta b\tcreated\t1\t1\t1", "event"),
            ("H\t1\tspring\tfound\t1\t1\t1", "origin"),
            ("Q\tx\t1\tann\t-", "request"),
            ("Q\t1\t1\tann", "attempt"),
            ("A\t1\t1\t70000\tissued\t-", "status"),
            ("A\t1\t1\t200\tissued\tabc,1", "coupons"),
            ("A\t1\t1\t200\tissued\t-\tmore", "end"),
            ("X\t1\t1\tbored", "why"),
            ("P\t1\t-1", "rows"),
            ("O\t1\tx\tpause\t-", "end"),
            ("O\t1\t2\ttop_up\t-", "operation"),
            ("O\t1\t2\tdestroy\t-", "operation"),
        ];
        for (text, field) in cases {
            assert_eq!(parse(text).unwrap_err().field, field, "{text:?}");
        }
    }
}
