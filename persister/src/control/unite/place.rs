//! Gives wins their rows, as far as they fit.

use std::collections::HashMap;

use contract::coupon::Win;
use contract::ids::{CouponId, UserId};
use contract::record::Issued;

use super::Union;
use super::fit::Holdings;
use super::refused;
use crate::consume::batch::is_row_of;
use crate::store::coupons::{NewCoupon, StoredCoupon};
use crate::store::epochs::{Compared, Locked, Moved};
use crate::store::{Retry, Session, StoreError};

/// What became of a win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is a row.
    Row,
    /// MySQL refused it before; its letter waits.
    Waits,
    /// It does not fit beside the rows, for this reason.
    Void(String),
    /// MySQL refuses it for good, for this reason.
    Refused(String),
}

/// Gives each win its row, if it fits, in one transaction; returns their fates in order.
pub(super) async fn place(
    union: &Union<'_>,
    session: &mut Session,
    wins: &[Issued],
) -> Result<Result<Vec<Fate>, Moved>, StoreError> {
    match place_all(union, session, wins).await {
        Err(error) if error.retry() == Retry::Permanent => {}
        placed => return placed,
    }
    // One by one, so that a win that MySQL refuses keeps none of the others back.
    let mut fates = Vec::with_capacity(wins.len());
    for win in wins {
        *session = union.hands.store.connect().await?;
        match place_all(union, session, std::slice::from_ref(win)).await {
            Ok(Ok(placed)) => fates.extend(placed),
            Ok(Err(moved)) => return Ok(Err(moved)),
            Err(error) if error.retry() == Retry::Permanent => {
                fates.push(Fate::Refused(error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    union.hands.store.renew(session).await?;
    Ok(Ok(fates))
}

async fn place_all(
    union: &Union<'_>,
    session: &mut Session,
    wins: &[Issued],
) -> Result<Result<Vec<Fate>, Moved>, StoreError> {
    let locked = match session.begin_as(union.author).await? {
        Compared::Done(locked) => locked,
        Compared::Moved(moved) => return Ok(Err(moved)),
    };
    let ids: Vec<CouponId> = wins.iter().map(|win| win.coupon_id).collect();
    let stored = session.coupons(&ids).await?;
    let mut fates: HashMap<CouponId, Fate> = HashMap::new();
    for win in wins {
        if let Some(row) = stored.get(&win.coupon_id) {
            fates.insert(win.coupon_id, beside(session, row, win).await?);
        }
    }
    let rest: Vec<&Issued> =
        wins.iter().filter(|win| !stored.contains_key(&win.coupon_id)).collect();
    if !rest.is_empty() {
        insert(union, session, locked, &rest, &mut fates).await?;
    }
    session.commit().await?;
    Ok(Ok(wins.iter().filter_map(|win| fates.get(&win.coupon_id).cloned()).collect()))
}

/// Of a win and the row with its coupon the later state stands.
async fn beside(
    session: &mut Session,
    row: &StoredCoupon,
    win: &Issued,
) -> Result<Fate, StoreError> {
    if !is_row_of(row, win) {
        return Ok(Fate::Void(format!(
            "coupon {} is a row of {}/{}, its win {} with number {}",
            win.coupon_id, row.event_id, row.user_id, row.nth, row.sequence
        )));
    }
    if win.revision > row.revision {
        session.raise_revision(&win.into()).await?;
    }
    Ok(Fate::Row)
}

/// Adds those that fit beside the rows and beside what MySQL refused.
async fn insert(
    union: &Union<'_>,
    session: &mut Session,
    locked: Locked,
    wins: &[&Issued],
    fates: &mut HashMap<CouponId, Fate>,
) -> Result<(), StoreError> {
    let ids: Vec<CouponId> = wins.iter().map(|win| win.coupon_id).collect();
    let waiting = session.refused(union.event, &ids).await?;
    let mut holdings = holdings(union, session, locked, wins).await?;
    let mut rows: Vec<NewCoupon<'_>> = Vec::new();
    for win in wins {
        // The same win may have come more than once.
        if fates.contains_key(&win.coupon_id) {
            continue;
        }
        let fate = if waiting.contains(&win.coupon_id) {
            Fate::Waits
        } else {
            match holdings.add(&win.user_id, &Win::from(*win)) {
                Ok(()) => {
                    rows.push(NewCoupon { win, request_id: None });
                    Fate::Row
                }
                Err(misfit) => Fate::Void(misfit.to_string()),
            }
        };
        fates.insert(win.coupon_id, fate);
    }
    session.insert_coupons(&rows).await?;
    Ok(())
}

async fn holdings(
    union: &Union<'_>,
    session: &mut Session,
    locked: Locked,
    wins: &[&Issued],
) -> Result<Holdings, StoreError> {
    let users: Vec<_> = wins.iter().map(|win| win.user_id.clone()).collect();
    let sequences: Vec<u64> = wins.iter().map(|win| win.sequence).collect();
    let rows = session.users(union.event, &users).await?;
    let mut taken = session.sequences_taken(union.event, &sequences).await?;
    let refused = refused::read(session, union.event).await?;
    let mut by_user: HashMap<UserId, Vec<Win>> =
        rows.into_iter().map(|rows| (rows.user, rows.wins)).collect();
    for (user, wins) in refused.by_user() {
        taken.extend(wins.iter().map(|win| win.sequence));
        by_user.entry(user.clone()).or_default().extend_from_slice(wins);
    }
    let held = session.ledger(union.event).await?.held + refused.units();
    let stock = locked.stock.max(union.shard_stock);
    Ok(Holdings::new(by_user, taken, stock.saturating_sub(held), locked.limit))
}
