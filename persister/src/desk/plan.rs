//! What bringing a letter again means: pure, so that every case is tested without a server.

use chrono::{DateTime, Utc};
use contract::coupon::Win;
use contract::ids::EventId;
use contract::record::{Issued, Record, decode};
use contract::topics::{HEADER_COUPON, HEADER_EVENT, HEADER_REQUEST};
use links::kafka::NewRecord;

use crate::consume::batch::Reason;
use crate::coupon_log::record_of;
use crate::dead_letters::{Headers, Origin, rfc3339};
use crate::store::dead_letters::MAX_RECORD_BYTES;
use crate::store::desk::Letter;

/// What a letter's record is, as this build reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A win.
    Win(Issued),
    /// The beginning of an epoch.
    Marker,
    /// Something that this build does not read; the leader may be a newer one.
    Unreadable,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// Its record is published, with its own facts.
    Publish(i32, NewRecord),
    /// Its event has been armed since. The shard holds a refused win all the while, so it is
    /// published with the epoch that shows it, if the shard does show it.
    AskShard(Issued),
    /// It is not brought again.
    Refuse(Refusal),
}

/// Why a letter is not brought again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Late.
    #[error("its event is being armed, which decides about it")]
    ArmingDecides,
    /// Longer than its column.
    #[error("its record is cut: it is longer than any that a build reads")]
    Cut,
    /// A marker.
    #[error("it marks the beginning of an epoch, and is no win")]
    Marker,
    /// No such event.
    #[error("there is no event {0}")]
    NoEvent(EventId),
    /// Of an epoch that MySQL has not begun: its partition would halt.
    #[error(
        "it is of epoch {found}, and {event} is at epoch {known}: an older backup was restored?"
    )]
    Ahead {
        /// Its event.
        event: EventId,
        /// The record's epoch.
        found: u64,
        /// MySQL's epoch.
        known: u64,
    },
    /// The shard does not hold its win.
    #[error("the shard does not show its win: arming the event puts it there")]
    NotShown,
    /// The shard cannot be asked.
    #[error("the shard cannot be asked whether it shows its win: {0}")]
    Shard(String),
}

/// Reads a letter's record.
pub(super) fn content(letter: &Letter) -> Content {
    match decode(letter.record.as_deref().unwrap_or_default()) {
        Ok(Record::Issued(win)) => Content::Win(win),
        Ok(Record::Marker(_)) => Content::Marker,
        Err(_) => Content::Unreadable,
    }
}

/// What bringing a letter again means. `epoch`: that of its win's event; None: there is no such event.
pub(super) fn plan(letter: &Letter, content: Content, epoch: Option<u64>) -> Plan {
    if letter.reason == Reason::Late {
        return Plan::Refuse(Refusal::ArmingDecides);
    }
    let win = match content {
        Content::Win(win) => win,
        Content::Marker => return Plan::Refuse(Refusal::Marker),
        Content::Unreadable => return raw(letter),
    };
    match epoch {
        None => Plan::Refuse(Refusal::NoEvent(win.event_id)),
        Some(known) if win.epoch > known => {
            let found = win.epoch;
            Plan::Refuse(Refusal::Ahead { event: win.event_id, found, known })
        }
        Some(known) if win.epoch < known && letter.reason == Reason::Rejected => {
            Plan::AskShard(win)
        }
        Some(_) => publish(letter, win),
    }
}

/// What the shard says of a refused win whose event was armed since.
pub(super) fn as_shown(letter: &Letter, win: Issued, epoch: u64, shown: &[Win]) -> Plan {
    let same = |one: &&Win| one.coupon == win.coupon_id && one.sequence == win.sequence;
    match shown.iter().find(same) {
        Some(_) => publish(letter, Issued { epoch, ..win }),
        None => Plan::Refuse(Refusal::NotShown),
    }
}

fn publish(letter: &Letter, win: Issued) -> Plan {
    let (part, mut record) = record_of(win);
    record.headers.extend(headers(letter));
    Plan::Publish(part, record)
}

/// Where it stood, byte for byte.
fn raw(letter: &Letter) -> Plan {
    if letter.record.as_ref().is_some_and(|bytes| bytes.len() >= MAX_RECORD_BYTES) {
        return Plan::Refuse(Refusal::Cut);
    }
    let record = NewRecord {
        key: letter.key.clone().unwrap_or_default(),
        value: letter.record.clone(),
        headers: headers(letter),
    };
    Plan::Publish(letter.place.part, record)
}

/// The letter that it is, and what its record's own headers said.
fn headers(letter: &Letter) -> Headers {
    let origin = Origin {
        place: letter.place,
        timestamp_ms: i64::try_from(letter.record_ms).unwrap_or(0),
        attempts: letter.attempts,
        first_failure: time(letter.first_failed_ms),
    };
    let own = [
        (HEADER_EVENT, letter.event_id.as_ref().map(ToString::to_string)),
        (HEADER_COUPON, letter.coupon_id.as_ref().map(ToString::to_string)),
        (HEADER_REQUEST, letter.request_id.clone()),
    ];
    let own =
        own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into_bytes())));
    own.chain(origin.headers()).collect()
}

fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
    time.map(rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::coupon::CouponState;
    use contract::ids::{Attempt, CouponId};
    use contract::record::{Marker, Told, encode};
    use contract::topics::partition_of;

    use crate::store::desk::LetterState;
    use crate::store::union::LogPlace;

    fn win(epoch: u64) -> Issued {
        Issued {
            epoch,
            event_id: "spring".parse().unwrap(),
            user_id: "ann".parse().unwrap(),
            coupon_id: CouponId::from_bytes([7; 16]),
            sequence: 3,
            attempt: Attempt::NONE,
            issued_at_ms: 1_700_000_000_123,
            quantity: 1,
            nth: 1,
            state: CouponState::Issued,
            revision: 1,
            told: Told::Replica,
        }
    }

    fn letter(reason: Reason, record: Vec<u8>) -> Letter {
        Letter {
            place: LogPlace { part: 4, offset: 17 },
            event_id: "spring".parse().ok(),
            coupon_id: None,
            reason,
            message: "why".to_owned(),
            record: Some(record),
            key: Some(b"key".to_vec()),
            record_ms: 1_700_000_000_000,
            request_id: Some("r-1".to_owned()),
            first_failed_ms: 1_700_000_001_000,
            last_failed_ms: 1_700_000_001_000,
            attempts: 2,
            replayed_ms: 0,
            resolved_ms: 0,
            state: LetterState::Waits,
            given_up: None,
        }
    }

    fn planned(reason: Reason, epoch: u64, known: Option<u64>) -> Plan {
        let letter = letter(reason, encode(&Record::Issued(win(epoch))));
        plan(&letter, content(&letter), known)
    }

    fn refused(plan: Plan) -> Refusal {
        match plan {
            Plan::Refuse(why) => why,
            other => panic!("{other:?}"),
        }
    }

    fn published(plan: Plan) -> (i32, NewRecord) {
        match plan {
            Plan::Publish(part, record) => (part, record),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_win_is_published_to_its_users_partition_with_its_own_facts_and_names_its_letter() {
        for reason in [Reason::Rejected, Reason::Breach, Reason::Undecodable] {
            let (part, record) = published(planned(reason, 2, Some(2)));
            assert_eq!(part, partition_of(b"spring/ann"));
            assert_eq!(decode(record.value.as_deref().unwrap()), Ok(Record::Issued(win(2))));
            assert_eq!(record.headers[HEADER_REQUEST], b"r-1");
            let origin = Origin::of(&record.headers).unwrap();
            assert_eq!((origin.place.part, origin.place.offset), (4, 17));
            assert_eq!((origin.attempts, origin.timestamp_ms), (2, 1_700_000_000_000));
            assert_eq!(origin.first_failure, "2023-11-14T22:13:21.000Z");
        }
    }

    #[test]
    fn of_an_epoch_that_is_over_only_a_refused_win_is_held_by_the_shard() {
        assert_eq!(planned(Reason::Rejected, 1, Some(2)), Plan::AskShard(win(1)));
        for reason in [Reason::Void, Reason::Breach] {
            let (_, record) = published(planned(reason, 1, Some(2)));
            assert_eq!(decode(record.value.as_deref().unwrap()), Ok(Record::Issued(win(1))));
        }
    }

    #[test]
    fn a_refused_win_gets_the_epoch_that_shows_it() {
        let letter = letter(Reason::Rejected, Vec::new());
        let shown = Win::from(&win(1));
        let (_, record) = published(as_shown(&letter, win(1), 5, &[shown]));
        assert_eq!(decode(record.value.as_deref().unwrap()), Ok(Record::Issued(win(5))));
        let other = Win { sequence: 9, ..shown };
        for shown in [&[][..], &[other]] {
            assert_eq!(refused(as_shown(&letter, win(1), 5, shown)), Refusal::NotShown);
        }
    }

    #[test]
    fn what_would_halt_a_partition_or_is_no_win_is_refused() {
        assert_eq!(refused(planned(Reason::Late, 1, Some(2))), Refusal::ArmingDecides);
        assert!(matches!(refused(planned(Reason::Rejected, 1, None)), Refusal::NoEvent(_)));
        let ahead = refused(planned(Reason::Rejected, 3, Some(2)));
        assert!(matches!(ahead, Refusal::Ahead { found: 3, known: 2, .. }), "{ahead:?}");
        let marker = Marker { epoch: 1, event_id: "spring".parse().unwrap() };
        let marker = letter(Reason::Rejected, encode(&Record::Marker(marker)));
        assert_eq!(refused(plan(&marker, content(&marker), None)), Refusal::Marker);
        let long = letter(Reason::Undecodable, vec![b' '; MAX_RECORD_BYTES]);
        assert_eq!(refused(plan(&long, content(&long), None)), Refusal::Cut);
    }

    #[test]
    fn what_this_build_cannot_read_goes_where_it_stood_byte_for_byte() {
        let poison = letter(Reason::Undecodable, b"poison".to_vec());
        let (part, record) = published(plan(&poison, content(&poison), None));
        assert_eq!((part, record.key.as_slice()), (4, &b"key"[..]));
        assert_eq!(record.value.as_deref(), Some(&b"poison"[..]));
        assert_eq!(record.headers[HEADER_EVENT], b"spring");
    }
}
