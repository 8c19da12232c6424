//! The dead-letter desk: letters are listed, brought again and given up; the same letter never twice.

use std::time::Duration;

use contract::ids::{CouponId, EventId};
use contract::record::Issued;
use contract::topics::dead_letter;
use links::kafka::Kafka;
use persister::desk::{Desk, LetterName};
use persister::store::audit::{Mode, Operator, Way};
use rig::check::Sources;
use rig::check::snapshot::LetterState;
use rig::stack::{AdminRole, shared, wait_until};
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::control::state;
use crate::rearm::{armed_again, held_by, letter, replaced};
use crate::world::{Ran, SOON, World, new_id, raw_record, record_of, row_of, win};

/// The partition that tests of a whole batch write to.
const PART: i32 = 7;

async fn dlt(world: &World, words: &[&str]) -> (Option<i32>, Value) {
    let ran: Ran = world.run(&[&["dlt"], words, &["--json"]].concat()).await;
    assert!(!ran.out.is_empty(), "{ran:?}");
    (ran.code, ran.json())
}

/// An event's letters, in order.
pub(crate) async fn listed(world: &World, event: &EventId, words: &[&str]) -> Vec<Value> {
    let words = [&["list", "--event", event.as_str()], words].concat();
    let (code, page) = dlt(world, &words).await;
    assert_eq!(code, Some(0), "{page}");
    page["letters"].as_array().unwrap().clone()
}

pub(crate) async fn replay(world: &World, name: &str) -> (Option<i32>, Value) {
    let (code, done) = dlt(world, &["replay", name, "--wait-s", "60"]).await;
    (code, done["letters"][0].clone())
}

pub(crate) fn name(letter: &Value) -> &str {
    letter["letter"].as_str().unwrap()
}

#[tokio::test]
async fn a_refused_win_becomes_a_row_once_nothing_stands_in_its_way() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("before-its-event");
    let early = win(&event, 1);
    world.produce(PART, vec![record_of(&early)]).await;
    world.dead_letters_when(&event, 1).await;
    let letters = listed(&world, &event, &[]).await;
    let found = json!([letters[0]["reason"], letters[0]["state"], letters[0]["attempts"]]);
    assert_eq!(found, json!(["rejected", "waiting", 1]));
    let (code, refused) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &refused["outcome"]), (Some(1), &json!("refused")), "{refused}");

    world.event(&["create", event.as_str(), "--stock", "5", "--open", "--wait-s", "60"]).await;
    let (code, dry) = dlt(&world, &["replay", name(&letters[0]), "--dry-run"]).await;
    assert_eq!((code, &dry["letters"][0]["outcome"]), (Some(0), &json!("would_replay")), "{dry}");
    assert!(world.rows(&event).await.is_empty());

    let (code, done) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &done["outcome"]), (Some(0), &json!("row")), "{done}");
    assert_eq!(world.rows(&event).await, [row_of(&early)]);
    let (code, again) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &again["outcome"]), (Some(0), &json!("settled")), "{again}");
    assert!(listed(&world, &event, &[]).await.is_empty());
    let settled = listed(&world, &event, &["--state", "replayed"]).await;
    assert_eq!(name(&settled[0]), name(&letters[0]));
}

#[tokio::test]
async fn what_fails_again_is_the_same_letter_and_counts() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("poison-again");
    world.produce(PART, vec![raw_record(&event, b"poison")]).await;
    world.dead_letters_when(&event, 1).await;
    let letters = listed(&world, &event, &[]).await;
    let (code, failed) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &failed["outcome"]), (Some(1), &json!("failed_again")), "{failed}");

    let after = listed(&world, &event, &["--state", "all"]).await;
    assert_eq!(after.len(), 1, "{after:?}");
    let found = json!([after[0]["letter"], after[0]["state"], after[0]["attempts"]]);
    assert_eq!(found, json!([letters[0]["letter"], "waiting", 2]));
    assert_eq!(after[0]["first_failed_at"], letters[0]["first_failed_at"]);

    // The topic tells of the first place both times, in the words of Connect and of Spring.
    let records = world.dead_letter_records(&event).await;
    assert_eq!(records.len(), 2);
    let [first, second] = [&records[0].headers, &records[1].headers];
    let text = |headers: &std::collections::BTreeMap<String, Vec<u8>>, name: &str| {
        String::from_utf8(headers[name].clone()).unwrap()
    };
    for name in [dead_letter::PARTITION, dead_letter::OFFSET] {
        assert_eq!(text(first, name), text(second, name), "{name}");
    }
    assert_eq!(text(second, dead_letter::FIRST_FAILURE), after[0]["first_failed_at"]);
    assert_eq!(text(second, dead_letter::TOPIC), "coupon-issued");
    assert_eq!(text(first, dead_letter::ATTEMPTS), "1");
    assert_eq!(text(second, dead_letter::ATTEMPTS), "2");
    assert_eq!(second[dead_letter::SPRING_PARTITION], PART.to_be_bytes());
    assert_eq!(first[dead_letter::SPRING_TIMESTAMP], second[dead_letter::SPRING_TIMESTAMP]);
}

#[tokio::test]
async fn a_refused_win_of_an_epoch_that_is_over_is_published_with_the_one_that_shows_it() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("refused-then-armed", 5).await;
    let refused = win(&event, 4);
    letter(&world, &refused, "rejected", 0).await;
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.epoch, state.held), (2, 1));
    let held = held_by(&world, &event, refused.user_id.as_str()).await;

    let letters = listed(&world, &event, &["--reason", "rejected"]).await;
    let (code, done) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &done["outcome"]), (Some(0), &json!("row")), "{done}");
    assert_eq!(world.rows(&event).await, [row_of(&refused)]);
    assert_eq!(held_by(&world, &event, refused.user_id.as_str()).await, held);
    let epochs: Vec<u64> =
        world.query("SELECT epoch FROM coupons WHERE event_id = ?", (event.as_str(),)).await;
    assert_eq!(epochs, [2]);
}

#[tokio::test]
async fn a_breach_is_judged_again_and_what_an_arming_decides_is_left_to_it() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("breach-again", 5).await;
    let first = win(&event, 1);
    let other = Issued { coupon_id: CouponId::new(), ..first.clone() };
    world.produce(PART, vec![record_of(&first), record_of(&other)]).await;
    world.dead_letters_when(&event, 1).await;
    let letters = listed(&world, &event, &["--reason", "breach"]).await;
    let (code, failed) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &failed["outcome"]), (Some(1), &json!("failed_again")), "{failed}");
    // Somebody has looked, and found that the row was the wrong one.
    let gone = "DELETE FROM coupons WHERE coupon_id = ?";
    world.query::<u8>(gone, (first.coupon_id.as_bytes().to_vec(),)).await;
    let (code, done) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &done["outcome"]), (Some(0), &json!("row")), "{done}");
    assert_eq!(world.rows(&event).await, [row_of(&other)]);

    letter(&world, &win(&event, 3), "late", 0).await;
    let letters = listed(&world, &event, &["--reason", "late"]).await;
    let (code, refused) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &refused["outcome"]), (Some(1), &json!("refused")), "{refused}");
}

#[tokio::test]
async fn what_is_given_up_closes_the_books_and_keeps_its_unit() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("given-up", 2).await;
    let (sold, refused) = (win(&event, 1), win(&event, 2));
    world.produce_wins(std::slice::from_ref(&sold)).await;
    world.rows_when(&event, 1).await;
    letter(&world, &refused, "rejected", 0).await;
    replaced(&world, &event).await;
    assert_eq!(armed_again(&world, &event).await.held, 2);

    let letters = listed(&world, &event, &[]).await;
    let discard = ["discard", name(&letters[0]), "--as", "ann", "--why", "a test"];
    let (code, dry) = dlt(&world, &[&discard[..], &["--dry-run"]].concat()).await;
    assert_eq!((code, &dry["letters"][0]["outcome"]), (Some(0), &json!("would_give_up")), "{dry}");
    let (code, done) = dlt(&world, &discard).await;
    assert_eq!((code, &done["letters"][0]["outcome"]), (Some(0), &json!("given_up")), "{done}");
    let (code, again) = dlt(&world, &discard).await;
    assert_eq!((code, &again["letters"][0]["outcome"]), (Some(0), &json!("already")), "{again}");
    let (_, shown) = dlt(&world, &["show", name(&letters[0])]).await;
    let found = json!([shown["state"], shown["given_up_by"], shown["given_up_why"]]);
    assert_eq!(found, json!(["given_up", "ann", "a test"]));
    let api = Api::of(&world, AdminRole::Viewer);
    let said = api.get(&format!("/dead-letters?state=given_up&event={event}")).await;
    assert_eq!(
        (said.status, &said.json()["letters"][0]),
        (200, &{
            let mut listed = shown.clone();
            listed.as_object_mut().unwrap().remove("record");
            listed
        })
    );
    assert_eq!(api.get("/dead-letters?reason=lost").await.status, 400);
    let silent = world.run(&["dlt", "discard", name(&letters[0])]).await;
    assert_eq!(silent.code, Some(2), "{silent:?}");
    let audit = world.run(&["audit", "list", "--event", event.as_str(), "--json"]).await.json();
    let lines = audit.as_array().unwrap();
    let line = lines.iter().find(|line| line["action"] == "discard").unwrap();
    let found = json!([line["who"], line["why"], line["to"]["state"]]);
    assert_eq!(found, json!(["ann", "a test", "given_up"]), "{audit}");
    let (code, replayed) = replay(&world, name(&letters[0])).await;
    assert_eq!((code, &replayed["outcome"]), (Some(0), &json!("settled")), "{replayed}");

    // Whoever was told of it was told: nobody else gets its unit, in no later arming.
    replaced(&world, &event).await;
    let look = || async {
        let state = armed_again(&world, &event).await;
        if state.epoch == 3 { Ok(state) } else { Err(state.epoch) }
    };
    let state = wait_until(SOON, "another arming", look).await.unwrap();
    assert_eq!((state.held, state.sequence), (2, 2));
    assert_eq!(world.rows(&event).await, [row_of(&sold)]);
    let words = ["--event", event.as_str()];
    let (code, report) = crate::reconcile::checked(&world, &words).await;
    assert_eq!(code, Some(0), "{report}");
    let of = &report["reports"][0];
    let figures = json!([of["wins"], of["rows"], of["dead_lettered"], of["given_up"]]);
    assert_eq!(figures, json!([2, 1, 0, 1]), "{report}");
    let snapshot = Sources::of(&world.handle).await.unwrap().mysql.snapshot(&event).await.unwrap();
    assert_eq!(snapshot.letters.len(), 1);
    assert_eq!(snapshot.letters[0].state, LetterState::GivenUp);
}

#[tokio::test]
async fn a_letter_is_on_its_way_until_its_partition_was_read_that_far() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("on-its-way");
    world.produce(PART, vec![raw_record(&event, b"poison")]).await;
    world.dead_letters_when(&event, 1).await;
    let letters = listed(&world, &event, &[]).await;
    let discard = ["discard", name(&letters[0]), "--why", "a test"];
    // As if it had been brought again an hour ago, and nobody had read its partition since.
    let stands = "UPDATE dead_letters SET replayed_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR, \
                  replayed_part = part, replayed_offset = kafka_offset + ? WHERE event_id = ?";
    world.query::<u8>(stands, (1_000_000, event.as_str())).await;
    assert_eq!(listed(&world, &event, &[]).await[0]["state"], "on_its_way");
    let (code, refused) = dlt(&world, &discard).await;
    assert_eq!((code, &refused["letters"][0]["outcome"]), (Some(1), &json!("refused")));
    let (code, again) = dlt(&world, &["replay", name(&letters[0]), "--wait-s", "0"]).await;
    assert_eq!((code, &again["letters"][0]["outcome"]), (Some(0), &json!("on_its_way")));

    world.query::<u8>(stands, (0, event.as_str())).await;
    assert_eq!(listed(&world, &event, &[]).await[0]["state"], "waiting");
    let (code, done) = dlt(&world, &discard).await;
    assert_eq!((code, &done["letters"][0]["outcome"]), (Some(0), &json!("given_up")), "{done}");
}

#[tokio::test]
async fn a_letter_that_was_given_up_and_becomes_a_row_says_so() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("given-up-then-a-row");
    let early = win(&event, 1);
    world.produce(PART, vec![record_of(&early)]).await;
    world.dead_letters_when(&event, 1).await;
    let letters = listed(&world, &event, &[]).await;
    let letter = name(&letters[0]);
    dlt(&world, &["discard", letter, "--as", "ann", "--why", "a test"]).await;
    world.event(&["create", event.as_str(), "--stock", "5", "--open", "--wait-s", "60"]).await;
    // As a tool of Kafka's copies a letter back.
    let (part, offset) = letter.split_once('/').unwrap();
    let epoch = state(&world, &event).await.epoch;
    let mut record = record_of(&Issued { epoch, ..early });
    record.headers.extend(
        [
            (dead_letter::TOPIC, "coupon-issued"),
            (dead_letter::PARTITION, part),
            (dead_letter::OFFSET, offset),
        ]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())),
    );
    world.produce(PART, vec![record]).await;
    world.rows_when(&event, 1).await;
    let (_, shown) = dlt(&world, &["show", letter]).await;
    let found = json!([shown["state"], shown["given_up_by"]]);
    assert_eq!(found, json!(["replayed", "ann"]), "{shown}");
}

#[tokio::test]
async fn letters_that_kafka_does_not_take_are_told_and_wait_on() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("no-kafka");
    world.produce(PART, vec![raw_record(&event, b"a"), raw_record(&event, b"b")]).await;
    world.dead_letters_when(&event, 2).await;
    let letters = listed(&world, &event, &[]).await;
    let place = |letter: &Value| name(letter).parse::<LetterName>().unwrap().0;
    let places: Vec<_> = letters.iter().map(place).collect();
    let nowhere = Kafka::plain(vec!["127.0.0.1:1".to_owned()]);
    let desk = Desk::new(world.store(), world.cluster.clone(), &nowhere);
    let ann = Operator { who: "ann".to_owned(), way: Way::Cli, why: "a test".to_owned() };
    let told = desk.replay(&places, &ann, Mode::Do, Duration::ZERO).await.unwrap();
    let told = serde_json::to_value(told).unwrap();
    let outcomes = json!([told[0]["outcome"], told[1]["outcome"]]);
    assert_eq!(outcomes, json!(["failed", "failed"]), "{told}");
    let after = listed(&world, &event, &[]).await;
    assert_eq!(json!([after[0]["state"], after[1]["state"]]), json!(["waiting", "waiting"]));
    let audit = world.run(&["audit", "list", "--event", event.as_str(), "--json"]).await.json();
    assert_eq!(audit, json!([]), "nothing was brought again");
}

#[tokio::test]
async fn the_desk_is_worked_through_the_api_as_well() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("by-api");
    let (early, poison) = (win(&event, 1), raw_record(&event, b"poison"));
    world.produce(PART, vec![record_of(&early), poison]).await;
    world.dead_letters_when(&event, 2).await;
    let viewer = Api::of(&world, AdminRole::Viewer);
    let operator = Api::of(&world, AdminRole::Operator);
    let page = viewer.get(&format!("/dead-letters?event={event}")).await.json();
    let path = |at: usize| format!("/dead-letters/{}", name(&page["letters"][at]));
    let (early_at, poison_at) = (path(0), path(1));
    let shown = viewer.get(&poison_at).await.json();
    let found = json!([shown["reason"], shown["record"]]);
    assert_eq!(found, json!(["undecodable", "poison"]), "{shown}");

    let replay = format!("{early_at}/replay");
    let is = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    };
    is(viewer.post(&replay, json!({})).await, 403, "forbidden");
    is(operator.post(&replay, json!({})).await, 409, "refused");
    is(operator.get("/dead-letters/11/99999999999").await, 404, "unknown_letter");
    is(operator.get("/dead-letters/99/1").await, 400, "malformed");
    is(operator.post("/dead-letters/5/x/replay", json!({})).await, 400, "malformed");
    is(
        operator.post("/dead-letters/11/99999999999/replay", json!({})).await,
        404,
        "unknown_letter",
    );

    world.event(&["create", event.as_str(), "--stock", "5", "--open", "--wait-s", "60"]).await;
    let dry = operator.post(&replay, json!({"dry_run": true})).await.json();
    assert_eq!(dry["outcome"], "would_replay", "{dry}");
    assert!(world.rows(&event).await.is_empty());
    let done = operator.post(&replay, json!({"why": "it is there now", "wait_s": 30})).await;
    assert_eq!((done.status, &done.json()["outcome"]), (200, &json!("row")), "{done:?}");
    assert_eq!(world.rows(&event).await, [row_of(&early)]);
    assert_eq!(operator.post(&replay, json!({})).await.json()["outcome"], "settled");

    let discard = format!("{poison_at}/discard");
    is(viewer.post(&discard, json!({"why": "a test"})).await, 403, "forbidden");
    is(operator.post(&discard, json!({})).await, 400, "malformed");
    is(operator.post(&discard, json!({"why": " "})).await, 400, "malformed");
    let dry = operator.post(&discard, json!({"why": "a test", "dry_run": true})).await.json();
    assert_eq!(dry["outcome"], "would_give_up", "{dry}");
    let done = operator.post(&discard, json!({"why": "a test"})).await.json();
    assert_eq!(done["outcome"], "given_up", "{done}");
    let again = operator.post(&discard, json!({"why": "a test"})).await.json();
    assert_eq!(again["outcome"], "already", "{again}");
    let lines = viewer.get(&format!("/audit?event={event}")).await.json();
    let told: Vec<Value> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["who"], line["way"], line["action"], line["why"]]))
        .collect();
    assert_eq!(told[0], json!(["operator", "api", "discard", "a test"]));
    assert!(told.contains(&json!(["operator", "api", "replay", "it is there now"])), "{told:?}");
}

#[tokio::test]
async fn letters_are_filtered_and_come_in_pages() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("pages", 5).await;
    let mut records: Vec<_> = (0..4).map(|_| raw_record(&event, b"poison")).collect();
    records.push(record_of(&Issued { quantity: 0, ..win(&event, 1) }));
    let first = world.produce(PART, records).await;
    world.dead_letters_when(&event, 5).await;

    let mut names = Vec::new();
    let mut after: Vec<String> = Vec::new();
    loop {
        let mut words = vec!["list", "--event", event.as_str(), "--limit", "2"];
        words.extend(after.iter().flat_map(|after| ["--after", after.as_str()]));
        let (_, page) = dlt(&world, &words).await;
        let letters = page["letters"].as_array().unwrap();
        assert!(letters.len() <= 2, "{page}");
        names.extend(letters.iter().map(|letter| name(letter).to_owned()));
        match page["next"].as_str() {
            Some(next) => after = vec![next.to_owned()],
            None => break,
        }
    }
    let expected: Vec<String> = (first..first + 5).map(|at| format!("{PART}/{at}")).collect();
    assert_eq!(names, expected);

    assert_eq!(listed(&world, &event, &["--reason", "rejected"]).await.len(), 1);
    assert_eq!(listed(&world, &event, &["--until", "2001-01-01T00:00:00Z"]).await.len(), 0);
    let since = ["--since", "2001-01-01T00:00:00Z", "--until", "2999-01-01T00:00:00Z"];
    assert_eq!(listed(&world, &event, &since).await.len(), 5);
    let viewer = Api::of(&world, AdminRole::Viewer);
    let both = "since=2001-01-01T00:00:00Z&until=2999-01-01T00:00:00Z";
    for (times, count) in [(both, 5), ("until=2001-01-01T00:00:00Z", 0)] {
        let page = viewer.get(&format!("/dead-letters?event={event}&{times}")).await.json();
        assert_eq!(page["letters"].as_array().unwrap().len(), count, "{times}: {page}");
    }
    let (code, shown) = dlt(&world, &["show", &names[0]]).await;
    assert_eq!((code, &shown["record"]), (Some(0), &json!("poison")));
    let unknown = world.run(&["dlt", "show", "11/99999999999"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.err.contains("there is no letter 11/99999999999"), "{unknown:?}");
}
