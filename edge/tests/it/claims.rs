//! Many claims at once: exactly as many units as there are, one a user, none forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use contract::ids::EventId;
use contract::keys::EventKeys;
use contract::record::Told;
use rig::stack::{PartKind, exclusive, shared, wait_until};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{Answer, Connection, ISSUE, attempt, claim, metric};
use crate::event::{Terms, created, new_id};
use crate::published::{Published, outbox_is_empty};
use crate::stack::{SOON, Stack};

/// Connections that are open at a time.
const AT_A_TIME: usize = 64;

/// Every user asks every edge twice, all as good as at once.
async fn rush(edges: &[SocketAddr], event: &EventId, users: usize) -> Vec<(String, Answer)> {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut claims = JoinSet::new();
    for number in 0..users * 4 {
        let (edge, event) = (edges[number % edges.len()], event.clone());
        let user = format!("user-{}", number / 4);
        let places = Arc::clone(&places);
        claims.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let answer = claim(edge, &event, &user).await;
            (user, answer)
        });
    }
    claims.join_all().await
}

#[tokio::test]
async fn a_rush_over_both_edges_gives_every_unit_once() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("rush");
    created(&stack, &event, Terms::stock(100)).await;
    let published = Published::from_now(&stack).await;

    let mut coupons = BTreeMap::new();
    let mut losers = BTreeSet::new();
    for (user, answer) in rush(&stack.edges, &event, 500).await {
        if answer.status == 409 {
            answer.is(409, "sold_out");
            losers.insert(user);
            continue;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let coupon = (body["coupon_id"].to_string(), body["sequence"].as_u64().unwrap());
        let first = coupons.entry(user).or_insert_with(|| coupon.clone());
        assert_eq!(*first, coupon, "a user has one coupon, whatever edge says so");
    }
    assert_eq!(coupons.len(), 100);
    assert!(losers.iter().all(|user| !coupons.contains_key(user)), "a winner was told a loss");
    let sequences: BTreeSet<_> = coupons.values().map(|(_, sequence)| *sequence).collect();
    assert_eq!(sequences, (1..=100).collect());

    outbox_is_empty(&stack, &event).await;
    let found = published.wins_of(&event).await;
    let in_kafka: BTreeMap<_, _> = found
        .iter()
        .map(|found| {
            let issued = &found.issued;
            assert_eq!((issued.epoch, issued.told), (1, Told::Replica));
            let coupon = (format!("\"{}\"", issued.coupon_id), issued.sequence);
            (issued.user_id.to_string(), coupon)
        })
        .collect();
    assert_eq!(in_kafka, coupons);
    let wins = stack.command(&event, &EventKeys::new(&event).wins, &["HLEN"]).await;
    assert_eq!(wins.integer(), Some(100));
}

#[tokio::test]
async fn one_attempt_is_one_coupon_however_often_it_is_made() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("attempt");
    created(&stack, &event, Terms { limit: 3, ..Terms::stock(100) }).await;
    let mut attempts = JoinSet::new();
    for number in 0..60 {
        let (edge, event) = (stack.edges[number % 2], event.clone());
        let key = format!("k{}", number % 3);
        attempts.spawn(async move {
            let answer = attempt(edge, &event, "ann", &key).await;
            (key, answer)
        });
    }
    let mut coupons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut issued = 0;
    for (key, answer) in attempts.join_all().await {
        assert_eq!(answer.status, 200, "{answer:?}");
        issued += usize::from(answer.word() == "issued");
        coupons.entry(key).or_default().insert(answer.json()["coupon_id"].to_string());
    }
    assert_eq!(issued, 3, "each was issued once, and found again 19 times");
    assert!(coupons.len() == 3 && coupons.values().all(|ids| ids.len() == 1), "{coupons:?}");
}

#[tokio::test]
async fn what_a_client_that_went_away_was_granted_is_published_and_waits_for_her() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("away");
    created(&stack, &event, Terms::stock(5)).await;
    let published = Published::from_now(&stack).await;

    let body = format!(r#"{{"event_id":"{event}","user_id":"ann"}}"#);
    let request = format!(
        "POST {ISSUE} HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(stack.edges[0]).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // Granted, and nobody has read the answer.
    let wins = EventKeys::new(&event).wins;
    let granted = || async {
        let held = stack.command(&event, &wins, &["HLEN"]).await.integer();
        if held == Some(1) { Ok(()) } else { Err("nothing is granted") }
    };
    wait_until(SOON, "a win", granted).await.unwrap();
    drop(stream);

    outbox_is_empty(&stack, &event).await;
    let found = published.wins_of(&event).await;
    assert_eq!(found.len(), 1);
    let again = claim(stack.edges[1], &event, "ann").await;
    let coupon = again.is(200, "already_issued").json()["coupon_id"].clone();
    assert_eq!(coupon, found[0].issued.coupon_id.to_string());
}

#[tokio::test]
async fn an_event_that_is_sold_out_asks_little_of_redis() {
    // Alone, so that the calls that are counted are this test's.
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let event = new_id("memory");
    created(&stack, &event, Terms::stock(700)).await;
    let (edge, private) = (stack.edges[0], stack.handle.metrics(PartKind::Edge)[0]);
    // More winners than one page of the script that reads them.
    let mut connection = Connection::to(edge).await;
    for number in 0..700 {
        connection.claim(&event, &format!("winner-{number}")).await.is(200, "issued");
    }
    let calls = "firstcome_edge_script_call_seconds_count";
    let before = metric(private, calls).await;
    for number in 0..2_000 {
        connection.claim(&event, &format!("loser-{number}")).await.is(409, "sold_out");
    }
    let asked = metric(private, calls).await - before;
    assert!(asked < 400.0, "{asked} calls for 2000 claims");
    for number in 0..700 {
        connection.claim(&event, &format!("winner-{number}")).await.is(200, "already_issued");
    }
}
