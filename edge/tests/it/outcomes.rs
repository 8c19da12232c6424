//! Every outcome of the public table.

use contract::coupon::Win;
use contract::event::Phase;
use contract::ids::EventId;
use contract::keys::EventKeys;
use rig::stack::{PartKind, exclusive, shared, wait_until};
use serde_json::Value;

use crate::client::{Answer, attempt, claim, metric};
use crate::event::{ByHand, Terms, by_hand, new_id, set_state};
use crate::stack::{SOON, Stack};

async fn armed(name: &str, terms: Terms) -> (Stack, EventId, ByHand) {
    let stack = Stack::connect().await;
    let event = new_id(name);
    let by_hand = by_hand(&stack, &event, terms).await;
    (stack, event, by_hand)
}

fn coupon(answer: &Answer) -> Value {
    answer.json()["coupon_id"].clone()
}

#[tokio::test]
async fn a_unit_is_issued_once_whichever_edge_is_asked() {
    let _guard = shared().await;
    let (stack, event, _by_hand) = armed("once", Terms::stock(10)).await;
    let first = claim(stack.edges[0], &event, "ann").await;
    let body = first.is(200, "issued").json();
    assert_eq!(body["event_id"], event.as_str());
    assert_eq!(body["user_id"], "ann");
    assert_eq!(body["sequence"], 1);
    assert!(body["coupon_id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    let issued_at = body["issued_at"].as_str().unwrap();
    assert!(issued_at.len() == 24 && issued_at.ends_with('Z'), "{issued_at}");
    for edge in &stack.edges {
        let again = claim(*edge, &event, "ann").await;
        assert_eq!(coupon(again.is(200, "already_issued")), body["coupon_id"]);
    }
    claim(stack.edges[1], &event, "Ann").await.is(200, "issued");
}

#[tokio::test]
async fn sold_out_is_told_to_all_but_the_winners() {
    let _guard = shared().await;
    let (stack, event, _by_hand) = armed("sold", Terms::stock(1)).await;
    let won = claim(stack.edges[0], &event, "ann").await;
    won.is(200, "issued");
    // Again and again: from Redis, then from memory, then renewed.
    for number in 0..200 {
        let edge = stack.edges[number % 2];
        let lost = claim(edge, &event, &format!("user-{number}")).await;
        assert_eq!(lost.is(409, "sold_out").json()["event_id"], event.as_str());
        if number % 20 == 0 {
            let again = claim(edge, &event, "ann").await;
            assert_eq!(coupon(again.is(200, "already_issued")), coupon(&won));
        }
    }
}

#[tokio::test]
async fn where_a_user_may_hold_several_each_attempt_has_a_name() {
    let _guard = shared().await;
    let (stack, event, _by_hand) = armed("several", Terms { limit: 2, ..Terms::stock(10) }).await;
    let [one, two] = [stack.edges[0], stack.edges[1]];
    claim(one, &event, "ann").await.is(400, "idempotency_key_required");
    let first = attempt(one, &event, "ann", "k1").await;
    let second = attempt(two, &event, "ann", "k2").await;
    assert_ne!(coupon(first.is(200, "issued")), coupon(second.is(200, "issued")));
    for edge in [one, two] {
        let again = attempt(edge, &event, "ann", "k1").await;
        assert_eq!(coupon(again.is(200, "already_issued")), coupon(&first));
        let third = attempt(edge, &event, "ann", "k3").await;
        let held = third.is(409, "limit_reached").json()["coupons"].clone();
        let held: Vec<_> = held.as_array().unwrap().iter().map(|one| &one["coupon_id"]).collect();
        assert_eq!(held, [&coupon(&first), &coupon(&second)]);
    }
}

#[tokio::test]
async fn a_revoked_coupon_counts_against_the_limit() {
    let _guard = shared().await;
    let (stack, event, _by_hand) = armed("revoked", Terms::stock(10)).await;
    claim(stack.edges[0], &event, "ann").await.is(200, "issued");
    let wins = EventKeys::new(&event).wins;
    let held = stack.command(&event, &wins, &["HGET", "ann"]).await;
    let held: Win = held.text().unwrap().parse().unwrap();
    let revoked = held.to_string().replace(",issued,1", ",revoked,2");
    stack.command(&event, &wins, &["HSET", "ann", &revoked]).await;
    claim(stack.edges[0], &event, "ann").await.is(409, "revoked");
}

#[tokio::test]
async fn an_event_that_is_not_open_yet_says_so() {
    let _guard = shared().await;
    let opens_at_ms = 4_102_444_800_000; // the year 2100
    let (stack, opening, _by_hand) =
        armed("opens", Terms { opens_at_ms, ..Terms::stock(10) }).await;
    let answer = claim(stack.edges[0], &opening, "ann").await;
    assert_eq!(answer.is(403, "not_open").json()["opens_at"], "2100-01-01T00:00:00.000Z");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((60..=62).contains(&seconds), "{answer:?}");

    let (_, scheduled, _put_away) =
        armed("scheduled", Terms { phase: Phase::Scheduled, ..Terms::stock(10) }).await;
    let answer = claim(stack.edges[1], &scheduled, "ann").await;
    assert_eq!(answer.is(403, "not_open").json().get("opens_at"), None);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn paused_and_closed_events_still_answer_their_winners() {
    let _guard = shared().await;
    let (stack, event, _by_hand) = armed("paused", Terms::stock(10)).await;
    let edge = stack.edges[0];
    let won = claim(edge, &event, "ann").await;
    set_state(&stack, &event, &["phase", "paused"]).await;
    claim(edge, &event, "bob").await.is(503, "paused");
    assert_eq!(coupon(claim(edge, &event, "ann").await.is(200, "already_issued")), coupon(&won));
    set_state(&stack, &event, &["phase", "closed"]).await;
    claim(edge, &event, "bob").await.is(410, "closed");
    assert_eq!(coupon(claim(edge, &event, "ann").await.is(200, "already_issued")), coupon(&won));
}

#[tokio::test]
async fn whoever_comes_while_units_are_about_to_go_on_sale_gets_one() {
    // Alone, so that the calls that are counted are this test's.
    let _guard = exclusive().await;
    let (stack, event, _by_hand) = armed("reopening", Terms::stock(1)).await;
    set_state(&stack, &event, &["phase", "reopening"]).await;
    let before = calls(&stack).await;
    let opened = async {
        let asked = || async {
            let asked = calls(&stack).await - before;
            if asked >= 2.0 { Ok(()) } else { Err(format!("asked {asked} times")) }
        };
        wait_until(SOON, "a claim that is asked again", asked).await.unwrap();
        set_state(&stack, &event, &["phase", "open"]).await;
    };
    let (answer, ()) = tokio::join!(claim(stack.edges[0], &event, "ann"), opened);
    answer.is(200, "issued");
    set_state(&stack, &event, &["phase", "reopening"]).await;
    claim(stack.edges[0], &event, "bob").await.is(503, "busy");
}

/// Calls of the claim script by both edges.
async fn calls(stack: &Stack) -> f64 {
    let mut sum = 0.0;
    for edge in stack.handle.metrics(PartKind::Edge) {
        sum += metric(edge, "firstcome_edge_script_call_seconds_count").await;
    }
    sum
}
