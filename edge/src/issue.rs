//! A claim, from the request to what is told.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use contract::event::Phase;
use contract::ids::{Attempt, EventId, UserId};
use hyper::Request;
use hyper::body::Incoming;
use links::trace::Context;
use tokio::time::{Instant, sleep_until};

use crate::claims::{Claim, Claims, Told, Untold};
use crate::directory::{Directory, NotKnown};
use crate::identity::{Identity, Refused};
use crate::limits::{Exceeded, Limits};
use crate::metrics::{ClaimMetrics, ReadMetrics};
use crate::request::{BadRequest, IssueRequest, read_issue};

/// From the read request to the answer.
pub const CLAIM_DEADLINE: Duration = Duration::from_secs(2);
/// Between two tries while new units are about to go on sale, which takes 200 ms.
const REOPENING_PAUSE: Duration = Duration::from_millis(40);
/// How long is tried: the last try has the rest of the deadline, so that it does not end unknown
/// where it is known that the units are not on sale yet.
const REOPENING_WAIT: Duration = Duration::from_millis(1_500);

/// Answers claims on one core.
pub struct Issue {
    /// Tells who asks.
    pub identity: Identity,
    /// Counts how often they do.
    pub limits: Limits,
    /// Which events there are.
    pub directory: Directory,
    /// Where claims are answered.
    pub claims: Rc<Claims>,
    /// How long claims are read.
    pub reads: ReadMetrics,
    /// How long answering takes.
    pub metrics: ClaimMetrics,
}

/// What is told, to whom, of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The event.
    pub event: EventId,
    /// The user.
    pub user: UserId,
    /// What is told.
    pub told: Told,
}

/// Why nothing is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotIssued {
    /// The request cannot be understood.
    Request(BadRequest),
    /// Too many requests.
    Exceeded(Exceeded),
    /// It is not known, or not allowed, who asks.
    Refused(Refused),
    /// There is no such event.
    UnknownEvent(EventId),
    /// There may be such an event.
    DirectoryStale(EventId),
    /// A user may hold more than one of it, and the attempt has no name.
    KeyRequired(EventId),
    /// The truth could not be found out.
    Untold(EventId, Untold),
}

impl Issue {
    /// Answers one claim: count, read, identify, admit, answer from memory, or else ask. `began`: when
    /// its head came, if it is timed. `trace` is its span, if it is traced.
    pub async fn issue(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        began: Option<std::time::Instant>,
        trace: Option<Context>,
    ) -> Result<Answered, NotIssued> {
        let (head, body) = request.into_parts();
        // Before the body: one that is slow, huge or no claim at all counts as well.
        self.limits.admits(&head.headers, peer).map_err(NotIssued::Exceeded)?;
        let request = read_issue(&head.headers, body).await.map_err(NotIssued::Request)?;
        self.reads.read(began);
        let IssueRequest { event, user, attempt, request_id } = request;
        let identified = self.identity.identify(&head.headers, peer, user).await;
        let user = identified.map_err(NotIssued::Refused)?;
        self.limits.admits_user(&user).map_err(NotIssued::Exceeded)?;
        if let Err(refused) = self.admit(&event, attempt) {
            return Err(refused(event));
        }
        if self.claims.is_sold_out_for(&event, &user) {
            return Ok(Answered { event, user, told: Told::SoldOut });
        }
        let claim = Claim::new(user.clone(), attempt, request_id).traced(trace);
        match self.ask(&event, claim).await {
            Ok(told) => Ok(Answered { event, user, told }),
            Err(why) => Err(NotIssued::Untold(event, why)),
        }
    }

    /// Whether a claim of this event may be made at all, by what the directory says.
    fn admit(&self, event: &EventId, attempt: Attempt) -> Result<(), fn(EventId) -> NotIssued> {
        let standing = self.directory.find(event).map_err(|why| match why {
            NotKnown::Unknown => NotIssued::UnknownEvent,
            NotKnown::Stale => NotIssued::DirectoryStale,
        })?;
        if standing.phase == Phase::Fencing {
            return Err(|event| NotIssued::Untold(event, Untold::Fenced));
        }
        if standing.per_user_limit > 1 && attempt == Attempt::NONE {
            return Err(NotIssued::KeyRequired);
        }
        Ok(())
    }

    /// Asks Redis, again while new units are about to go on sale.
    async fn ask(&self, event: &EventId, claim: Claim) -> Result<Told, Untold> {
        let began = Instant::now();
        let (deadline, tried) = (began + CLAIM_DEADLINE, began + REOPENING_WAIT);
        let outcome = loop {
            let outcome = self.claims.ask(event, claim.clone(), deadline).await;
            let again = Instant::now() + REOPENING_PAUSE;
            if outcome != Err(Untold::Reopening) || again >= tried {
                break outcome;
            }
            sleep_until(again).await;
        };
        self.metrics.claim_seconds.record(began.elapsed().as_secs_f64());
        outcome
    }
}
