//! What is in a batch of records, and what becomes of each: pure, so that every case is tested
//! without a server.

use std::collections::{BTreeSet, HashMap};

use contract::ids::{CouponId, EventId};
use contract::pseudonym::is_pseudonym;
use contract::record::{Issued, Marker, Record, Told, decode};
use contract::topics::{HEADER_COUPON, HEADER_EVENT};
use links::kafka::StoredRecord;

use crate::dead_letters::Origin;
use crate::store::coupons::{EpochsOf, StoredCoupon};

/// Why a record cannot become a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is not a record of a format that this build reads.
    Undecodable,
    /// MySQL refuses it for good, or its event does not exist.
    Rejected,
    /// It belongs to an epoch that had ended before it came, and its coupon has no row; uniting
    /// decides.
    Late,
    /// It stays out: it came after its event was united, or another win has its place.
    Void,
    /// Another coupon holds its number or its user's place, or its coupon is somebody else's.
    Breach,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Undecodable, Self::Rejected, Self::Late, Self::Void, Self::Breach];

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The word, as the dead-letter topic, MySQL and metrics spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Rejected => "rejected",
            Self::Late => "late",
            Self::Void => "void",
            Self::Breach => "breach",
        }
    }
}

/// Why a record is a dead letter, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub reason: Reason,
    /// In a sentence.
    pub message: String,
    /// Its event, where it tells.
    pub event_id: Option<EventId>,
    /// Its coupon, where it tells.
    pub coupon_id: Option<CouponId>,
    /// How it stood with its user, where it tells.
    pub told: Option<Told>,
}

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A win.
    Win(Issued),
    /// The beginning of an epoch.
    Marker(Marker),
    /// It cannot become a row; the dead-letter topic does not have it yet.
    Doomed(Verdict),
    /// It cannot become a row; the dead-letter topic has it.
    DeadLetter(Verdict),
}

/// A record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// As it came.
    pub record: StoredRecord,
    /// What it is.
    pub content: Content,
    /// The dead letter that is brought again with it; None: it comes for the first time.
    pub origin: Option<Origin>,
}

impl Item {
    /// Turns it into a dead letter to be.
    pub fn doom(&mut self, reason: Reason, message: String) {
        let verdict = match &self.content {
            Content::Win(win) => verdict_on(win, reason, message),
            Content::Marker(marker) => Verdict {
                reason,
                message,
                event_id: Some(marker.event_id.clone()),
                coupon_id: None,
                told: None,
            },
            Content::Doomed(_) | Content::DeadLetter(_) => return,
        };
        self.content = Content::Doomed(verdict);
    }
}

/// Reads a batch.
pub fn read(records: Vec<StoredRecord>) -> Vec<Item> {
    let read_one = |record: StoredRecord| {
        let content = match decode(record.value.as_deref().unwrap_or_default()) {
            Ok(Record::Issued(win)) => Content::Win(win),
            Ok(Record::Marker(marker)) => Content::Marker(marker),
            Err(bad) => Content::Doomed(undecodable(&record, bad.to_string())),
        };
        let origin = Origin::of(&record.headers);
        Item { record, content, origin }
    };
    records.into_iter().map(read_one).collect()
}

/// The headers may tell whose it is even where the value does not.
fn undecodable(record: &StoredRecord, message: String) -> Verdict {
    let header = |name| record.headers.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok());
    Verdict {
        reason: Reason::Undecodable,
        message,
        event_id: header(HEADER_EVENT).and_then(|text| text.parse().ok()),
        coupon_id: header(HEADER_COUPON).and_then(|text| text.parse().ok()),
        told: None,
    }
}

fn verdict_on(win: &Issued, reason: Reason, message: String) -> Verdict {
    Verdict {
        reason,
        message,
        event_id: Some(win.event_id.clone()),
        coupon_id: Some(win.coupon_id),
        told: Some(win.told),
    }
}

/// The events that a batch names, each once.
pub fn events_of(items: &[Item]) -> Vec<EventId> {
    let named = items.iter().filter_map(|item| match &item.content {
        Content::Win(win) => Some(&win.event_id),
        Content::Marker(marker) => Some(&marker.event_id),
        Content::Doomed(_) | Content::DeadLetter(_) => None,
    });
    named.collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// A batch, sorted by what is to be done with each record.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sorted<'a> {
    /// To become rows, with their place in the batch.
    pub wins: Vec<(usize, &'a Issued)>,
    /// Of an epoch that had ended: replays, or else this, with their place in the batch.
    pub old: Vec<(usize, &'a Issued, Reason)>,
    /// Marks to be noted, with their offset.
    pub markers: Vec<(i64, &'a Marker)>,
    /// Dead letters to be, with their place in the batch.
    pub doomed: Vec<(usize, Verdict)>,
}

/// A record is of an epoch that MySQL has not begun. No epoch begins before MySQL says so: this is
/// an older copy of the database, and nothing may be written to it on the word of newer records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "offset {offset}: a record of epoch {found} of {event}, which MySQL has at epoch {known}: an \
     older backup was restored? Raise events.epoch above {found}, then it goes on"
)]
pub struct Ahead {
    /// Where.
    pub offset: i64,
    /// Which event.
    pub event: EventId,
    /// The record's epoch.
    pub found: u64,
    /// MySQL's epoch.
    pub known: u64,
}

/// Sorts a batch by how its events stand. A marker cuts what comes behind it.
pub fn sort<'a>(
    items: &'a [Item],
    events: &HashMap<EventId, EpochsOf>,
) -> Result<Sorted<'a>, Ahead> {
    let mut sorted = Sorted::default();
    let mut cuts: HashMap<&EventId, u64> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        let offset = item.record.offset;
        match &item.content {
            Content::Win(win) => match events.get(&win.event_id) {
                None => {
                    let message = format!("no event {} exists", win.event_id);
                    sorted.doomed.push((place, verdict_on(win, Reason::Rejected, message)));
                }
                Some(known) if win.epoch > known.epoch => {
                    return Err(ahead(offset, &win.event_id, win.epoch, known.epoch));
                }
                Some(known) => {
                    let cut = cuts.get(&win.event_id).copied().unwrap_or(0).max(known.cut);
                    if win.epoch >= cut {
                        sorted.wins.push((place, win));
                    } else if known.united {
                        sorted.old.push((place, win, Reason::Void));
                    } else {
                        sorted.old.push((place, win, Reason::Late));
                    }
                }
            },
            Content::Marker(marker) => match events.get(&marker.event_id) {
                None => sorted.doomed.push((place, no_such_event(marker))),
                Some(known) if marker.epoch > known.epoch => {
                    return Err(ahead(offset, &marker.event_id, marker.epoch, known.epoch));
                }
                Some(_) => {
                    let cut = cuts.entry(&marker.event_id).or_default();
                    *cut = marker.epoch.max(*cut);
                    sorted.markers.push((offset, marker));
                }
            },
            Content::Doomed(_) | Content::DeadLetter(_) => {}
        }
    }
    Ok(sorted)
}

fn ahead(offset: i64, event: &EventId, found: u64, known: u64) -> Ahead {
    Ahead { offset, event: event.clone(), found, known }
}

fn no_such_event(marker: &Marker) -> Verdict {
    Verdict {
        reason: Reason::Rejected,
        message: format!("no event {} exists", marker.event_id),
        event_id: Some(marker.event_id.clone()),
        coupon_id: None,
        told: None,
    }
}

/// Those of the wins that are no rows though they were added: another coupon stands in their way,
/// or their coupon's id is another win's.
pub fn breaches(
    wins: &[(usize, &Issued)],
    stored: &HashMap<CouponId, StoredCoupon>,
) -> Vec<(usize, Verdict)> {
    let breach = |&(place, win): &(usize, &Issued)| {
        let message = match stored.get(&win.coupon_id) {
            Some(row) if is_row_of(row, win) => return None,
            Some(row) => format!(
                "coupon {} is a row of {}/{}, its win {} with number {}",
                win.coupon_id, row.event_id, row.user_id, row.nth, row.sequence
            ),
            None => format!(
                "another coupon is win {} of {}/{} or has its number {}",
                win.nth, win.event_id, win.user_id, win.sequence
            ),
        };
        Some((place, verdict_on(win, Reason::Breach, message)))
    };
    wins.iter().filter_map(breach).collect()
}

/// Those of the wins of ended epochs that have no row.
pub fn late(
    old: &[(usize, &Issued, Reason)],
    stored: &HashMap<CouponId, StoredCoupon>,
) -> Vec<(usize, Verdict)> {
    let missing = |&(place, win, reason): &(usize, &Issued, Reason)| {
        if stored.get(&win.coupon_id).is_some_and(|row| is_row_of(row, win)) {
            return None;
        }
        let message = format!("epoch {} of {} had ended before it came", win.epoch, win.event_id);
        Some((place, verdict_on(win, reason, message)))
    };
    old.iter().filter_map(missing).collect()
}

/// Whether a row is that very win; its state may be a later one, and its user may have been erased
/// since: a record that is read again must not bring them back.
pub fn is_row_of(row: &StoredCoupon, win: &Issued) -> bool {
    row.event_id == win.event_id
        && (row.user_id == win.user_id || is_pseudonym(&row.user_id))
        && row.nth == win.nth
        && row.sequence == win.sequence
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
