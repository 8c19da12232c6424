//! Wins that MySQL refused for good. They are no rows, but somebody may have been told of them: as
//! long as their letters wait they hold their units, their numbers and their users' places.

use std::collections::{HashMap, HashSet};

use contract::coupon::Win;
use contract::ids::{CouponId, EventId, UserId};
use contract::record::{Issued, Record, decode};
use tracing::warn;

use super::fit::units_of;
use crate::store::union::{LogPlace, Waits};
use crate::store::{Session, StoreError};

/// Letters of one look.
const PAGE: usize = 500;

/// All of an event's. They are few, or MySQL is broken; there are no more than units.
#[derive(Debug, Default)]
pub(super) struct Refused {
    by_user: HashMap<UserId, Vec<Win>>,
    coupons: HashSet<CouponId>,
}

impl Refused {
    /// Units that they hold.
    pub(super) fn units(&self) -> u64 {
        self.wins().map(|win| u64::from(units_of(win))).sum()
    }

    /// The highest number among them.
    pub(super) fn sequence(&self) -> u64 {
        self.wins().map(|win| win.sequence).max().unwrap_or(0)
    }

    /// By user.
    pub(super) fn by_user(&self) -> impl Iterator<Item = (&UserId, &[Win])> {
        self.by_user.iter().map(|(user, wins)| (user, wins.as_slice()))
    }

    fn wins(&self) -> impl Iterator<Item = &Win> {
        self.by_user.values().flatten()
    }

    /// The same win may have been refused more than once.
    fn add(&mut self, issued: &Issued) {
        if self.coupons.insert(issued.coupon_id) {
            self.by_user.entry(issued.user_id.clone()).or_default().push(issued.into());
        }
    }
}

/// Reads those of an event whose letters wait and whose place no row has taken.
pub(super) async fn read(session: &mut Session, event: &EventId) -> Result<Refused, StoreError> {
    let mut refused = Refused::default();
    let mut after = LogPlace::START;
    loop {
        let letters = session.waiting_letters(event, Waits::Rejected, after, PAGE).await?;
        let Some((last, _)) = letters.last() else {
            return Ok(refused);
        };
        after = *last;
        let wins: Vec<Issued> =
            letters.iter().filter_map(|(place, record)| issued(event, *place, record)).collect();
        for win in without_rows(session, event, wins).await? {
            refused.add(&win);
        }
    }
}

/// The win of a letter; None where it is another record.
pub(super) fn issued(event: &EventId, place: LogPlace, record: &[u8]) -> Option<Issued> {
    match decode(record) {
        Ok(Record::Issued(win)) if win.event_id == *event => Some(win),
        other => {
            warn!(%event, part = place.part, offset = place.offset, ?other, "no win of the event");
            None
        }
    }
}

/// Those whose number and user's place are free: rows stand.
async fn without_rows(
    session: &mut Session,
    event: &EventId,
    wins: Vec<Issued>,
) -> Result<Vec<Issued>, StoreError> {
    let sequences: Vec<u64> = wins.iter().map(|win| win.sequence).collect();
    let users: Vec<UserId> = wins.iter().map(|win| win.user_id.clone()).collect();
    let taken = session.sequences_taken(event, &sequences).await?;
    let rows = session.users(event, &users).await?;
    let places: HashSet<(UserId, u32)> = rows
        .into_iter()
        .flat_map(|rows| rows.wins.into_iter().map(move |win| (rows.user.clone(), win.nth)))
        .collect();
    let free = |win: &Issued| {
        !taken.contains(&win.sequence) && !places.contains(&(win.user_id.clone(), win.nth))
    };
    Ok(wins.into_iter().filter(free).collect())
}
