//! The public contract: what `openapi.json` says is what a running edge does. (Codes and routes are held
//! against it in `openapi.rs`; that it is what `openapi.yaml` says, and what schemathesis finds, in
//! `ops/checks/`.)

use std::collections::BTreeSet;

use edge::openapi::DOCUMENT;
use hyper::Method;
use rig::stack::shared;
use serde_json::Value;

use crate::client::{ISSUE, get, post, request, send, told};
use crate::event::{Terms, by_hand, new_id};
use crate::own_edge::OwnEdge;
use crate::stack::Stack;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

#[tokio::test]
async fn each_path_takes_the_methods_that_it_is_said_to_take() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    for (path, item) in document()["paths"].as_object().unwrap() {
        let path = path.replace("{event_id}", "nobody-made-it");
        let other = request(Method::DELETE, &path, "");
        let answer = send(edge, other).await.unwrap();
        let allowed = answer.is(405, "method_not_allowed").header("allow").unwrap();
        let taken: BTreeSet<&str> = allowed.split(", ").collect();
        let said = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        let mut said: BTreeSet<String> = said.chain(["OPTIONS".to_owned()]).collect();
        if said.contains("GET") {
            said.insert("HEAD".to_owned());
        }
        assert_eq!(taken, said.iter().map(String::as_str).collect(), "{path}");
    }
}

#[tokio::test]
async fn it_is_served_by_edges_and_through_nginx() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    for server in [stack.edges[0], stack.handle.nginx().unwrap()] {
        let answer = get(server, "/openapi.json").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.body, DOCUMENT.as_bytes());
    }
}

#[tokio::test]
async fn users_read_korean_where_they_prefer_it() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("korean");
    let _by_hand = by_hand(&stack, &event, Terms::stock(1)).await;
    let edge = stack.edges[0];
    let claim = |user: &str| format!(r#"{{"event_id":"{event}","user_id":"{user}"}}"#);
    let korean = [("accept-language", "ko-KR,ko;q=0.9,en;q=0.8")];
    assert_eq!(told(edge, &event, "ann").await.0.status, 200);
    let lost = post(edge, &korean, &claim("bob")).await;
    assert_eq!(lost.is(409, "sold_out").header("content-language"), Some("ko"));
    assert_eq!(lost.json()["title"], "매진되었습니다");
    assert_eq!(lost.json()["event_id"], event.as_str());
    let english = post(edge, &[("accept-language", "en,ko;q=0.9")], &claim("bob")).await;
    assert_eq!(english.is(409, "sold_out").json()["title"], "Sold out");
    assert_eq!(english.header("content-language"), None);
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_answers_and_no_others() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let shop = "https://shop.example";
    let listed = [("FIRSTCOME_CORS_ORIGINS", shop)];
    let edge = OwnEdge::start_with(&stack, &listed).await;
    let asked_by = |origin: &str, method: Method| {
        let mut asked = request(method, ISSUE, "{}");
        asked.headers_mut().insert("origin", origin.parse().unwrap());
        asked.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
        asked
    };
    let allowed = "access-control-allow-origin";
    let before = send(edge.address, asked_by(shop, Method::OPTIONS)).await.unwrap();
    assert_eq!((before.status, before.header(allowed)), (204, Some(shop)));
    assert_eq!(before.header("access-control-allow-methods"), Some("POST, OPTIONS"));
    let headers = before.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("Idempotency-Key") && headers.contains("Authorization"), "{headers}");

    let answer = send(edge.address, asked_by(shop, Method::POST)).await.unwrap();
    assert_eq!((answer.status, answer.header(allowed)), (415, Some(shop)));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("Retry-After"));
    assert_eq!(answer.header("vary"), Some("Origin"));

    for method in [Method::OPTIONS, Method::POST] {
        let stranger = asked_by("https://evil.example", method.clone());
        let answer = send(edge.address, stranger).await.unwrap();
        assert_eq!(answer.header(allowed), None, "{method}");
        // The stack's own edges were told of no origin.
        let answer = send(stack.edges[0], asked_by(shop, method)).await.unwrap();
        assert_eq!(answer.header(allowed), None);
    }
}
