//! Uniting an event's shard with its rows, while the shard is being armed and grants nothing.
//!
//! MySQL first: wins of the shard (`from_shard`) and late records (`late`) that fit become rows
//! (`place`, `fit`). Then Redis: every user has there what MySQL has (`back`), and besides it the
//! wins that MySQL refused for good (`refused`), since somebody may have been told of them. Where
//! two conflict MySQL's row stands, and the other one is void.

mod back;
mod fit;
mod from_shard;
mod late;
mod place;
mod refused;

use contract::ids::EventId;

use super::arm::{Begun, Or, taken};
use super::shard::ArmedAs;
use super::take::{Hands, Trouble};
use crate::failpoint::Point;
use crate::store::epochs::{Armed, Author};
use crate::store::union::Ledger;
use crate::store::{Session, StoreError};

/// A uniting that is under way.
struct Union<'a> {
    hands: &'a Hands,
    event: &'a EventId,
    epoch: u64,
    author: Author<'a>,
    armed: ArmedAs<'a>,
    /// The stock that the shard had: wins were granted by it, whatever is wanted since.
    shard_stock: u64,
}

/// Unites all that the shard, MySQL and the late records have of an event.
pub(super) async fn unite(
    hands: &Hands,
    session: &mut Session,
    begun: &Begun<'_>,
    armed: &Armed,
) -> Result<Or<()>, Trouble> {
    let event = &begun.event.event_id;
    let state = hands.cluster.state(event).await?;
    let union = Union {
        hands,
        event,
        epoch: begun.epoch,
        author: begun.author(hands),
        armed: begun.armed_as(armed),
        shard_stock: state.map_or(0, |state| state.stock),
    };
    if let Err(moved) = from_shard::take(&union, session).await? {
        return Ok(Err(moved));
    }
    if let Err(moved) = late::take(&union, session).await? {
        return Ok(Err(taken(moved)));
    }
    Point::ArmRowsUnited.reach_for(event);
    if let Err(moved) = back::rows(&union, session).await? {
        return Ok(Err(moved));
    }
    back::refused(&union, session).await
}

/// What an event's wins come to: its rows, the wins that MySQL refused for good, and the highest
/// number that its shard knew.
pub(super) async fn ledger(
    session: &mut Session,
    event: &EventId,
    known_sequence: u64,
) -> Result<Ledger, StoreError> {
    let rows = session.ledger(event).await?;
    let refused = refused::read(session, event).await?;
    Ok(Ledger {
        held: rows.held + refused.units(),
        sequence: rows.sequence.max(refused.sequence()).max(known_sequence),
    })
}
