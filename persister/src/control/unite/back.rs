//! Redis gets what MySQL has.

use contract::coupon::join_wins;
use contract::ids::UserId;
use tracing::info;

use super::{Union, refused};
use crate::control::arm::Or;
use crate::control::shard::{InArming, put_wins};
use crate::control::take::{Taken, Trouble};
use crate::store::Session;

/// Rows of one look: about 75 KB, and some 3 ms of Redis.
const PAGE: usize = 500;

/// Every user has in Redis what MySQL's rows say.
pub(super) async fn rows(union: &Union<'_>, session: &mut Session) -> Result<Or<()>, Trouble> {
    let mut after: Option<UserId> = None;
    let mut changed = 0;
    loop {
        let users = session.users_after(union.event, after.as_ref(), PAGE).await?;
        let Some(last) = users.last() else {
            break;
        };
        after = Some(last.user.clone());
        let texts: Vec<(UserId, String)> =
            users.into_iter().map(|rows| (rows.user, join_wins(&rows.wins))).collect();
        match put_wins(&union.hands.cluster, union.armed, &texts).await? {
            InArming::Done(users) => changed += users,
            InArming::Moved => return Ok(Err(Taken::LookAgain)),
        }
    }
    if changed > 0 {
        info!(event = %union.event, users = changed, "wins that the shard lacked are back");
    }
    Ok(Ok(()))
}

/// And besides it the wins that MySQL refused for good.
pub(super) async fn refused(union: &Union<'_>, session: &mut Session) -> Result<Or<()>, Trouble> {
    let refused = refused::read(session, union.event).await?;
    let users: Vec<(&UserId, _)> = refused.by_user().collect();
    for users in users.chunks(PAGE) {
        let ids: Vec<UserId> = users.iter().map(|(user, _)| (*user).clone()).collect();
        let mut texts: Vec<(UserId, String)> = Vec::with_capacity(users.len());
        let rows = session.users(union.event, &ids).await?;
        for (user, more) in users {
            let mut wins = rows
                .iter()
                .find(|rows| rows.user == **user)
                .map_or_else(Vec::new, |rows| rows.wins.clone());
            wins.extend_from_slice(more);
            wins.sort_by_key(|win| win.nth);
            texts.push(((*user).clone(), join_wins(&wins)));
        }
        if put_wins(&union.hands.cluster, union.armed, &texts).await? == InArming::Moved {
            return Ok(Err(Taken::LookAgain));
        }
    }
    Ok(Ok(()))
}
