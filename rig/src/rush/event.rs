//! The event of a rush: made through the persister's command line, and known to those who serve it
//! before the first user asks.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use contract::event::{Confirm, Phase};
use contract::ids::EventId;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{HOST, HeaderValue};
use serde::Deserialize;

use super::connection::Connection;
use super::line::Lost;
use crate::stack::{Handle, StackError, TooLate, wait_until};

const STATUS_PATH: &str = "/api/v1/coupons/status";
/// From the moment that an event stands in the directory until every edge has read it there.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// For a leader that has other events to arm, on a machine that has other work.
const CARRIED_WITHIN_S: &str = "60";

/// How an edge says that an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Standing {
    /// Its phase.
    pub phase: Phase,
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
}

/// Why an event cannot be rushed for.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The stack does not say where things are, or the persister cannot be run.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The persister refused.
    #[error("the event {event} could not be created: {why}")]
    NotCreated {
        /// The event.
        event: EventId,
        /// What the persister said.
        why: String,
    },
    /// Not every edge knows it.
    #[error(transparent)]
    NotKnown(#[from] TooLate),
}

/// Why an edge's word on an event is still missing.
#[derive(Debug, thiserror::Error)]
enum NotYet {
    #[error("there is no edge")]
    NoEdge,
    #[error("{0} did not answer: {1:?}")]
    Lost(SocketAddr, Lost),
    #[error("{0} answers {1}: {2}")]
    Answer(SocketAddr, u16, String),
    #[error("{0}: {1}")]
    Unreadable(SocketAddr, serde_json::Error),
}

/// Creates an event with so many units and opens it; returns when it is on sale.
pub async fn create(
    stack: &Handle,
    event: &EventId,
    stock: u64,
    confirm: Confirm,
) -> Result<(), EventError> {
    let stock = stock.to_string();
    let of_event = ["event", "create", event.as_str(), "--stock", stock.as_str()];
    let how = ["--confirm", confirm.as_str(), "--open", "--wait-s", CARRIED_WITHIN_S];
    let arguments = [&of_event[..], &how].concat();
    let output = stack.persister(&arguments).await?;
    if output.status.success() {
        return Ok(());
    }
    // What it waits for is printed, since the event is created.
    let said = [output.stderr, output.stdout].concat();
    Err(EventError::NotCreated {
        event: event.clone(),
        why: String::from_utf8_lossy(&said).trim().to_owned(),
    })
}

/// Waits until every address answers how the event stands, and returns what the last of them says.
pub async fn known(addresses: &[SocketAddr], event: &EventId) -> Result<Standing, EventError> {
    let what = format!("an answer of every edge about {event}");
    let standing = wait_until(KNOWN_WITHIN, &what, || async {
        let mut last = Err(NotYet::NoEdge);
        for &address in addresses {
            last = Ok(standing(address, event).await?);
        }
        last
    });
    Ok(standing.await?)
}

async fn standing(address: SocketAddr, event: &EventId) -> Result<Standing, NotYet> {
    let mut request = Request::new(Full::new(Bytes::new()));
    let path = format!("{STATUS_PATH}/{event}");
    *request.uri_mut() = path.parse().expect("an event's id may stand in a path");
    let host = HeaderValue::try_from(address.to_string()).expect("an address is plain ASCII");
    request.headers_mut().insert(HOST, host);
    let response = Connection::new(vec![address], 0).ask(request).await;
    let response = response.map_err(|lost| NotYet::Lost(address, lost))?;
    if response.status != 200 {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        return Err(NotYet::Answer(address, response.status, body));
    }
    serde_json::from_slice(&response.body).map_err(|error| NotYet::Unreadable(address, error))
}
