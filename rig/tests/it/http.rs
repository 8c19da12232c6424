//! One HTTP exchange, as plain as it gets: these tests look at headers and bodies as they are.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// NGINX gives up after 4 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) async fn get(server: SocketAddr, path: &str) -> Answer {
    exchange(ANSWER_WITHIN, server, &format!("GET {path} HTTP/1.1\r\n"), "").await
}

/// `headers` are whole lines.
pub(crate) async fn get_with(server: SocketAddr, path: &str, headers: &str) -> Answer {
    exchange(ANSWER_WITHIN, server, &format!("GET {path} HTTP/1.1\r\n{headers}"), "").await
}

/// `headers` are whole lines.
pub(crate) async fn options(server: SocketAddr, path: &str, headers: &str) -> Answer {
    let head = format!("OPTIONS {path} HTTP/1.1\r\n{headers}");
    exchange(ANSWER_WITHIN, server, &head, "").await
}

/// For a server that would send a long answer in chunks: in HTTP/1.0 there are none.
pub(crate) async fn get_whole(server: SocketAddr, path: &str) -> Answer {
    exchange(ANSWER_WITHIN, server, &format!("GET {path} HTTP/1.0\r\n"), "").await
}

/// `headers` are whole lines.
pub(crate) async fn post(server: SocketAddr, path: &str, headers: &str, body: &str) -> Answer {
    post_within(ANSWER_WITHIN, server, path, headers, body).await
}

/// For a server that may be asked to wait.
pub(crate) async fn post_within(
    within: Duration,
    server: SocketAddr,
    path: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}",
        body.len()
    );
    exchange(within, server, &head, body).await
}

async fn exchange(within: Duration, server: SocketAddr, head: &str, body: &str) -> Answer {
    let request = format!("{head}Host: {server}\r\nConnection: close\r\n\r\n{body}");
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(within, exchange).await.expect("an answer in time").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status line").parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
