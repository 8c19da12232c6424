//! The wire format of `coupon-issued`: JSON with `format` and `type`.

use serde::{Deserialize, Serialize};

use crate::coupon::{CouponState, Win};
use crate::ids::{Attempt, CouponId, EventId, UserId};

/// Format of the records that this build writes; it reads no other.
pub const FORMAT: u32 = 1;

/// The longest record that is decoded, in bytes; a longer one is a dead letter.
pub const MAX_RECORD_BYTES: usize = 4_096;

/// How a win stood with its user when its record was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Told, or free to be told, before it was published: a replica held it.
    Replica,
    /// Published first; told only afterwards, if at all.
    Pending,
    /// Found in the outbox by the relay: nobody here knows.
    Unknown,
}

impl Told {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Replica, Self::Pending, Self::Unknown];

    /// The word as every store spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// A win on its way to MySQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// The event's epoch when the win was granted or shown.
    pub epoch: u64,
    /// The event.
    pub event_id: EventId,
    /// The winner.
    pub user_id: UserId,
    /// The coupon.
    pub coupon_id: CouponId,
    /// Its number within the event.
    pub sequence: u64,
    /// The attempt that won it.
    pub attempt: Attempt,
    /// Unix milliseconds on the shard's clock.
    pub issued_at_ms: u64,
    /// Units.
    pub quantity: u32,
    /// Which of its user's wins it is, from 1.
    pub nth: u32,
    /// What became of the coupon.
    pub state: CouponState,
    /// Raised with every change of `state`.
    pub revision: u32,
    /// How it stood with its user.
    pub told: Told,
}

impl Issued {
    /// The record of a win.
    pub fn new(event_id: EventId, epoch: u64, user_id: UserId, win: &Win, told: Told) -> Self {
        Self {
            epoch,
            event_id,
            user_id,
            coupon_id: win.coupon,
            sequence: win.sequence,
            attempt: win.attempt,
            issued_at_ms: win.issued_at_ms,
            quantity: win.quantity,
            nth: win.nth,
            state: win.state,
            revision: win.revision,
            told,
        }
    }
}

impl From<&Issued> for Win {
    /// What the winner holds, as Redis keeps it.
    fn from(issued: &Issued) -> Self {
        Self {
            coupon: issued.coupon_id,
            sequence: issued.sequence,
            attempt: issued.attempt,
            issued_at_ms: issued.issued_at_ms,
            quantity: issued.quantity,
            nth: issued.nth,
            state: issued.state,
            revision: issued.revision,
        }
    }
}

/// A mark in every partition: records of older epochs behind it are late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The epoch that begins.
    pub epoch: u64,
    /// The event.
    pub event_id: EventId,
}

/// What stands in `coupon-issued`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A win.
    Issued(Issued),
    /// The beginning of an epoch.
    Marker(Marker),
}

/// Why bytes are not a [`Record`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// The record has no value.
    #[error("the record is empty")]
    Empty,
    /// More than [`MAX_RECORD_BYTES`].
    #[error("the record has {0} bytes; at most {MAX_RECORD_BYTES} are read")]
    TooLong(usize),
    /// Not JSON, or a field is missing, unknown or wrong.
    #[error("the record is not what format {FORMAT} describes: {0}")]
    Json(String),
    /// Written by another build.
    #[error("the record has format {0}; this build reads format {FORMAT}")]
    Format(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body<I, M> {
    Issued(I),
    Marker(M),
}

#[derive(Serialize)]
struct Envelope<'a> {
    format: u32,
    #[serde(flatten)]
    body: Body<&'a Issued, &'a Marker>,
}

/// Writes a record's value.
pub fn encode(record: &Record) -> Vec<u8> {
    let body = match record {
        Record::Issued(issued) => Body::Issued(issued),
        Record::Marker(marker) => Body::Marker(marker),
    };
    serde_json::to_vec(&Envelope { format: FORMAT, body })
        .expect("a record has only strings and numbers")
}

/// Reads a record's value.
pub fn decode(value: &[u8]) -> Result<Record, BadRecord> {
    if value.is_empty() {
        return Err(BadRecord::Empty);
    }
    if value.len() > MAX_RECORD_BYTES {
        return Err(BadRecord::TooLong(value.len()));
    }
    let json = |error: serde_json::Error| BadRecord::Json(error.to_string());
    let mut value: serde_json::Value = serde_json::from_slice(value).map_err(json)?;
    let format = value.as_object_mut().and_then(|fields| fields.remove("format"));
    let format = format.and_then(|format| format.as_u64()).and_then(|n| u32::try_from(n).ok());
    match format {
        Some(FORMAT) => {}
        Some(other) => return Err(BadRecord::Format(other)),
        None => return Err(BadRecord::Json("missing field `format`".to_owned())),
    }
    let body: Body<Issued, Marker> = serde_json::from_value(value).map_err(json)?;
    Ok(match body {
        Body::Issued(issued) => Record::Issued(issued),
        Body::Marker(marker) => Record::Marker(marker),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coupon::tests::win;

    fn issued() -> Record {
        let (event, user) = ("spring".parse().unwrap(), "ann".parse().unwrap());
        Record::Issued(Issued::new(event, 2, user, &win(7), Told::Replica))
    }

    #[test]
    fn records_come_back_as_they_were() {
        let marker = Record::Marker(Marker { epoch: 3, event_id: "spring".parse().unwrap() });
        for record in [issued(), marker] {
            assert_eq!(decode(&encode(&record)), Ok(record));
        }
    }

    #[test]
    fn a_record_holds_all_of_its_win() {
        let Record::Issued(issued) = issued() else { unreachable!("it is a win's") };
        assert_eq!(Win::from(&issued), win(7));
    }

    #[test]
    fn the_wire_format_is_this_one() {
        let text = String::from_utf8(encode(&issued())).unwrap();
        assert_eq!(
            text,
            "{\"format\":1,\"type\":\"issued\",\"epoch\":2,\"event_id\":\"spring\",\
             \"user_id\":\"ann\",\"coupon_id\":\"0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b\",\
             \"sequence\":7,\"attempt\":\"2c70e12b7a0646f92279f427c7b38e73\",\
             \"issued_at_ms\":1700000000123,\"quantity\":1,\"nth\":1,\"state\":\"issued\",\
             \"revision\":1,\"told\":\"replica\"}"
        );
    }

    #[test]
    fn what_is_not_a_record_says_why() {
        let good = String::from_utf8(encode(&issued())).unwrap();
        assert_eq!(decode(b""), Err(BadRecord::Empty));
        assert_eq!(decode(&vec![b' '; 5_000]), Err(BadRecord::TooLong(5_000)));
        let other = good.replace("\"format\":1", "\"format\":2");
        assert_eq!(decode(other.as_bytes()), Err(BadRecord::Format(2)));
        let cases = [
            ("poison", "expected value"),
            ("[]", "missing field `format`"),
            ("{\"format\":1}", "missing field `type`"),
            (&good.replace("\"ann\"", "\"a b\""), "may only contain"),
            (&good.replace("\"nth\":1", "\"nth\":-1"), "invalid value"),
            (&good.replace("\"nth\":1", "\"nth\":1,\"more\":1"), "unknown field `more`"),
            (&good.replace("\"told\":\"replica\"", "\"told\":\"maybe\""), "unknown variant"),
        ];
        for (text, why) in cases {
            match decode(text.as_bytes()) {
                Err(BadRecord::Json(message)) => assert!(message.contains(why), "{message}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
