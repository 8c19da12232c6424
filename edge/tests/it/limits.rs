//! Who asks too often, on an edge of its own.

use hyper::Method;
use rig::stack::shared;
use serde_json::json;

use crate::client::{Answer, claim, get, post, request, send};
use crate::event::{Terms, created, known_by, new_id};
use crate::own_edge::OwnEdge;
use crate::stack::Stack;

/// Asserts a 429 with all that tells when to come back.
pub(crate) fn is_limited(answer: &Answer, layer: &str, burst: u32, window_s: u32) {
    answer.is(429, "too_many_requests");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    let ms = answer.json()["retry_after_ms"].as_u64().unwrap();
    assert_eq!(seconds, ms.div_ceil(1_000).max(1), "{answer:?}");
    let policy = format!("\"{layer}\";q={burst};w={window_s}");
    assert_eq!(answer.header("ratelimit-policy"), Some(policy.as_str()));
    let left = format!("\"{layer}\";r=0;t={seconds}");
    assert_eq!(answer.header("ratelimit"), Some(left.as_str()));
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_held_back_and_their_neighbour_is_not() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("limit-user");
    created(&stack, &event, Terms::stock(10)).await;
    // So rarely that none is earned again while this test runs.
    let edge = OwnEdge::start_with(&stack, &[("FIRSTCOME_LIMIT_USER", "1/60")]).await;
    known_by(&[edge.address], &event).await;
    let mut held_back = None;
    for _ in 0..300 {
        let answer = claim(edge.address, &event, "ann").await;
        if answer.status == 429 {
            held_back = Some(answer);
            break;
        }
    }
    is_limited(&held_back.expect("a burst that ends"), "user", 60, 60);
    claim(edge.address, &event, "bob").await.is(200, "issued");
    // How the event stands is nobody's request.
    assert_eq!(get(edge.address, &format!("/api/v1/coupons/status/{event}")).await.status, 200);
}

#[tokio::test]
async fn an_address_is_the_one_that_a_trusted_proxy_saw() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let environment = [("FIRSTCOME_LIMIT_ADDRESS", "1/60"), ("FIRSTCOME_TRUSTED_HOPS", "1")];
    let edge = OwnEdge::start_with(&stack, &environment).await;
    let body = json!({ "event_id": new_id("nowhere"), "user_id": "ann" }).to_string();
    let mut held_back = None;
    for number in 0..300 {
        // What stands further left is anybody's word.
        let from = format!("198.51.100.{}, 192.0.2.1", number % 250);
        let answer = post(edge.address, &[("x-forwarded-for", &from)], &body).await;
        if answer.status == 429 {
            held_back = Some(answer);
            break;
        }
    }
    is_limited(&held_back.expect("a burst that ends"), "address", 60, 60);
    let neighbour = post(edge.address, &[("x-forwarded-for", "192.0.2.2")], &body).await;
    assert_ne!(neighbour.status, 429, "{neighbour:?}");
}

#[tokio::test]
async fn what_is_no_claim_counts_as_well() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let edge = OwnEdge::start_with(&stack, &[("FIRSTCOME_LIMIT_ADDRESS", "1/60")]).await;
    let mut held_back = None;
    for _ in 0..300 {
        let answer = post(edge.address, &[], "{").await;
        if answer.status == 429 {
            held_back = Some(answer);
            break;
        }
        answer.is(400, "malformed");
    }
    is_limited(&held_back.expect("a burst that ends"), "address", 60, 60);
}

#[tokio::test]
async fn all_together_are_held_back_whoever_they_are_and_health_is_not() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let edge = OwnEdge::start_with(&stack, &[("FIRSTCOME_LIMIT_ALL", "1/60")]).await;
    let event = new_id("nowhere");
    let mut held_back = None;
    for number in 0..300 {
        let path = format!("/api/v1/coupons/mine/{event}?user_id=user-{number}");
        let answer = send(edge.address, request(Method::GET, &path, "")).await.unwrap();
        if answer.status == 429 {
            held_back = Some(answer);
            break;
        }
    }
    is_limited(&held_back.expect("a burst that ends"), "all", 60, 60);
    assert_eq!(get(edge.address, "/health/ready").await.status, 200);
}
