//! A shard that hangs or dies: only its own events notice, and no unit is sold twice or forgotten.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use contract::coupon::Win;
use contract::ids::EventId;
use contract::keys::EventKeys;
use contract::record::Told;
use rig::stack::{Action, exclusive, wait_until};
use serde_json::Value;

use crate::client::{Answer, claim, told};
use crate::event::{Terms, created, new_id, new_id_elsewhere};
use crate::published::{Published, outbox_is_empty};
use crate::stack::{HEALED, SOON, Stack};

/// Longer than any claim takes: its own deadline is 2 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

/// An event on the shard that will fail, and one on another.
async fn two_events(stack: &Stack, name: &str) -> (EventId, EventId) {
    let hit = new_id(name);
    let spared = new_id_elsewhere(stack, name, &hit).await;
    for event in [&hit, &spared] {
        created(stack, event, Terms::stock(1_000_000)).await;
        for edge in &stack.edges {
            claim(*edge, event, "ann").await;
        }
    }
    (hit, spared)
}

/// Claims of the spared event, one after another, as long as the other thing takes: all are won. A
/// busy machine misses a deadline now and then; a shard that waits for another's election misses all.
async fn all_win(edge: SocketAddr, event: &EventId, until: impl Future<Output = ()>) {
    let (mut number, mut missed) = (0, 0);
    let claims = async {
        loop {
            let (answer, late) = told(edge, event, &format!("spared-{}", number + 1)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            if late == 0 {
                // What was granted behind a missed deadline is shown again.
                answer.is(200, "issued");
            }
            number += 1;
            missed += late;
        }
    };
    tokio::select! {
        () = claims => unreachable!("claims go on for ever"),
        () = until => {}
    }
    assert!(number > 10, "the spared event answered {number} claims");
    assert!(number > 10 * missed, "{number} claims answered, {missed} deadlines missed");
}

/// An answer that comes in time, whatever is broken.
async fn in_time(edge: SocketAddr, event: &EventId, user: &str) -> Answer {
    let asked = Instant::now();
    let answer = claim(edge, event, user).await;
    assert!(asked.elapsed() < ANSWERED_WITHIN, "after {:?}: {answer:?}", asked.elapsed());
    answer
}

/// The word of an answer that tells neither a win nor a loss.
fn untold(answer: &Answer) -> String {
    let word = answer.word();
    let words = ["busy", "fenced", "unavailable", "unconfirmed"];
    assert!(answer.status == 503 && words.contains(&word.as_str()), "{answer:?}");
    word
}

/// Until each edge grants the event's units again; the winner of before keeps what she was told.
async fn until_healed(stack: &Stack, event: &EventId, told: &Value) {
    for (edge, user) in stack.edges.iter().zip(["bob", "cid"]) {
        let healed = || async {
            let answer = in_time(*edge, event, user).await;
            if answer.status == 200 { Ok(()) } else { Err(untold(&answer)) }
        };
        wait_until(HEALED, "units that are granted again", healed).await.unwrap();
    }
    let again = claim(stack.edges[0], event, "ann").await;
    assert_eq!(again.is(200, "already_issued").json()["coupon_id"], *told);
}

#[tokio::test]
async fn a_killed_master_stalls_its_events_until_they_are_armed_again_and_no_others() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let (hit, spared) = two_events(&stack, "killed").await;
    let coupon = claim(stack.edges[0], &hit, "ann").await.json()["coupon_id"].clone();
    let master = stack.master_part(&hit).await;
    stack.act(&master, Action::Kill).await;
    all_win(stack.edges[1], &spared, until_healed(&stack, &hit, &coupon)).await;
    stack.ready(&master).await;
    claim(stack.edges[0], &hit, "dan").await.is(200, "issued");
}

#[tokio::test]
async fn a_hung_master_stalls_its_own_events_only_and_grants_nothing_when_it_comes_back() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let (hit, spared) = two_events(&stack, "hung").await;
    let coupon = claim(stack.edges[0], &hit, "ann").await.json()["coupon_id"].clone();
    let master = stack.master_part(&hit).await;
    let paused = stack.pause(&[&master]).await;
    all_win(stack.edges[0], &spared, until_healed(&stack, &hit, &coupon)).await;
    paused.resume().await;
    stack.ready(&master).await;
    for edge in &stack.edges {
        let again = claim(*edge, &hit, "ann").await;
        assert_eq!(again.is(200, "already_issued").json()["coupon_id"], coupon);
    }
}

#[tokio::test]
async fn what_a_lost_reply_granted_is_found_again_and_published_by_the_relay() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let event = new_id("lost");
    created(&stack, &event, Terms::stock(5)).await;
    claim(stack.edges[0], &event, "ann").await.is(200, "issued");
    outbox_is_empty(&stack, &event).await;
    let published = Published::from_now(&stack).await;

    // Stopped for less than the node timeout: it finds the call in its socket when it goes on.
    let master = stack.master_part(&event).await;
    let master = stack.pause(&[&master]).await;
    let answer = claim(stack.edges[0], &event, "bob").await;
    master.resume().await;
    answer.is(503, "unavailable");

    let wins = EventKeys::new(&event).wins;
    let granted = || async {
        let held = stack.command(&event, &wins, &["HGET", "bob"]).await;
        held.text().map(str::to_owned).ok_or("bob holds nothing")
    };
    let held = wait_until(SOON, "a win that nobody was told of", granted).await.unwrap();
    let held: Win = held.parse().unwrap();
    let again = claim(stack.edges[1], &event, "bob").await;
    let coupon = again.is(200, "already_issued").json()["coupon_id"].clone();
    assert_eq!(coupon, held.coupon.to_string());

    outbox_is_empty(&stack, &event).await;
    let found = published.wins_of(&event).await;
    let told: Vec<_> =
        found.iter().map(|found| (found.issued.coupon_id, found.issued.told)).collect();
    assert_eq!(told, [(held.coupon, Told::Unknown)]);
}
