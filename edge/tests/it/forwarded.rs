//! Clients behind a forwarder that reads no HTTP and says by the PROXY protocol from where they come.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;

use hyper::Method;
use rig::stack::{Says, forwarder_command, shared, wait_until};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;

use crate::client::{Answer, ISSUE, connect_from, metric, request, send_from};
use crate::limits::is_limited;
use crate::own_edge::OwnEdge;
use crate::stack::{SOON, Stack};

/// As far as an edge is concerned, NGINX is here.
const FORWARDER: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ANN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BOB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// More than any burst here.
const MANY: usize = 300;
const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n";

/// `nginx/stream.conf` in front of an edge. Ends with the value.
struct Forwarder {
    address: SocketAddr,
    home: PathBuf,
    _child: Child,
}

impl Forwarder {
    async fn start(edge: SocketAddr) -> Self {
        let address = TcpListener::bind((FORWARDER, 0)).unwrap().local_addr().unwrap();
        let home = std::env::temp_dir().join(format!("firstcome-forwarder-{}", address.port()));
        std::fs::create_dir_all(&home).unwrap();
        let mut command = forwarder_command(&home, address, &[edge], Says::FromWhere).unwrap();
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let up = || async { TcpStream::connect(address).await };
        wait_until(SOON, "the forwarder", up).await.unwrap();
        Self { address, home, _child: child }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

async fn edge(stack: &Stack) -> OwnEdge {
    let environment =
        [("FIRSTCOME_LIMIT_ADDRESS", "1/60"), ("FIRSTCOME_PROXY_PROTOCOL", "127.0.0.1")];
    OwnEdge::start_with(stack, &environment).await
}

/// A claim for an event that there is not: it counts all the same.
async fn claim_from(from: Ipv4Addr, server: SocketAddr) -> Answer {
    let body = json!({ "event_id": "nobody-made-it", "user_id": "ann" }).to_string();
    let mut request = request(Method::POST, ISSUE, &body);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    // Nobody's word here: no proxy that writes it is trusted.
    request.headers_mut().insert("x-forwarded-for", "192.0.2.9".parse().unwrap());
    send_from(from, server, request).await.unwrap()
}

async fn until_held_back(from: Ipv4Addr, server: SocketAddr) -> Answer {
    for _ in 0..MANY {
        let answer = claim_from(from, server).await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("{from} was never held back");
}

/// Sends pieces one after another, and reads until the edge closes.
async fn exchange(from: Ipv4Addr, edge: &OwnEdge, pieces: &[&[u8]]) -> String {
    let exchange = async {
        let mut stream = connect_from(from, edge.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in pieces {
            // It may have been closed for a piece before.
            if stream.write_all(piece).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        // What was closed with unread bytes is reset.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    timeout(SOON, exchange).await.expect("an end in time")
}

async fn refused(edge: &OwnEdge, why: &str) -> f64 {
    let name = format!("firstcome_edge_refused_proxy_headers_total{{why=\"{why}\"}}");
    metric(edge.private, &name).await
}

#[tokio::test]
async fn two_addresses_behind_one_forwarder_are_limited_apart() {
    let _guard = shared().await;
    let edge = edge(&Stack::connect().await).await;
    let forwarder = Forwarder::start(edge.address).await;
    is_limited(&until_held_back(ANN, forwarder.address).await, "address", 60, 60);
    let bob = claim_from(BOB, forwarder.address).await;
    assert_ne!(bob.status, 429, "{bob:?}");
}

#[tokio::test]
async fn a_header_from_anybody_else_is_no_request() {
    let _guard = shared().await;
    let edge = edge(&Stack::connect().await).await;
    let forged = b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 8080\r\n";
    let answer = exchange(ANN, &edge, &[forged, LIVE.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // Without one, whoever is no forwarder is a client.
    let answer = exchange(ANN, &edge, &[LIVE.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    is_limited(&until_held_back(ANN, edge.address).await, "address", 60, 60);
    assert_ne!(claim_from(BOB, edge.address).await.status, 429);
}

#[tokio::test]
async fn a_forwarder_that_does_not_say_whose_a_connection_is_is_closed_and_counted() {
    let _guard = shared().await;
    let edge = edge(&Stack::connect().await).await;
    for nonsense in [LIVE.as_bytes(), b"PROXY TCP4 me you 1 2\r\n", b"\x16\x03\x01\x02\x00"] {
        let before = refused(&edge, "malformed").await;
        assert_eq!(exchange(FORWARDER, &edge, &[nonsense]).await, "");
        assert_eq!(refused(&edge, "malformed").await, before + 1.0, "{nonsense:?}");
    }
    // Nothing, or a part of it, until the edge closes.
    assert_eq!(exchange(FORWARDER, &edge, &[]).await, "");
    assert_eq!(exchange(FORWARDER, &edge, &[b"PROXY TCP4 "]).await, "");
    assert_eq!(refused(&edge, "late").await, 2.0);
    drop(connect_from(FORWARDER, edge.address).await.unwrap());
    let counted = || async {
        let counted = refused(&edge, "cut_off").await;
        if counted == 1.0 { Ok(()) } else { Err(counted) }
    };
    wait_until(SOON, "a connection that was cut off", counted).await.unwrap();
}

#[tokio::test]
async fn a_header_of_either_version_comes_in_whatever_pieces() {
    let _guard = shared().await;
    let edge = edge(&Stack::connect().await).await;
    let line = b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 8080\r\n";
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\xc3\x50\x1f\x90";
    for header in [&line[..], binary] {
        let whole = [header, LIVE.as_bytes()].concat();
        let (first, rest) = whole.split_at(5);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        for pieces in [&[&whole[..]][..], &[first, rest], &bytes] {
            let answer = exchange(FORWARDER, &edge, pieces).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
}
