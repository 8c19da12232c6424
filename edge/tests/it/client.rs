//! A small client: one connection a request, headers and bodies as they are.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use contract::ids::EventId;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rig::stack::wait_until;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::stack::SOON;

/// A claim is answered within 2 s, a slow body after 5.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub(crate) const ISSUE: &str = "/api/v1/coupons/issue";

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The outcome, or else the problem's code.
    pub(crate) fn word(&self) -> String {
        let body = self.json();
        let word = body.get("outcome").or_else(|| body.get("code"));
        word.and_then(Value::as_str).unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// Asserts what the answer is, by status and by word.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, word: &str) -> &Self {
        assert_eq!((self.status, self.word().as_str()), (status, word), "{self:?}");
        let problem = status >= 400;
        let content_type = if problem { "application/problem+json" } else { "application/json" };
        assert_eq!(self.header("content-type"), Some(content_type), "{self:?}");
        if problem {
            let body = self.json();
            assert_eq!(body["status"], status, "{self:?}");
            assert!(body["title"].is_string() && body["detail"].is_string(), "{self:?}");
        }
        if status == 503 {
            let seconds: u64 = self.header("retry-after").unwrap().parse().unwrap();
            let ms = self.json()["retry_after_ms"].as_u64().unwrap();
            assert!(seconds >= 1 && seconds == ms.div_ceil(1_000).max(1), "{self:?}");
        }
        self
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    _driver: JoinSet<Result<(), hyper::Error>>,
}

impl Connection {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self { sender, _driver: driver }
    }

    /// Claims a unit for a user, who holds one at most.
    pub(crate) async fn claim(&mut self, event: &EventId, user: &str) -> Answer {
        let body = json!({ "event_id": event, "user_id": user });
        let mut request = request(Method::POST, ISSUE, &body.to_string());
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        self.sender.ready().await.unwrap();
        let answered = timeout(ANSWER_WITHIN, self.sender.send_request(request)).await;
        let (head, body) = answered.expect("an answer in time").unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }
}

/// Sends a request on a connection of its own.
pub(crate) async fn send(
    server: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    send_from(Ipv4Addr::LOCALHOST, server, request).await
}

/// A connection from that address of this machine.
pub(crate) async fn connect_from(from: Ipv4Addr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(server).await
}

/// The same as [`send`], from that address.
pub(crate) async fn send_from(
    from: Ipv4Addr,
    server: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let exchange = async {
        let stream = connect_from(from, server).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answered = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            drop(sender);
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        let (answer, _) = tokio::join!(answered, connection);
        answer
    };
    timeout(ANSWER_WITHIN, exchange).await?
}

pub(crate) fn request(method: Method, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "edge")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

pub(crate) async fn get(server: SocketAddr, path: &str) -> Answer {
    send(server, request(Method::GET, path, "")).await.unwrap()
}

/// Posts a body with these headers beside `Content-Type: application/json`.
pub(crate) async fn post(
    server: SocketAddr,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Answer {
    let mut request = request(Method::POST, ISSUE, body);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    send(server, request).await.unwrap()
}

/// Claims a unit for a user, who holds one at most.
pub(crate) async fn claim(server: SocketAddr, event: &EventId, user: &str) -> Answer {
    let body = json!({ "event_id": event, "user_id": user });
    post(server, &[], &body.to_string()).await
}

/// Claims until there is a definite answer, and tells how often a deadline was missed before it: on a
/// busy machine one may be, and then nobody knows yet.
pub(crate) async fn told(server: SocketAddr, event: &EventId, user: &str) -> (Answer, u32) {
    let missed = Cell::new(0);
    let told = wait_until(SOON, "a definite answer", || async {
        let answer = claim(server, event, user).await;
        if answer.status != 503 {
            return Ok(answer);
        }
        missed.set(missed.get() + 1);
        let word = answer.word();
        let is_late = ["unavailable", "unconfirmed"].contains(&word.as_str());
        assert!(is_late, "{answer:?}");
        Err(word)
    });
    (told.await.unwrap(), missed.get())
}

/// Claims a unit by a named attempt.
pub(crate) async fn attempt(server: SocketAddr, event: &EventId, user: &str, key: &str) -> Answer {
    let body = json!({ "event_id": event, "user_id": user });
    post(server, &[("idempotency-key", key)], &body.to_string()).await
}

pub(crate) async fn status(server: SocketAddr, event: &EventId) -> Answer {
    get(server, &format!("/api/v1/coupons/status/{event}")).await
}

pub(crate) async fn mine(server: SocketAddr, event: &EventId, user: &str) -> Answer {
    get(server, &format!("/api/v1/coupons/mine/{event}?user_id={user}")).await
}

/// A metric of the edge whose private port that is; one with labels has them in its name. 0 where
/// nothing was counted yet.
pub(crate) async fn metric(private: SocketAddr, name: &str) -> f64 {
    let answer = get(private, "/metrics").await;
    let text = std::str::from_utf8(&answer.body).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}
