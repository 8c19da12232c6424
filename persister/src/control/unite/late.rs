//! Late records become rows, or are void.

use contract::record::{Issued, Told};
use tracing::{info, warn};

use super::Union;
use super::place::{Fate, place};
use super::refused::issued;
use crate::consume::batch::Reason;
use crate::metrics::{self, Settled};
use crate::store::epochs::{Compared, Moved};
use crate::store::union::{LogPlace, Waits};
use crate::store::{Session, StoreError};

/// Letters of one look.
const PAGE: usize = 500;

/// Every late record becomes a row, unless another stands in its way.
pub(super) async fn take(
    union: &Union<'_>,
    session: &mut Session,
) -> Result<Result<(), Moved>, StoreError> {
    let mut after = LogPlace::START;
    loop {
        let letters = session.waiting_letters(union.event, Waits::Late, after, PAGE).await?;
        let Some((last, _)) = letters.last() else {
            return Ok(Ok(()));
        };
        after = *last;
        let (places, wins): (Vec<LogPlace>, Vec<Issued>) = letters
            .iter()
            .filter_map(|(at, record)| Some((*at, issued(union.event, *at, record)?)))
            .unzip();
        let fates = match place(union, session, &wins).await? {
            Ok(fates) => fates,
            Err(moved) => return Ok(Err(moved)),
        };
        if let Compared::Moved(moved) = session.begin_as(union.author).await? {
            return Ok(Err(moved));
        }
        for ((at, win), fate) in places.into_iter().zip(&wins).zip(fates) {
            settle(session, at, win, fate).await?;
        }
        session.commit().await?;
    }
}

/// The letter follows its win's fate.
async fn settle(
    session: &mut Session,
    at: LogPlace,
    win: &Issued,
    fate: Fate,
) -> Result<(), StoreError> {
    let (event, coupon) = (&win.event_id, win.coupon_id);
    match fate {
        Fate::Row | Fate::Waits => {
            info!(%event, %coupon, "came late and is united");
            metrics::letters_settled(Settled::United, 1);
            session.resolve_letter(at).await
        }
        Fate::Void(why) => {
            // A pending win was never told: the fence stands in the directory before the marker.
            if win.told == Told::Pending {
                info!(%event, %coupon, why, "void; nobody was told");
            } else {
                warn!(%event, %coupon, why, told = win.told.as_str(), "void");
            }
            metrics::void_win(win.told);
            session.change_letter(at, Reason::Void.as_str(), &why).await
        }
        Fate::Refused(why) => {
            warn!(%event, %coupon, why, "MySQL refuses it");
            session.change_letter(at, Reason::Rejected.as_str(), &why).await
        }
    }
}
