//! What a client may get wrong, and what it is told.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use rig::stack::shared;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{ISSUE, get, post, request, send};
use crate::event::{Terms, by_hand, new_id};
use crate::stack::Stack;

const WITHIN: Duration = Duration::from_secs(15);

/// What a server answers to these bytes until it closes.
async fn raw(server: SocketAddr, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    timeout(WITHIN, exchange).await.expect("the server closes")
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_is_400() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let long = format!(r#"{{"event_id":"{}"}}"#, "x".repeat(65));
    for (body, why) in [
        ("", "EOF while parsing"),
        ("spring", "must be a JSON object"),
        ("{}", "missing field `event_id`"),
        (r#"{"event_id":"a","event_id":"b"}"#, "duplicate field"),
        (r#"{"event_id":"a","quantity":2}"#, "unknown field `quantity`"),
        (r#"{"event_id":"a b","user_id":"ann"}"#, "event_id may only contain"),
        (r#"{"event_id":"a","user_id":"an n"}"#, "user_id may only contain"),
        (&long, "event_id must be at most 64 characters"),
    ] {
        let answer = post(edge, &[], body).await;
        let detail = answer.is(400, "malformed").json()["detail"].clone();
        assert!(detail.as_str().unwrap().contains(why), "{body}: {detail}");
    }
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_400() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let body = r#"{"event_id":"a","user_id":"ann"}"#;
    for key in ["", "a b", &"x".repeat(256)] {
        post(edge, &[("idempotency-key", key)], body).await.is(400, "malformed");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    post(edge, &twice, body).await.is(400, "malformed");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_however_it_comes() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let body = format!(r#"{{"event_id":"a","user_id":"{}"}}"#, "x".repeat(5_000));
    post(edge, &[], &body).await.is(413, "too_large");

    let head = "POST /api/v1/coupons/issue HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\
         Content-Type: application/json\r\n";
    // Announced, and never sent.
    let announced = format!("{head}Content-Length: 1000000\r\n\r\n");
    assert!(raw(edge, announced.as_bytes()).await.starts_with("HTTP/1.1 413 "));
    let piece = format!("800\r\n{}\r\n", "x".repeat(0x800));
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", piece.repeat(3));
    assert!(raw(edge, chunked.as_bytes()).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let stalled = b"POST /api/v1/coupons/issue HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\
        Content-Type: application/json\r\nContent-Length: 40\r\n\r\n{\"event_id\"";
    let answer = raw(edge, stalled).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"too_slow\""), "{answer}");
}

#[tokio::test]
async fn anything_but_json_is_415() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let bare = request(Method::POST, ISSUE, "{}");
    send(edge, bare).await.unwrap().is(415, "unsupported_media_type");
    let mut form = request(Method::POST, ISSUE, "event_id=a");
    let form_type = "application/x-www-form-urlencoded".parse().unwrap();
    form.headers_mut().insert("content-type", form_type);
    send(edge, form).await.unwrap().is(415, "unsupported_media_type");
    let packed = [("content-encoding", "gzip")];
    post(edge, &packed, "{}").await.is(415, "unsupported_media_type");
}

#[tokio::test]
async fn other_methods_are_405_and_named() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let (event, health) = ("/api/v1/coupons/status/a", "/health");
    for (method, path, allowed) in [
        (Method::GET, ISSUE, "POST, OPTIONS"),
        (Method::PUT, ISSUE, "POST, OPTIONS"),
        (Method::POST, event, "GET, HEAD, OPTIONS"),
        (Method::DELETE, health, "GET, HEAD, OPTIONS"),
    ] {
        let answer = send(edge, request(method, path, "")).await.unwrap();
        assert_eq!(answer.is(405, "method_not_allowed").header("allow"), Some(allowed));
        let options = send(edge, request(Method::OPTIONS, path, "")).await.unwrap();
        assert_eq!((options.status, options.header("allow")), (204, Some(allowed)));
    }
    let head = send(edge, request(Method::HEAD, "/health/live", "")).await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn other_paths_are_404() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    for path in ["/", "/metrics", "/api/v1/coupons/issue/", "/api/v2/coupons/issue"] {
        get(edge, path).await.is(404, "not_found");
    }
}

#[tokio::test]
async fn an_event_that_does_not_exist_is_404() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let event = new_id("nowhere");
    let body = format!(r#"{{"event_id":"{event}","user_id":"ann"}}"#);
    let answer = post(edge, &[], &body).await;
    assert_eq!(answer.is(404, "unknown_event").json()["event_id"], event.as_str());
    for path in ["status", "mine"] {
        let path = format!("/api/v1/coupons/{path}/{event}?user_id=ann");
        get(edge, &path).await.is(404, "unknown_event");
    }
}

#[tokio::test]
async fn whoever_names_no_user_is_401() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("nobody");
    let _by_hand = by_hand(&stack, &event, Terms::stock(1)).await;
    let edge = stack.edges[0];
    for body in [
        format!(r#"{{"event_id":"{event}"}}"#),
        format!(r#"{{"event_id":"{event}","user_id":null}}"#),
    ] {
        let answer = post(edge, &[], &body).await;
        assert!(answer.is(401, "unauthenticated").header("www-authenticate").is_some());
    }
    let mine = format!("/api/v1/coupons/mine/{event}");
    get(edge, &mine).await.is(401, "unauthenticated");
    for wrong in ["user_id=a%20b", "user_id=a&user_id=b", "user=a"] {
        get(edge, &format!("{mine}?{wrong}")).await.is(400, "malformed");
    }
}

#[tokio::test]
async fn requests_that_are_sent_together_are_answered_in_order() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let pipelined = "GET /health/live HTTP/1.1\r\nHost: edge\r\n\r\n\
         GET /nothing HTTP/1.1\r\nHost: edge\r\n\r\n\
         GET /health/ready HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n";
    let answer = raw(edge, pipelined.as_bytes()).await;
    let at = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{text} in {answer}"));
    assert!(at("\"live\"") < at("\"not_found\"") && at("\"not_found\"") < at("\"ready\""));
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(raw(edge, long.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    assert!(raw(edge, b"hello\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
}
