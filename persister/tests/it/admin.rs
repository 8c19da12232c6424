//! The admin API: who may do what, how a call is read, what it answers.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use contract::ids::{CouponId, EventId};
use futures_util::future::join_all;
use mysql_async::prelude::Queryable;
use rig::stack::{AdminRole, exclusive, shared};
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::control::state;
use crate::world::{World, new_id, win};

#[tokio::test]
async fn only_who_has_a_token_is_answered_and_only_operators_change() {
    let _guard = shared().await;
    let world = World::open().await;
    for headers in [
        "",
        "authorization: Bearer 0123456789abcdef0123456789abcdef\r\n",
        "authorization: Basic dmlld2VyOg==\r\n",
        "authorization: Bearer\r\n",
    ] {
        for path in ["/events", "/nothing"] {
            let answer = Api::with(&world, headers).get(path).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"));
            assert!(answer.head.contains("www-authenticate: bearer"), "{answer:?}");
        }
    }
    let viewer = Api::of(&world, AdminRole::Viewer);
    assert_eq!(viewer.get("/me").await.json(), json!({"name": "viewer", "role": "viewer"}));
    assert_eq!(viewer.get("/events").await.status, 200);
    let event = new_id("viewed");
    let refused = viewer.post("/events", json!({"event_id": event, "stock": 5})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    let operator = Api::of(&world, AdminRole::Operator);
    assert_eq!(operator.get(&format!("/events/{event}")).await.code(), "unknown_event");
}

/// Another address of this machine's, so that nobody else is locked out, nor a later run of this test.
fn guesser() -> SocketAddr {
    (Ipv4Addr::from(0x7f01_0000 + std::process::id() % 0xffff), 0).into()
}

/// Tries, of which some are refused.
const GUESSES: usize = 40;

#[tokio::test]
async fn who_guesses_tokens_is_locked_out_and_nobody_else_is() {
    let _guard = shared().await;
    let world = World::open().await;
    let guess = async |number: usize| {
        let wrong = Api::with(&world, &format!("authorization: Bearer {number:032}\r\n"));
        wrong.coming_from(guesser()).get("/events").await
    };
    for _ in 0..GUESSES {
        assert_eq!(guess(0).await.status, 401, "an old token is no guess");
    }
    let mut answers = Vec::new();
    for number in 0..GUESSES {
        answers.push(guess(number).await);
    }
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    let refused = answers.split_off(looked_at);
    assert_eq!(looked_at, 20, "the first ones are told that they are wrong");
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (429, "locked_out"));
        assert!(answer.head.contains("retry-after: "), "{answer:?}");
    }
    let right = Api::of(&world, AdminRole::Viewer).coming_from(guesser());
    assert_eq!(right.get("/events").await.status, 429, "nor is a right guess told");
    assert_eq!(Api::of(&world, AdminRole::Viewer).get("/events").await.status, 200);
}

#[tokio::test]
async fn a_call_that_is_not_as_described_is_told_what_is_wrong() {
    let _guard = shared().await;
    let world = World::open().await;
    let api = Api::of(&world, AdminRole::Operator);
    let is = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    };
    is(api.get("/nothing").await, 404, "not_found");
    is(api.get("/events/a%7Bb%7D").await, 400, "malformed");
    is(api.send("DELETE /admin/v1/events HTTP/1.1\r\n", "").await, 405, "method_not_allowed");
    is(api.get("/audit?limit=0").await, 400, "malformed");
    is(api.get("/audit?evnet=a").await, 400, "malformed");
    is(api.post("/events", json!({"event_id": "a", "stock": 0})).await, 400, "malformed");
    is(
        api.post("/events", json!({"event_id": "a", "stock": 1, "limit": 2})).await,
        400,
        "malformed",
    );
    is(api.post("/events/a/open", json!({"dryrun": true})).await, 400, "malformed");
    is(api.post("/events/a/open", json!({"wait_s": 31})).await, 400, "malformed");
    is(api.post("/events/a/stock", json!({"to": 0})).await, 400, "malformed");
    is(api.post("/coupons/17/return", json!({})).await, 400, "malformed");
    is(api.post("/events", json!({"why": "x".repeat(20_000)})).await, 413, "too_large");
    let late =
        json!({"event_id": "a", "stock": 1, "dry_run": true, "opens_at": "+10000-01-01T00:00:00Z"});
    is(api.post("/events", late).await, 400, "malformed");
    // Only a change of an event compares versions.
    let new = json!({"event_id": "a", "stock": 1, "dry_run": true, "if_version": 1});
    is(api.post("/events", new).await, 400, "malformed");
    let coupon = CouponId::new();
    let body = json!({"if_version": 3});
    is(api.post(&format!("/coupons/{coupon}/revoke"), body).await, 400, "malformed");
    let tagged = format!("POST /admin/v1/coupons/{coupon}/return HTTP/1.1\r\nif-match: \"3\"\r\n");
    is(api.send(&tagged, "").await, 400, "malformed");
    let xml = "POST /admin/v1/events HTTP/1.1\r\ncontent-type: text/xml\r\n";
    is(api.send(xml, "<event/>").await, 415, "unsupported_type");
}

#[tokio::test]
async fn an_event_lives_through_the_api_and_every_change_is_audited() {
    let _guard = shared().await;
    let world = World::open().await;
    let api = Api::of(&world, AdminRole::Operator);
    let event = new_id("api");
    let new = json!({"event_id": event, "stock": 5, "open": true, "why": "spring", "wait_s": 30});
    let created = api.post("/events", new.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(created.head.contains("etag: \"1\""), "{created:?}");
    let done = created.json();
    assert_eq!((&done["outcome"], &done["carried"]), (&json!("created"), &json!(true)));
    let again = api.post("/events", new).await;
    assert_eq!((again.status, &again.json()["outcome"]), (200, &json!("already")));
    let other = api.post("/events", json!({"event_id": event, "stock": 6})).await;
    assert_eq!((other.status, other.code().as_str()), (409, "id_used"));

    let path = |verb: &str| format!("/events/{event}/{verb}");
    for (verb, body, phase, stock) in [
        ("pause", json!({"why": "too fast", "wait_s": 30}), "paused", 5),
        ("stock", json!({"to": 9, "wait_s": 30}), "paused", 9),
        ("resume", json!({"wait_s": 30}), "open", 9),
        ("stock", json!({"to": 7, "wait_s": 30}), "open", 7),
        ("close", json!({"wait_s": 30}), "closed", 7),
    ] {
        let done = api.post(&path(verb), body).await;
        assert_eq!(done.status, 200, "{verb}: {done:?}");
        let done = done.json();
        assert_eq!(done["outcome"], "changed", "{verb}: {done}");
        assert_eq!((&done["phase"], &done["stock"]), (&json!(phase), &json!(stock)), "{verb}");
        assert_eq!(done["carried"], true, "{verb}: {done}");
        assert_eq!(state(&world, &event).await.phase.as_str(), phase, "{verb}");
    }
    assert_eq!(api.post(&path("close"), json!({})).await.json()["outcome"], "already");
    let refused = api.post(&path("open"), json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "refused"));

    let lines = api.get(&format!("/audit?event={event}")).await.json();
    let told: Vec<Value> = lines
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|line| {
            json!([
                line["who"],
                line["way"],
                line["action"],
                line["version"],
                line["to"],
                line["why"]
            ])
        })
        .collect();
    let by = |action: &str, version: u64, to: Value, why: &str| {
        json!(["operator", "api", action, version, to, why])
    };
    assert_eq!(told[0][2], "create");
    assert_eq!(
        told[1..],
        [
            by("pause", 2, json!({"phase": "paused"}), "too fast"),
            by("stock", 3, json!({"stock": 9}), ""),
            by("resume", 4, json!({"phase": "open"}), ""),
            by("stock", 5, json!({"stock": 7}), ""),
            by("close", 6, json!({"phase": "closed"}), ""),
        ]
    );
}

#[tokio::test]
async fn the_second_of_two_operators_is_told_what_the_first_did() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("two", 5).await;
    let ann = Api::of(&world, AdminRole::Operator);
    let bob = Api::of(&world, AdminRole::SecondOperator);
    let path = |verb: &str| format!("/events/{event}/{verb}");
    // Both looked at version 1.
    let why = json!({"why": "fraud", "if_version": 1, "wait_s": 30});
    assert_eq!(ann.post(&path("pause"), why.clone()).await.json()["version"], 2);
    let told = bob.post(&path("stock"), json!({"to": 9, "if_version": 1})).await;
    assert_eq!((told.status, told.code().as_str()), (409, "version_conflict"));
    let told = told.json();
    let line = &told["changed_by"][0];
    assert_eq!(
        json!([line["who"], line["action"], line["why"]]),
        json!(["operator", "pause", "fraud"])
    );
    assert_eq!(json!([told["event"]["phase"], told["event"]["version"]]), json!(["paused", 2]));
    // The first one's answer was lost: asking again is no conflict. For the second one it is.
    assert_eq!(ann.post(&path("pause"), why.clone()).await.json()["outcome"], "already");
    assert_eq!(bob.post(&path("pause"), why).await.code(), "version_conflict");
    let stale = format!("POST /admin/v1{} HTTP/1.1\r\nif-match: \"1\"\r\n", path("close"));
    assert_eq!(bob.send(&stale, "").await.code(), "version_conflict");
    let fresh = format!("POST /admin/v1{} HTTP/1.1\r\nif-match: \"2\"\r\n", path("close"));
    assert_eq!(bob.send(&fresh, "").await.json()["phase"], "closed");
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let _guard = shared().await;
    let world = World::open().await;
    let api = Api::of(&world, AdminRole::Operator);
    let none = new_id("dry");
    let would = api.post("/events", json!({"event_id": none, "stock": 5, "dry_run": true})).await;
    assert_eq!((would.status, &would.json()["outcome"]), (200, &json!("would_change")));
    assert_eq!(api.get(&format!("/events/{none}")).await.status, 404);
    let event = world.open_event("dry", 5).await;
    for (verb, says) in [("pause", "503 paused"), ("close", "cannot be undone")] {
        let done =
            api.post(&format!("/events/{event}/{verb}"), json!({"dry_run": true})).await.json();
        assert_eq!(done["outcome"], "would_change");
        assert!(done["effects"][0].as_str().unwrap().contains(says), "{done}");
    }
    let body = json!({"to": 8, "dry_run": true});
    let done = api.post(&format!("/events/{event}/stock"), body).await.json();
    assert!(done["effects"][0].as_str().unwrap().contains("3 units more"), "{done}");
    let shown = api.get(&format!("/events/{event}")).await.json();
    assert_eq!(json!([shown["phase"], shown["stock"], shown["version"]]), json!(["open", 5, 1]));
    let lines = api.get(&format!("/audit?event={event}")).await.json();
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
}

#[tokio::test]
async fn a_window_moves_and_labels_are_kept() {
    let _guard = shared().await;
    let world = World::open().await;
    let api = Api::of(&world, AdminRole::Operator);
    let event = new_id("window");
    let new = json!({
        "event_id": event, "stock": 5, "open": true, "labels": {"team": "blue"}, "wait_s": 30,
        "closes_at": "2998-01-01T00:00:00Z",
    });
    assert_eq!(api.post("/events", new).await.json()["labels"], json!({"team": "blue"}));
    let path = |verb: &str| format!("/events/{event}/{verb}");
    let later = json!({"opens_at": "2997-01-01T00:00:00Z", "wait_s": 30});
    let done = api.post(&path("reschedule"), later).await.json();
    let window = json!([done["opens_at"], done["closes_at"], done["carried"]]);
    let wanted = json!(["2997-01-01T00:00:00.000Z", "2998-01-01T00:00:00.000Z", true]);
    assert_eq!(window, wanted, "{done}");
    assert_eq!(state(&world, &event).await.opens_ms, 32_409_072_000_000);
    let back = json!({"opens_at": null, "closes_at": "2999-01-01T00:00:00Z", "wait_s": 30});
    let done = api.post(&path("reschedule"), back).await.json();
    assert_eq!(json!([done["opens_at"], done["carried"]]), json!([null, true]));
    assert_eq!(state(&world, &event).await.opens_ms, 0);
    let past = json!({"closes_at": "2001-01-01T00:00:00Z"});
    assert_eq!(api.post(&path("reschedule"), past).await.code(), "refused");

    let words = json!({"labels": {"team": "", "city": "Köln"}, "wait_s": 30});
    let done = api.post(&path("label"), words.clone()).await.json();
    assert_eq!(json!([done["labels"], done["carried"]]), json!([{"city": "Köln"}, true]));
    assert_eq!(api.post(&path("label"), words).await.json()["outcome"], "already");
    let id = event.as_str();
    let moved = world.event(&["reschedule", id, "--closes-at", "none", "--dry-run"]).await;
    assert!(moved["effects"][0].as_str().unwrap().contains("when closed"), "{moved}");
    let labelled = world.event(&["label", id, "city=", "team=red"]).await;
    assert_eq!(labelled["labels"], json!({"team": "red"}));
}

#[tokio::test]
async fn more_calls_than_there_are_sessions_for_are_asked_to_come_again() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("crowd", 5).await;
    let api = Api::of(&world, AdminRole::Operator);
    // As long as its row is locked no change of it ends, and each has a session.
    let mut lock = world.mysql().await;
    lock.query_drop("START TRANSACTION").await.unwrap();
    let row = "SELECT version FROM events WHERE event_id = ? FOR UPDATE";
    lock.exec_drop(row, (event.as_str(),)).await.unwrap();
    let path = format!("/events/{event}/label");
    let call = |number: u32| api.post(&path, json!({"labels": {"number": number.to_string()}}));
    let answers = join_all((0..24).map(call)).await;
    lock.query_drop("ROLLBACK").await.unwrap();
    let busy: Vec<&Answer> = answers.iter().filter(|answer| answer.code() == "busy").collect();
    assert!(!busy.is_empty(), "{answers:?}");
    for answer in busy {
        assert_eq!(answer.status, 503);
        assert!(answer.head.contains("retry-after: "), "{answer:?}");
    }
    assert_eq!(call(1).await.status, 200, "there is room again");
}

#[tokio::test]
async fn events_come_in_pages_the_oldest_first() {
    let _guard = shared().await;
    let world = World::open().await;
    let viewer = Api::of(&world, AdminRole::Viewer);
    let first = world.open_event("page", 1).await;
    let second = world.open_event("page", 1).await;
    let third = world.open_event("page", 1).await;
    world.event(&["pause", third.as_str()]).await;
    let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
    // Other tests make events meanwhile.
    let (mut found, mut after) = (Vec::new(), first.to_string());
    loop {
        let page = viewer.get(&format!("/events?after={after}&limit=2")).await.json();
        let page: Vec<String> = page.as_array().unwrap().iter().map(id).collect();
        assert!(page.len() <= 2, "{page:?}");
        let Some(last) = page.last() else { break };
        after = last.clone();
        found.extend(page);
    }
    let at = |event: &EventId| found.iter().position(|id| id == event.as_str());
    assert!(at(&first).is_none() && at(&second).unwrap() < at(&third).unwrap(), "{found:?}");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "{found:?}");

    let paused = viewer.get(&format!("/events?after={first}&phase=paused&limit=1000")).await.json();
    let paused = paused.as_array().unwrap();
    assert!(paused.iter().all(|event| event["phase"] == "paused"), "{paused:?}");
    assert!(paused.iter().any(|event| event["event_id"] == third.as_str()), "{paused:?}");
    let words = ["event", "list", "--after", second.as_str(), "--limit", "1", "--json"];
    let listed = world.run(&words).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    for bad in ["limit=0", "limit=1001", "after=nowhere", "phase=armed", "page=2"] {
        assert_eq!(viewer.get(&format!("/events?{bad}")).await.code(), "malformed", "{bad}");
    }
}

#[tokio::test]
async fn winners_are_exported_whole_and_in_order() {
    let _guard = shared().await;
    let world = World::open().await;
    // More than one page, and a last one that is full.
    let count: u64 = 2_000;
    let event = world.open_event("winners", 2_000).await;
    let wins: Vec<_> = (1..=count).map(|sequence| win(&event, sequence)).collect();
    world.produce_wins(&wins).await;
    world.rows_when(&event, 2_000).await;
    let viewer = Api::of(&world, AdminRole::Viewer);
    let csv = viewer.get(&format!("/events/{event}/winners?format=csv")).await;
    assert_eq!(csv.status, 200, "{csv:?}");
    assert!(csv.head.contains("content-type: text/csv"), "{csv:?}");
    let csv = unchunked(&csv.body);
    let printed = world.run(&["event", "winners", event.as_str()]).await;
    assert_eq!(printed.out, csv, "both say the same");
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("sequence,user_id,"));
    let numbers: Vec<u64> =
        lines.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
    let objects = world.run(&["event", "winners", event.as_str(), "--format", "ndjson"]).await;
    let objects: Vec<Value> =
        objects.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = objects.last().unwrap();
    let coupon = wins.last().unwrap().coupon_id.to_string();
    assert_eq!(
        json!([objects.len(), last["user_id"], last["coupon_id"]]),
        json!([count, "user-2000", coupon])
    );
    assert_eq!(
        viewer.get(&format!("/events/{event}/winners?format=xml")).await.code(),
        "malformed"
    );
    let none = new_id("none");
    assert_eq!(viewer.get(&format!("/events/{none}/winners")).await.code(), "unknown_event");
    assert_eq!(world.run(&["event", "winners", none.as_str()]).await.code, Some(1));
}

/// A chunked body put together; it must have its last chunk.
fn unchunked(body: &str) -> String {
    let (mut whole, mut rest) = (String::new(), body);
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole += &after[..size];
        rest = &after[size + 2..];
    }
}
