//! The coupons that a user holds of an event.

use std::net::IpAddr;
use std::rc::Rc;

use contract::coupon::Win;
use contract::event::Phase;
use contract::ids::{EventId, UserId};
use hyper::Request;
use tokio::time::Instant;

use crate::claims::{Claims, Untold};
use crate::directory::{Directory, NotKnown};
use crate::identity::{Identity, Refused};
use crate::issue::CLAIM_DEADLINE;
use crate::limits::{Exceeded, Limits};
use crate::request::{BadRequest, parse_event, parse_query};

/// Lists coupons, on one core.
pub struct Coupons {
    /// Tells who asks.
    pub identity: Identity,
    /// Counts how often they do.
    pub limits: Limits,
    /// Which events there are.
    pub directory: Directory,
    /// Where lists are read.
    pub claims: Rc<Claims>,
}

/// A user's coupons of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mine {
    /// The event.
    pub event: EventId,
    /// The user.
    pub user: UserId,
    /// All of them, returned and revoked ones too.
    pub wins: Vec<Win>,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotListed {
    /// An id is none, or the query is wrong.
    Request(BadRequest),
    /// Too many requests.
    Exceeded(Exceeded),
    /// It is not known, or not allowed, who asks.
    Refused(Refused),
    /// There is no such event.
    UnknownEvent(EventId),
    /// There may be such an event.
    DirectoryStale(EventId),
    /// The truth could not be found out.
    Untold(EventId, Untold),
}

impl Coupons {
    /// The list for whoever asks.
    pub async fn mine<B>(
        &self,
        event: &str,
        request: &Request<B>,
        peer: IpAddr,
    ) -> Result<Mine, NotListed> {
        let event = parse_event(event).map_err(NotListed::Request)?;
        let named = parse_query(request.uri().query()).map_err(NotListed::Request)?;
        self.limits.admits(request.headers(), peer).map_err(NotListed::Exceeded)?;
        let identified = self.identity.identify(request.headers(), peer, named).await;
        let user = identified.map_err(NotListed::Refused)?;
        self.limits.admits_user(&user).map_err(NotListed::Exceeded)?;
        match self.directory.find(&event) {
            Ok(standing) if standing.phase == Phase::Fencing => {
                return Err(NotListed::Untold(event, Untold::Fenced));
            }
            Ok(_) => {}
            Err(NotKnown::Unknown) => return Err(NotListed::UnknownEvent(event)),
            Err(NotKnown::Stale) => return Err(NotListed::DirectoryStale(event)),
        }
        match self.claims.look(&event, &user, Instant::now() + CLAIM_DEADLINE).await {
            Ok(wins) => Ok(Mine { event, user, wins }),
            Err(why) => Err(NotListed::Untold(event, why)),
        }
    }
}
