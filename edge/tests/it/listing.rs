//! How an event stands, and what a user holds.

use contract::event::{Confirm, Phase};
use rig::stack::{shared, wait_until};
use serde_json::json;

use crate::client::{attempt, claim, get, mine, status};
use crate::event::{Terms, by_hand, new_id, set_state};
use crate::stack::{SOON, Stack};

#[tokio::test]
async fn the_status_is_what_the_shard_says() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("status");
    let opens_at_ms = 4_102_444_800_000;
    let _by_hand = by_hand(&stack, &event, Terms { opens_at_ms, ..Terms::stock(3) }).await;
    let answer = status(stack.edges[0], &event).await;
    assert_eq!(
        answer.json(),
        json!({
            "event_id": event, "phase": "scheduled", "stock": 3, "left": 3, "per_user_limit": 1,
            "opens_at": "2100-01-01T00:00:00.000Z", "closes_at": null,
        })
    );
    set_state(&stack, &event, &["opens", "0"]).await;
    claim(stack.edges[0], &event, "ann").await.is(200, "issued");
    for edge in stack.edges {
        let look = || async {
            let body = status(edge, &event).await.json();
            if body["left"] == 2 && body["phase"] == "open" { Ok(()) } else { Err(body) }
        };
        wait_until(SOON, "a status with one unit fewer", look).await.unwrap();
    }
}

#[tokio::test]
async fn a_user_sees_all_coupons_that_she_holds() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    for confirm in [Confirm::Replica, Confirm::Log] {
        let event = new_id("mine");
        let _by_hand =
            by_hand(&stack, &event, Terms { limit: 2, confirm, ..Terms::stock(3) }).await;
        let [one, two] = [stack.edges[0], stack.edges[1]];
        let first = attempt(one, &event, "ann", "k1").await.json();
        let second = attempt(one, &event, "ann", "k2").await.json();
        let listed = mine(two, &event, "ann").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let coupons = listed.json()["coupons"].clone();
        for (coupon, issued) in coupons.as_array().unwrap().iter().zip([first, second]) {
            assert_eq!(coupon["coupon_id"], issued["coupon_id"]);
            assert_eq!(coupon["sequence"], issued["sequence"]);
            assert_eq!(coupon["issued_at"], issued["issued_at"]);
            assert_eq!(coupon["state"], "issued");
        }
        assert_eq!(coupons.as_array().unwrap().len(), 2);
        let nothing = mine(two, &event, "bob").await.json();
        assert_eq!(nothing, json!({ "event_id": event, "user_id": "bob", "coupons": [] }));
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_400() {
    let _guard = shared().await;
    let edge = Stack::connect().await.edges[0];
    for path in ["status/a%20b", "status/", "mine/a/b?user_id=ann", "mine/?user_id=ann"] {
        get(edge, &format!("/api/v1/coupons/{path}")).await.is(400, "malformed");
    }
}

#[tokio::test]
async fn an_event_whose_shard_may_not_answer_shows_nothing() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("arming");
    let _by_hand = by_hand(&stack, &event, Terms { phase: Phase::Arming, ..Terms::stock(3) }).await;
    status(stack.edges[0], &event).await.is(503, "fenced");
    claim(stack.edges[0], &event, "ann").await.is(503, "fenced");
}
