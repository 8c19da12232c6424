//! One transaction: rows, markers, dead letters and the next offset, or nothing.

use contract::record::Issued;
use contract::topics::HEADER_REQUEST;

use super::batch::{Ahead, Content, Item, Reason, Verdict, breaches, events_of, late, sort};
use crate::dead_letters::{Origin, count};
use crate::failpoint::Point;
use crate::metrics::{self, Settled};
use crate::store::coupons::NewCoupon;
use crate::store::dead_letters::DeadLetterRow;
use crate::store::desk::Failed;
use crate::store::{Session, StoreError};

/// Which reader lands something, and where it believes to stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The partition.
    pub(super) part: i32,
    /// The first offset that is not in MySQL.
    pub(super) expected: i64,
    /// The reader's process, as it stands in the partitions' rows.
    pub(super) owner: &'a str,
}

/// What landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Rows that were not there before.
    pub(super) inserted: u64,
    /// Wins that had their row already.
    pub(super) replayed: u64,
    /// Markers noted.
    pub(super) markers: u64,
}

/// What a transaction came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// It lasts: everything up to `next` is in MySQL.
    Done { tally: Tally, next: i64 },
    /// Nothing was changed: these have to be dead letters first, by their place in the batch.
    Doomed(Vec<(usize, Verdict)>),
    /// Nothing was changed: the partition stands elsewhere or is somebody else's.
    Moved,
    /// Nothing was changed: MySQL is behind the records.
    Ahead(Ahead),
}

/// Lands a batch, which must not be empty. All its dead letters must be in the dead-letter topic.
pub(super) async fn land(
    session: &mut Session,
    place: Place<'_>,
    items: &[Item],
) -> Result<Landed, StoreError> {
    let Some(last) = items.last() else {
        return Ok(Landed::Done { tally: Tally::default(), next: place.expected });
    };
    let next = last.record.offset + 1;

    session.begin().await?;
    let events = session.epochs_of(place.part, &events_of(items)).await?;
    let sorted = match sort(items, &events) {
        Ok(sorted) => sorted,
        Err(ahead) => return undo(session, Landed::Ahead(ahead)).await,
    };
    let mut doomed = sorted.doomed;
    let inserted = insert(session, items, &sorted.wins, &mut doomed).await?;
    // After the rows: an old win may come again in the batch that brought it.
    doomed.extend(check_old(session, &sorted.old).await?);
    if !doomed.is_empty() {
        return undo(session, Landed::Doomed(doomed)).await;
    }
    for (offset, marker) in &sorted.markers {
        session.add_cut(&marker.event_id, place.part, marker.epoch, *offset).await?;
    }
    let again = note_letters(session, place.part, items).await?;
    Point::BeforeOffset.reach();
    if !session.advance(place.part, place.expected, next, place.owner).await? {
        return undo(session, Landed::Moved).await;
    }
    // Before the commit, whose answer may be lost: counted twice is better than never.
    for (verdict, failed) in again {
        count(verdict, failed);
    }
    Point::BeforeCommit.reach();
    session.commit().await?;
    Point::AfterCommit.reach();
    if Point::CommitAnswer.loses() {
        return Err(StoreError::Unreachable("lost at a failpoint".to_owned()));
    }

    let again = |item: &&Item| matches!(item.content, Content::Win(_)) && item.origin.is_some();
    let replayed = items.iter().filter(again).count();
    metrics::letters_settled(Settled::Replayed, u64::try_from(replayed).unwrap_or(u64::MAX));
    let wins = sorted.wins.len() + sorted.old.len();
    let tally = Tally {
        inserted,
        replayed: u64::try_from(wins).unwrap_or(u64::MAX) - inserted,
        markers: u64::try_from(sorted.markers.len()).unwrap_or(u64::MAX),
    };
    Ok(Landed::Done { tally, next })
}

async fn undo(session: &mut Session, landed: Landed) -> Result<Landed, StoreError> {
    session.roll_back().await?;
    Ok(landed)
}

/// Adds rows. Where fewer are new than were sent, the others are replays or breaches.
async fn insert(
    session: &mut Session,
    items: &[Item],
    wins: &[(usize, &Issued)],
    doomed: &mut Vec<(usize, Verdict)>,
) -> Result<u64, StoreError> {
    let new = |&(place, win)| NewCoupon { win, request_id: request_of(&items[place]) };
    let rows: Vec<NewCoupon<'_>> = wins.iter().map(new).collect();
    let inserted = session.insert_coupons(&rows).await?;
    if usize::try_from(inserted) != Ok(rows.len()) {
        let ids: Vec<_> = wins.iter().map(|(_, win)| win.coupon_id).collect();
        let stored = session.coupons(&ids).await?;
        doomed.extend(breaches(wins, &stored));
    }
    Ok(inserted)
}

async fn check_old(
    session: &mut Session,
    old: &[(usize, &Issued, Reason)],
) -> Result<Vec<(usize, Verdict)>, StoreError> {
    let ids: Vec<_> = old.iter().map(|(_, win, _)| win.coupon_id).collect();
    Ok(late(old, &session.coupons(&ids).await?))
}

/// Letters of the batch, and what became of those that were brought again with it; returns those
/// that failed again.
async fn note_letters<'a>(
    session: &mut Session,
    part: i32,
    items: &'a [Item],
) -> Result<Vec<(&'a Verdict, Failed)>, StoreError> {
    let mut again = Vec::new();
    for item in items {
        match (&item.content, item.origin.as_ref().map(Origin::place)) {
            (Content::Win(_), Some(letter)) => session.replay_landed(letter).await?,
            (Content::DeadLetter(verdict), Some(letter)) => {
                let row = row_of(part, item, verdict);
                let failed = session.replay_failed(letter, &row).await?;
                if failed == Failed::NoLetter {
                    session.add_dead_letter(&row).await?;
                }
                again.push((verdict, failed));
            }
            (Content::DeadLetter(verdict), None) => {
                session.add_dead_letter(&row_of(part, item, verdict)).await?;
            }
            (Content::Win(_) | Content::Marker(_) | Content::Doomed(_), _) => {}
        }
    }
    Ok(again)
}

fn row_of<'a>(part: i32, item: &'a Item, verdict: &'a Verdict) -> DeadLetterRow<'a> {
    DeadLetterRow {
        part,
        offset: item.record.offset,
        event_id: verdict.event_id.as_ref(),
        coupon_id: verdict.coupon_id.as_ref(),
        reason: verdict.reason.as_str(),
        message: &verdict.message,
        record: item.record.value.as_deref(),
        key: item.record.key.as_deref(),
        timestamp_ms: item.record.timestamp_ms,
        request_id: request_of(item),
    }
}

/// The id of the request that a record's win answers, where its headers tell.
fn request_of(item: &Item) -> Option<&str> {
    let id = item.record.headers.get(HEADER_REQUEST)?;
    std::str::from_utf8(id).ok()
}
