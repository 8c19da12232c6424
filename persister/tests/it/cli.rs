//! The operators' commands: what they print, what they refuse, how they exit.

use rig::stack::shared;
use serde_json::json;

use crate::world::{World, new_id};

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let _guard = shared().await;
    let world = World::open().await;
    let positions = "SELECT part, next_offset FROM partitions ORDER BY part";
    let before: Vec<(i32, i64)> = world.query(positions, ()).await;
    let ran = world.run(&["migrate"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "the schema is up to date\n"));
    let after: Vec<(i32, i64)> = world.query(positions, ()).await;
    assert_eq!(after.len(), 12);
    for (before, after) in before.iter().zip(&after) {
        assert!(after.0 == before.0 && after.1 >= before.1, "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn an_event_goes_from_scheduled_to_closed() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("life");
    let id = event.as_str();

    let created = world
        .event(&[
            "create",
            id,
            "--stock",
            "500",
            "--limit",
            "3",
            "--opens-at",
            "2026-11-27T10:00:00+01:00",
            "--closes-at",
            "2999-01-01T00:00:00Z",
            "--confirm",
            "log",
        ])
        .await;
    assert_eq!(created["outcome"], "created");
    assert_eq!(created["carried"], true);
    assert_eq!(created["phase"], "scheduled");
    assert_eq!(created["opens_at"], "2026-11-27T09:00:00.000Z");
    assert_eq!(created["epoch"], 1);

    for (verb, outcome, phase) in [
        ("open", "changed", "open"),
        ("open", "already", "open"),
        ("pause", "changed", "paused"),
        ("resume", "changed", "open"),
        ("close", "changed", "closed"),
        ("close", "already", "closed"),
    ] {
        let done = world.event(&[verb, id]).await;
        let found = json!([done["outcome"], done["phase"], done["carried"]]);
        assert_eq!(found, json!([outcome, phase, true]), "{verb}");
    }

    let shown = world.event(&["show", id]).await;
    assert_eq!(shown["version"], 5);
    assert_eq!(shown["carried_version"], 5);
    assert_eq!(shown["waiting_for"], "");
    assert_eq!(shown["confirm"], "log");
    assert_eq!(shown["per_user_limit"], 3);
    assert_eq!(shown["rows"], 0);
    let listed = world.event(&["list"]).await;
    let listed = listed.as_array().unwrap();
    assert!(listed.iter().any(|event| event["event_id"] == id && event["phase"] == "closed"));
}

#[tokio::test]
async fn people_read_sentences() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("words");
    let id = event.as_str();
    let created = world.run(&["event", "create", id, "--stock", "7", "--open"]).await;
    let sentence =
        format!("{id}: created, open, 7 units, 1 per user; Redis and the edges carry it");
    assert_eq!(created.out.trim_end(), sentence, "{created:?}");
    let shown = world.run(&["event", "show", id]).await;
    assert!(shown.out.contains("phase wanted   open"), "{}", shown.out);
    let listed = world.run(&["event", "list"]).await;
    assert!(listed.out.lines().any(|line| line.starts_with(id)), "{}", listed.out);
}

#[tokio::test]
async fn an_id_is_never_used_again() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("once", 5).await;
    let again = world.run(&["event", "create", event.as_str(), "--stock", "9"]).await;
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("ids are never used again"), "{again:?}");
    assert_eq!(world.event(&["show", event.as_str()]).await["stock"], 5);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_reason() {
    let _guard = shared().await;
    let world = World::open().await;
    let scheduled = new_id("refused");
    let scheduled = scheduled.as_str();
    world.event(&["create", scheduled, "--stock", "5"]).await;
    let nobody = new_id("nobody");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["pause", scheduled], 1, "it was not opened yet"),
        (&["open", nobody.as_str()], 1, "there is no event"),
        (&["show", nobody.as_str()], 1, "there is no event"),
        (&["create", "a b", "--stock", "5"], 2, "may only contain"),
        (&["create", nobody.as_str(), "--stock", "0"], 2, "0 is not in 1..=100000000"),
        (&["create", nobody.as_str(), "--stock", "5", "--limit", "101"], 2, "not in 1..=100"),
        (&["create", nobody.as_str()], 2, "--stock"),
        (&["create", nobody.as_str(), "--stock", "5", "--opens-at", "noon"], 2, "RFC 3339"),
        (
            &[
                "create",
                nobody.as_str(),
                "--stock",
                "5",
                "--opens-at",
                "2999-01-02T00:00:00Z",
                "--closes-at",
                "2999-01-01T00:00:00Z",
            ],
            2,
            "close before it opens",
        ),
    ];
    for (words, code, why) in cases {
        let ran = world.run(&[&["event"], words].concat()).await;
        assert_eq!(ran.code, Some(code), "{words:?}: {ran:?}");
        assert!(ran.err.contains(why), "{words:?}: {ran:?}");
    }
    let closed = world.event(&["close", scheduled]).await;
    assert_eq!(closed["phase"], "closed");
    let reopened = world.run(&["event", "open", scheduled]).await;
    assert_eq!(reopened.code, Some(1));
    assert!(reopened.err.contains("closing is final"), "{reopened:?}");
}

#[tokio::test]
async fn a_wrong_environment_is_named_and_a_missing_server_is_told() {
    let _guard = shared().await;
    let world = World::open().await;
    let run = async |arguments: &[&str], name: &str, value: &str| {
        let mut command = world.handle.persister_command(arguments).unwrap();
        let output = command.env(name, value).output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = run(&["migrate"], "FIRSTCOME_MYSQL", "mysql://localhost").await;
    assert_eq!(code, Some(2));
    assert!(err.contains("FIRSTCOME_MYSQL") && err.contains("it wants mysql://"), "{err}");
    let (code, err) = run(&["run"], "FIRSTCOME_REDIS", "nowhere").await;
    assert_eq!(code, Some(2));
    assert!(err.contains("FIRSTCOME_REDIS is \"nowhere\""), "{err}");
    // Nothing listens on port 1.
    let nobody = "mysql://firstcome:firstcome@127.0.0.1:1/firstcome";
    let (code, err) = run(&["event", "list"], "FIRSTCOME_MYSQL", nobody).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("MySQL cannot be reached"), "{err}");
}
