//! The Kafka way: published, acknowledged, probed, then told.

use contract::directory::Listing;
use contract::event::Confirm;
use contract::record::Told;
use contract::topics::{HEADER_COUPON, HEADER_EVENT, HEADER_REQUEST};
use rig::stack::{PartKind, exclusive, shared, wait_until};

use crate::client::{attempt, claim, metric, mine, post};
use crate::event::{Terms, by_hand, created, list, listing, new_id, set_state};
use crate::published::{Published, outbox_is_empty};
use crate::stack::{SOON, Stack};

#[tokio::test]
async fn a_win_of_an_event_that_confirms_by_log_is_in_kafka_when_it_is_told() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("log");
    created(&stack, &event, Terms { confirm: Confirm::Log, ..Terms::stock(1) }).await;
    let published = Published::from_now(&stack).await;
    let body = format!(r#"{{"event_id":"{event}","user_id":"ann"}}"#);
    let answer = post(stack.edges[0], &[("x-request-id", "request-1")], &body).await;
    let told = answer.is(200, "issued").json();

    let found = published.wins_of(&event).await;
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(only.issued.coupon_id.to_string(), told["coupon_id"].as_str().unwrap());
    assert_eq!((only.issued.sequence, only.issued.told), (1, Told::Pending));
    assert_eq!(only.record.key.as_deref(), Some(format!("{event}/ann").as_bytes()));
    let header = |name: &str| String::from_utf8(only.record.headers[name].clone()).unwrap();
    assert_eq!(header(HEADER_EVENT), event.as_str());
    assert_eq!(header(HEADER_COUPON), told["coupon_id"].as_str().unwrap());
    assert_eq!(header(HEADER_REQUEST), "request-1");

    for edge in &stack.edges {
        claim(*edge, &event, "bob").await.is(409, "sold_out");
        claim(*edge, &event, "ann").await.is(200, "already_issued");
    }
    // A win that is shown again is published again, before it is shown.
    assert_eq!(published.wins_of(&event).await.len(), 3);
    outbox_is_empty(&stack, &event).await;
}

#[tokio::test]
async fn a_higher_epoch_in_the_directory_keeps_an_old_master_s_answers_untold() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("replaced");
    let terms = Terms { confirm: Confirm::Log, ..Terms::stock(1) };
    let _by_hand = by_hand(&stack, &event, terms).await;
    let edge = stack.edges[0];
    claim(edge, &event, "ann").await.is(200, "issued");
    // Re-armed elsewhere, as far as the directory knows; this master answers as epoch 1.
    let open = listing(&event, terms);
    list(&stack, &Listing { epoch: 2, ..open }).await;
    let unconfirmed = || async {
        let (win, loss) =
            (claim(edge, &event, "ann").await.word(), claim(edge, &event, "bob").await.word());
        let both = win == "unconfirmed" && loss == "unconfirmed";
        if both { Ok(()) } else { Err(format!("{win}, {loss}")) }
    };
    wait_until(SOON, "answers that are not told", unconfirmed).await.unwrap();
    mine(edge, &event, "ann").await.is(503, "unconfirmed");
    set_state(&stack, &event, &["epoch", "2"]).await;
    claim(edge, &event, "ann").await.is(200, "already_issued");
    claim(edge, &event, "bob").await.is(409, "sold_out");
}

#[tokio::test]
async fn without_a_replica_answers_come_by_kafka_and_then_by_the_replica_again() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let event = new_id("replica");
    created(&stack, &event, Terms { limit: 2, ..Terms::stock(4) }).await;
    let published = Published::from_now(&stack).await;
    let edge = stack.edges[0];
    attempt(edge, &event, "ann", "k1").await.is(200, "issued");
    let replica = stack.replica_part(&event).await;

    let replica = stack.pause(&[&replica]).await;
    for attempt_number in 2..=4 {
        let user = if attempt_number == 2 { "ann" } else { "bob" };
        let answer = attempt(edge, &event, user, &format!("k{attempt_number}")).await;
        let told = answer.is(200, "issued").json();
        let found = published.wins_of(&event).await;
        let coupon = told["coupon_id"].as_str().unwrap();
        let record = found.iter().find(|found| found.issued.coupon_id.to_string() == coupon);
        assert_eq!(record.expect("published before it was told").issued.told, Told::Pending);
    }
    attempt(edge, &event, "cy", "k5").await.is(409, "sold_out");
    attempt(edge, &event, "ann", "k1").await.is(200, "already_issued");
    attempt(edge, &event, "ann", "k6").await.is(409, "limit_reached");
    assert_eq!(mine(edge, &event, "bob").await.json()["coupons"].as_array().unwrap().len(), 2);
    replica.resume().await;

    let held = r#"firstcome_edge_waits_total{held="twice"}"#;
    let private = stack.handle.metrics(PartKind::Edge)[0];
    let before = metric(private, held).await;
    let again = || async {
        attempt(edge, &event, "ann", "k1").await.is(200, "already_issued");
        let now = metric(private, held).await;
        if now > before { Ok(()) } else { Err("no WAIT has succeeded") }
    };
    wait_until(SOON, "a replica that holds what is told", again).await.unwrap();
    outbox_is_empty(&stack, &event).await;
}
