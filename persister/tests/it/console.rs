//! The console's files, and what it asks for once a second.

use contract::ids::EventId;
use rig::stack::{AdminRole, shared, wait_until};
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::world::{SOON, World, win};

async fn fetch(api: &Api, path: &str, headers: &str) -> Answer {
    api.send(&format!("GET {path} HTTP/1.1\r\n{headers}"), "").await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let mut lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn the_page_is_for_everybody_and_comes_from_nowhere_else() {
    let _guard = shared().await;
    let world = World::open().await;
    let nobody = Api::with(&world, "");
    let home = fetch(&nobody, "/", "").await;
    assert_eq!((home.status, header(&home, "location")), (307, "/console/"));
    for (path, kind) in [
        ("/console/", "text/html; charset=utf-8"),
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/main.js", "text/javascript; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
    ] {
        let file = fetch(&nobody, path, "").await;
        assert_eq!((file.status, header(&file, "content-type")), (200, kind), "{path}");
        assert_eq!(header(&file, "cache-control"), "no-cache", "{path}");
        let known = format!("if-none-match: {}\r\n", header(&file, "etag"));
        assert_eq!(fetch(&nobody, path, &known).await.status, 304, "{path}");
    }
    assert_eq!(fetch(&nobody, "/console/nothing.js", "").await.status, 401);
    assert_eq!(nobody.post("/live", json!({})).await.status, 401);
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_make_of_it() {
    let _guard = shared().await;
    let world = World::open().await;
    let viewer = Api::of(&world, AdminRole::Viewer);
    for (path, kept) in
        [("/console/", "no-cache"), ("/admin/v1/me", "no-store"), ("/x", "no-store")]
    {
        let answer = fetch(&viewer, path, "").await;
        let policy = header(&answer, "content-security-policy");
        for part in ["default-src 'self'", "frame-ancestors 'none'", "form-action 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header(&answer, "cache-control"), kept, "{path}");
        assert_eq!(header(&answer, "set-cookie"), "", "{path}");
        assert_eq!(header(&answer, "access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn whoever_is_asked_says_who_leads_and_who_is_there() {
    let _guard = shared().await;
    let world = World::open().await;
    assert_eq!(Api::with(&world, "").get("/live").await.code(), "unauthenticated");
    let viewer = Api::of(&world, AdminRole::Viewer);
    assert_eq!(viewer.get("/live?event=a%7Bb%7D").await.code(), "malformed");
    let leader = world.leader().await;
    let seen = wait_until(SOON, "a system that is well", || async {
        let system = viewer.get("/live").await.json()["system"].clone();
        let well = |part: &Value| part["state"] == "ok";
        let parts = system["parts"].as_array().cloned().unwrap_or_default();
        if parts.iter().all(well) && system["leader"] == leader { Ok(system) } else { Err(system) }
    });
    let system = seen.await.unwrap();
    let count = |kind: &str| {
        let parts = system["parts"].as_array().unwrap().iter();
        parts.filter(|part| part["kind"] == kind).count()
    };
    let counts = ["persister", "edge", "redis node", "mysql", "redis", "kafka"].map(count);
    let leads = system["persister"] == leader;
    assert_eq!(counts, [if leads { 1 } else { 2 }, 2, 6, 1, 1, 1], "{system}");
    assert_eq!(system["role"], if leads { "leader" } else { "stand_by" });
    assert_eq!(system["edges"].as_array().unwrap().len(), 2, "{system}");
}

/// The event's figures, once that is what it differs by.
async fn settled(viewer: &Api, event: &EventId, drift: i64) -> Value {
    let path = format!("/live?event={event}");
    let look = || async {
        let figures = viewer.get(&path).await.json()["event"].clone();
        if figures["drift"] == drift { Ok(figures) } else { Err(figures) }
    };
    wait_until(SOON, "settled figures", look).await.unwrap()
}

#[tokio::test]
async fn rows_that_the_shard_does_not_know_are_drift_once_everything_settled() {
    let _guard = shared().await;
    let world = World::open().await;
    let viewer = Api::of(&world, AdminRole::Viewer);
    let event = world.open_event("drift", 5).await;
    let sold = settled(&viewer, &event, 0).await;
    assert_eq!(json!([sold["held"], sold["units"], sold["on_their_way"]]), json!([0, 0, 0]));
    assert_eq!(json!([sold["carried_stock"], sold["phase"]]), json!([5, "open"]));
    // Records of wins that no shard granted.
    world.produce_wins(&[win(&event, 1), win(&event, 2)]).await;
    let drifted = settled(&viewer, &event, -2).await;
    assert_eq!(json!([drifted["held"], drifted["units"]]), json!([0, 2]));
    let unknown = viewer.get("/live?event=no-such-event").await.json();
    assert!(unknown["event"].is_null() && unknown["system"]["at_ms"].is_number(), "{unknown}");
}
