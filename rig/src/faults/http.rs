//! One request on a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use tokio::time::timeout;

use crate::rush::connection::{Connection, Response};
use crate::rush::line::Lost;

/// For an answer of a part that may be stopped.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The body of what a GET answers.
pub(crate) async fn get(server: SocketAddr, path: &str) -> Result<String, Lost> {
    let response = ask(server, "GET", path, Bytes::new()).await?;
    Ok(String::from_utf8_lossy(&response.body).into_owned())
}

/// Asks for a unit of an event.
pub(crate) async fn claim(server: SocketAddr, body: String) -> Result<Response, Lost> {
    ask(server, "POST", "/api/v1/coupons/issue", body.into()).await
}

async fn ask(server: SocketAddr, method: &str, path: &str, body: Bytes) -> Result<Response, Lost> {
    let host = server.to_string();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Full::new(body))
        .map_err(|_| Lost::Garbled)?;
    let mut connection = Connection::new(vec![server], 0);
    timeout(ANSWER_WITHIN, connection.ask(request)).await.unwrap_or(Err(Lost::TimedOut))
}
