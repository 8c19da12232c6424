//! The claim script over a [`ScriptConnection`]: arguments out, answers in.

use std::fmt::Write;
use std::sync::LazyLock;

use contract::claim_script::{self, Answer, BadReply, Header, parse_code, parse_text};
use contract::ids::{Attempt, CouponId, UserId};
use contract::keys::EventKeys;

use crate::redis::{RedisError, Reply, Script};
use crate::script_connection::{Held, ScriptConnection, WaitFor};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(claim_script::SOURCE));

/// One user's request for units of an event.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who asks.
    pub user: &'a UserId,
    /// Names this attempt; the same again gets the same coupon.
    pub attempt: Attempt,
    /// The coupon that a win would be.
    pub coupon: CouponId,
    /// Units.
    pub quantity: u32,
}

/// What a call of the claim script returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimReply {
    /// The event's state is missing: fenced, never fresh stock.
    Absent,
    /// One answer a claim, in their order.
    Answered {
        /// How the event stands after the call.
        header: Header,
        /// The answers.
        answers: Vec<Answer>,
    },
}

/// Asks for up to [`claim_script::MAX_CLAIMS`] claims of one event at once.
///
/// An answer that cannot be read is [`RedisError::Unknown`]: the claims may have been granted.
pub async fn claim(
    connection: &mut ScriptConnection,
    keys: &EventKeys,
    claims: &[Claim<'_>],
    wait: WaitFor,
) -> Result<(ClaimReply, Held), RedisError> {
    let args = Args::of(claims);
    let keys = [keys.state.as_str(), keys.wins.as_str(), keys.outbox.as_str()];
    let (reply, held) = connection.call(&SCRIPT, &keys, &args.words(), wait).await?;
    let reply = decode(&reply, claims.len()).map_err(|bad| RedisError::Unknown(bad.to_string()))?;
    Ok((reply, held))
}

/// ARGV, all words in one text.
pub struct Args {
    text: String,
    ends: Vec<usize>,
}

impl Args {
    /// The arguments for these claims, at most [`claim_script::MAX_CLAIMS`].
    pub fn of(claims: &[Claim<'_>]) -> Self {
        /// A user of usual length, an attempt, a coupon, a quantity.
        const BYTES_A_CLAIM: usize = 20 + 32 + 32 + 1;
        const WORDS_A_CLAIM: usize = 4;
        let mut args = Self {
            text: String::with_capacity(8 + claims.len() * BYTES_A_CLAIM),
            ends: Vec::with_capacity(2 + claims.len() * WORDS_A_CLAIM),
        };
        args.push(format_args!("{}", claim_script::FORMAT));
        args.push(format_args!("{}", claims.len()));
        for claim in claims {
            args.push(format_args!("{}", claim.user));
            args.push(format_args!("{}", claim.attempt));
            args.push(format_args!("{}", claim.coupon.to_hex()));
            args.push(format_args!("{}", claim.quantity));
        }
        args
    }

    fn push(&mut self, word: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(word);
        self.ends.push(self.text.len());
    }

    /// Word by word.
    pub fn words(&self) -> Vec<&str> {
        let mut start = 0;
        let word = |&end: &usize| &self.text[std::mem::replace(&mut start, end)..end];
        self.ends.iter().map(word).collect()
    }
}

/// Reads the script's reply to so many claims.
fn decode(reply: &Reply, claims: usize) -> Result<ClaimReply, BadReply> {
    let unknown = || BadReply::Answer(format!("{reply:?}"));
    let items = reply.items().ok_or_else(unknown)?;
    if items.is_empty() {
        return Ok(ClaimReply::Absent);
    }
    let [epoch, version, sequence, left, ms, answers @ ..] = items else {
        return Err(unknown());
    };
    if answers.len() != claims {
        return Err(unknown());
    }
    let number = |reply: &Reply| reply.integer()?.try_into().ok();
    let header = || {
        Some(Header {
            epoch: number(epoch)?,
            version: number(version)?,
            sequence: number(sequence)?,
            left: number(left)?,
            ms: number(ms)?,
        })
    };
    Ok(ClaimReply::Answered {
        header: header().ok_or_else(unknown)?,
        answers: answers.iter().map(decode_answer).collect::<Result<_, _>>()?,
    })
}

fn decode_answer(reply: &Reply) -> Result<Answer, BadReply> {
    match reply {
        Reply::Integer(code) => parse_code(*code),
        other => match other.text() {
            Some(text) => parse_text(text),
            None => Err(BadReply::Answer(format!("{other:?}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::claim_script::Refusal;

    #[test]
    fn the_arguments_are_as_the_script_reads_them() {
        let user: UserId = "ann".parse().unwrap();
        let coupon: CouponId = "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b".parse().unwrap();
        let claim = Claim { user: &user, attempt: Attempt::NONE, coupon, quantity: 2 };
        let attempt = Attempt::from_key(b"key");
        let args = Args::of(&[claim, Claim { attempt, ..claim }]);
        let hash = attempt.to_string();
        let hex = "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b";
        let words = ["1", "2", "ann", "-", hex, "2", "ann", hash.as_str(), hex, "2"];
        assert_eq!(args.words(), words);
        assert_eq!(Args::of(&[]).words(), ["1", "0"]);
    }

    fn header_then(answers: &[Reply]) -> Reply {
        Reply::Array([&[2, 3, 4, 5, 6].map(Reply::Integer), answers].concat())
    }

    #[test]
    fn replies_are_read_with_one_answer_a_claim() {
        assert_eq!(decode(&Reply::Array(vec![]), 3), Ok(ClaimReply::Absent));
        let reply = header_then(&[Reply::Integer(0), Reply::Text("+4,1".into())]);
        let header = Header { epoch: 2, version: 3, sequence: 4, left: 5, ms: 6 };
        let granted = Answer::Granted { sequence: 4, nth: 1 };
        assert_eq!(
            decode(&reply, 2),
            Ok(ClaimReply::Answered {
                header,
                answers: vec![Answer::Refused(Refusal::SoldOut), granted],
            })
        );
    }

    #[test]
    fn a_reply_of_another_shape_is_unknown() {
        let short = Reply::Array(vec![Reply::Integer(1)]);
        for reply in [Reply::Nil, short, header_then(&[]), header_then(&[Reply::Nil])] {
            assert!(decode(&reply, 1).is_err(), "{reply:?}");
        }
    }
}
