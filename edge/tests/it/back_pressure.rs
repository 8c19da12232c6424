//! Kafka away: wins are kept until there is no room, then claims are refused; no win is dropped.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use contract::ids::EventId;
use edge::publish::BUFFERED_WINS;
use rig::stack::{exclusive, wait_until};
use tokio::task::JoinSet;

use crate::client::{Connection, claim, get};
use crate::event::{Terms, created, known_by, new_id};
use crate::own_edge::OwnEdge;
use crate::published::{Published, outbox_is_empty};
use crate::stack::{SOON, Stack};

/// Two of three: what is left may not acknowledge anything.
const BROKERS: [&str; 2] = ["kafka-2", "kafka-3"];
const CONNECTIONS: usize = 64;

/// Claims until the first refusal; the coupons that were told.
async fn claim_until_refused(edge: SocketAddr, event: EventId, prefix: usize) -> Vec<String> {
    let mut connection = Connection::to(edge).await;
    let mut told = Vec::new();
    // Others than this one may take all the room.
    for number in 0..2 * BUFFERED_WINS {
        let user = format!("user-{prefix}-{number}");
        let answer = loop {
            let answer = connection.claim(&event, &user).await;
            // A machine that is too busy may take longer than a call: whoever asks again knows.
            if answer.status != 503 || answer.word() == "busy" {
                break answer;
            }
        };
        if answer.status == 503 {
            answer.is(503, "busy");
            return told;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        told.push(answer.json()["coupon_id"].to_string());
    }
    panic!("{} claims were never refused", told.len());
}

#[tokio::test]
async fn a_full_buffer_refuses_claims_and_drops_no_win() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    // Its own, so that those of the stack stay as they are.
    let edge = OwnEdge::start(&stack).await;
    let event = new_id("full");
    created(&stack, &event, Terms::stock(1_000_000)).await;
    known_by(&[edge.address], &event).await;
    let published = Published::from_now(&stack).await;

    let brokers = stack.pause(&BROKERS).await;
    let mut claims = JoinSet::new();
    for prefix in 0..CONNECTIONS {
        claims.spawn(claim_until_refused(edge.address, event.clone(), prefix));
    }
    let told: BTreeSet<_> = claims.join_all().await.into_iter().flatten().collect();
    // What was told before Kafka was away may be gone from the buffer.
    assert!(told.len() >= BUFFERED_WINS, "{} wins", told.len());
    let health = get(edge.address, "/health").await;
    assert_eq!((health.status, &health.json()["status"]), (503, &"unavailable".into()));

    brokers.resume().await;
    let granted = || async {
        let word = claim(edge.address, &event, "late").await.word();
        if word == "busy" { Err(word) } else { Ok(()) }
    };
    wait_until(SOON, "room for new wins", granted).await.unwrap();
    outbox_is_empty(&stack, &event).await;
    let found = published.wins_of(&event).await;
    let in_kafka: BTreeSet<_> =
        found.iter().map(|found| format!("\"{}\"", found.issued.coupon_id)).collect();
    assert!(told.is_subset(&in_kafka), "told wins are missing in Kafka");
}
