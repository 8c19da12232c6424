//! Wins of the shard become rows.

use chrono::Utc;
use contract::ids::UserId;
use contract::record::{Issued, Told};
use tracing::{error, warn};

use super::Union;
use super::place::{Fate, place};
use crate::consume::batch::Reason;
use crate::control::arm::{Or, taken};
use crate::control::shard::{InArming, armed_wins, put_wins};
use crate::control::take::{Taken, Trouble};
use crate::coupon_log::record_of;
use crate::metrics;
use crate::store::Session;
use crate::store::dead_letters::DeadLetterRow;
use crate::store::epochs::Compared;

/// About the users of one page.
const PAGE: u32 = 500;

/// Every win of the shard becomes a row, unless another stands in its way.
pub(super) async fn take(union: &Union<'_>, session: &mut Session) -> Result<Or<()>, Trouble> {
    let mut cursor = 0;
    loop {
        let page = match armed_wins(&union.hands.cluster, union.armed, cursor, PAGE).await? {
            InArming::Done(page) => page,
            InArming::Moved => return Ok(Err(Taken::LookAgain)),
        };
        if !page.unreadable.is_empty() {
            let users = page.unreadable.len();
            error!(event = %union.event, users, "wins that cannot be read: reconcile names them");
        }
        let wins: Vec<Issued> = page
            .users
            .iter()
            .flat_map(|user| user.wins.iter().map(|win| issued(union, &user.user, win)))
            .collect();
        if !wins.is_empty() {
            let fates = match place(union, session, &wins).await? {
                Ok(fates) => fates,
                Err(moved) => return Ok(Err(taken(moved))),
            };
            for (win, fate) in wins.into_iter().zip(fates) {
                if let Err(moved) = carry_out(union, session, win, fate).await? {
                    return Ok(Err(moved));
                }
            }
        }
        cursor = page.cursor;
        if cursor == 0 {
            return Ok(Ok(()));
        }
    }
}

/// Of the epoch before: behind the marker its record says that it was granted before the fence.
fn issued(union: &Union<'_>, user: &UserId, win: &contract::coupon::Win) -> Issued {
    let epoch = union.epoch.saturating_sub(1);
    Issued::new(union.event.clone(), epoch, user.clone(), win, Told::Unknown)
}

/// A win that is no row is written to the log and gets a letter, so that it is not lost; a void one
/// leaves the shard after that.
async fn carry_out(
    union: &Union<'_>,
    session: &mut Session,
    win: Issued,
    fate: Fate,
) -> Result<Or<()>, Trouble> {
    let (reason, message) = match fate {
        Fate::Row | Fate::Waits => return Ok(Ok(())),
        Fate::Void(message) => (Reason::Void, message),
        Fate::Refused(message) => (Reason::Rejected, message),
    };
    warn!(event = %union.event, coupon = %win.coupon_id, reason = reason.as_str(),
        "a win of the shard is no row: its letter says why");
    let (user, coupon) = (win.user_id.clone(), win.coupon_id);
    let (part, record) = record_of(win);
    let (key, value) = (record.key.clone(), record.value.clone());
    let offset = union.hands.log.produce(part, vec![record]).await?;
    if let Compared::Moved(moved) = session.begin_as(union.author).await? {
        return Ok(Err(taken(moved)));
    }
    let letter = DeadLetterRow {
        part,
        offset,
        event_id: Some(union.event),
        coupon_id: Some(&coupon),
        reason: reason.as_str(),
        message: &message,
        record: value.as_deref(),
        key: Some(&key),
        timestamp_ms: Utc::now().timestamp_millis(),
        request_id: None,
    };
    session.add_dead_letter(&letter).await?;
    session.commit().await?;
    if reason != Reason::Void {
        return Ok(Ok(()));
    }
    metrics::void_win(Told::Unknown);
    // All of the user's: what MySQL has of it is put there next.
    match put_wins(&union.hands.cluster, union.armed, &[(user, String::new())]).await? {
        InArming::Done(_) => Ok(Ok(())),
        InArming::Moved => Ok(Err(Taken::LookAgain)),
    }
}
