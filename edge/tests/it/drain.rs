//! An edge that is told to stop finishes what it accepted.

use std::collections::BTreeSet;

use contract::event::Confirm;
use rig::stack::{exclusive, shared, wait_until};
use tokio::task::JoinSet;

use crate::client::{self, claim};
use crate::event::{Terms, created, known_by, new_id};
use crate::own_edge::OwnEdge;
use crate::published::{Published, outbox_is_empty};
use crate::stack::{SOON, Stack};

#[tokio::test]
async fn accepted_claims_are_answered_and_granted_wins_published() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let edge = OwnEdge::start(&stack).await;
    let (fast, slow) = (new_id("drain"), new_id("drain"));
    created(&stack, &fast, Terms::stock(10_000)).await;
    // Its claims take as long as Kafka does.
    created(&stack, &slow, Terms { confirm: Confirm::Log, ..Terms::stock(10_000) }).await;
    known_by(&[edge.address], &fast).await;
    known_by(&[edge.address], &slow).await;
    let published = Published::from_now(&stack).await;

    let mut claims = JoinSet::new();
    let address = edge.address;
    for number in 0..200 {
        let event = if number % 2 == 0 { fast.clone() } else { slow.clone() };
        let user = format!("user-{number}");
        claims.spawn(async move { (claim(address, &event, &user).await, event, user) });
    }
    let first = claims.join_next().await.unwrap().unwrap();
    edge.terminate();
    let leaving = || async {
        let ready = edge.status_of("/health/ready").await;
        if ready == Some(200) { Err("it is still ready") } else { Ok(()) }
    };
    let (answers, left) =
        tokio::join!(claims.join_all(), wait_until(SOON, "an edge that leaves", leaving));
    left.unwrap();
    let (mut told, mut missed) = (BTreeSet::new(), 0);
    for (answer, event, user) in answers.into_iter().chain([first]) {
        let answer = if answer.status == 503 {
            // A busy machine may miss a deadline: whoever asks elsewhere gets the truth.
            missed += 1;
            client::told(stack.edges[0], &event, &user).await.0
        } else {
            answer
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        told.insert(answer.json()["coupon_id"].to_string());
    }
    assert!(missed * 10 < told.len(), "{missed} deadlines missed");
    assert!(edge.ended().await.success());

    assert_eq!(told.len(), 200);
    outbox_is_empty(&stack, &fast).await;
    outbox_is_empty(&stack, &slow).await;
    let mut found = published.wins_of(&fast).await;
    found.extend(published.wins_of(&slow).await);
    let in_kafka: BTreeSet<_> =
        found.iter().map(|found| format!("\"{}\"", found.issued.coupon_id)).collect();
    assert_eq!(in_kafka, told);
}

#[tokio::test]
async fn without_kafka_it_ends_all_the_same_and_leaves_its_wins_to_the_relay() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let edge = OwnEdge::start(&stack).await;
    let event = new_id("drain");
    created(&stack, &event, Terms::stock(100)).await;
    known_by(&[edge.address], &event).await;
    let published = Published::from_now(&stack).await;

    // What is left of three may not acknowledge anything.
    let brokers = stack.pause(&["kafka-2", "kafka-3"]).await;
    let mut told = BTreeSet::new();
    for number in 0..20 {
        let (answer, _) = client::told(edge.address, &event, &format!("user-{number}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        told.insert(answer.json()["coupon_id"].to_string());
    }
    edge.terminate();
    let ended = edge.ended().await;
    brokers.resume().await;
    assert!(ended.success(), "{ended:?}");
    outbox_is_empty(&stack, &event).await;
    let found = published.wins_of(&event).await;
    let in_kafka: BTreeSet<_> =
        found.iter().map(|found| format!("\"{}\"", found.issued.coupon_id)).collect();
    assert_eq!(in_kafka, told);
}
