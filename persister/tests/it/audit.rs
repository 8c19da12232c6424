//! What operators did by the command line, as the audit tells it.

use rig::stack::shared;
use serde_json::json;

use crate::world::{World, new_id};

#[tokio::test]
async fn a_command_is_audited_with_who_and_why_and_a_dry_run_is_not() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("audited");
    let id = event.as_str();
    world
        .event(&["create", id, "--stock", "5", "--as", "Ann B.", "--why", "the spring sale"])
        .await;
    let would = world.event(&["open", id, "--dry-run"]).await;
    assert_eq!((&would["outcome"], &would["phase"]), (&json!("would_change"), &json!("open")));
    let said = world.run(&["event", "open", id, "--dry-run"]).await;
    assert!(said.out.contains("nothing was changed"), "{said:?}");
    world.event(&["open", id]).await;
    assert_eq!(world.event(&["open", id]).await["outcome"], "already");

    let ran = world.run(&["audit", "list", "--event", id, "--json"]).await;
    let lines = ran.json();
    assert_eq!(lines.as_array().unwrap().len(), 2, "{lines}");
    let (open, create) = (&lines[0], &lines[1]);
    assert_eq!(json!([create["who"], create["why"]]), json!(["Ann B.", "the spring sale"]));
    assert_eq!(
        json!([create["way"], create["action"], create["to"]["stock"]]),
        json!(["cli", "create", 5])
    );
    assert_eq!(
        json!([open["from"], open["to"]]),
        json!([{"phase": "scheduled"}, {"phase": "open"}])
    );
    assert!(!open["who"].as_str().unwrap().is_empty());
    let first = open["id"].to_string();
    let older = world.run(&["audit", "list", "--event", id, "--before", &first, "--json"]).await;
    assert_eq!(older.json(), json!([create]));
    let people = world.run(&["audit", "list", "--event", id]).await;
    assert!(people.out.contains("Ann B. (cli) create"), "{people:?}");
}

#[tokio::test]
async fn a_command_that_looked_at_an_older_version_is_told_what_was_done_since() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("since", 5).await;
    let id = event.as_str();
    world.event(&["pause", id, "--as", "ann", "--why", "fraud", "--if-version", "1"]).await;
    let told = world.run(&["event", "close", id, "--as", "bob", "--if-version", "1"]).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.contains("somebody else just did"), "{told:?}");
    assert!(
        told.err.contains("ann (cli) pause") && told.err.contains("because: fraud"),
        "{told:?}"
    );
}
