//! Calls of the admin API, as programs make them.

use std::net::SocketAddr;
use std::time::Duration;

use rig::stack::{AdminRole, PartKind};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::world::World;

/// One call.
const CALL: Duration = Duration::from_secs(60);

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A problem's code; it must be a whole problem document.
    pub(crate) fn code(&self) -> String {
        let problem = self.json();
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        assert_eq!(problem["status"], self.status, "{self:?}");
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["type"], format!("urn:firstcome:problem:{code}"));
        code
    }
}

/// Calls of the admin API with one token.
pub(crate) struct Api {
    address: SocketAddr,
    headers: String,
    /// The address that calls come from; None: whichever.
    from: Option<SocketAddr>,
}

impl Api {
    pub(crate) fn of(world: &World, role: AdminRole) -> Self {
        let token = world.handle.admin_token(role).unwrap();
        Self::with(world, &format!("authorization: Bearer {token}\r\n"))
    }

    pub(crate) fn with(world: &World, headers: &str) -> Self {
        // The last one: whether it leads does not matter.
        let address = world.handle.addresses(PartKind::Persister).pop().unwrap();
        Self { address, headers: headers.to_owned(), from: None }
    }

    /// Calls of whoever serves there, with no token.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let headers = "content-type: application/json\r\n".to_owned();
        Self { address, headers, from: None }
    }

    /// The same from this address.
    pub(crate) fn coming_from(self, from: SocketAddr) -> Self {
        Self { from: Some(from), ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET /admin/v1{path} HTTP/1.1\r\n"), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(&format!("POST /admin/v1{path} HTTP/1.1\r\n"), &body.to_string()).await
    }

    pub(crate) async fn send(&self, begin: &str, body: &str) -> Answer {
        let (headers, length) = (&self.headers, body.len());
        let request = format!(
            "{begin}{headers}host: test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let talk = async {
            let socket = TcpSocket::new_v4().unwrap();
            if let Some(from) = self.from {
                socket.bind(from).unwrap();
            }
            let mut stream = socket.connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let answer = String::from_utf8(timeout(CALL, talk).await.unwrap()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}
