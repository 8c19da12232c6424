//! Health, readiness, metrics, and wrong configurations.

use std::net::SocketAddr;
use std::process::Stdio;

use rig::stack::{PartKind, exclusive, shared, wait_until};
use serde_json::Value;
use tokio::process::Command;

use crate::client::{claim, get};
use crate::event::new_id;
use crate::own_edge::OwnEdge;
use crate::stack::{SOON, Stack};

/// Waits until an edge says of a dependency that it stands so, and returns since when.
async fn stands(edge: SocketAddr, name: &str, state: &str) -> Value {
    let look = || async {
        let health = get(edge, "/health").await.json();
        let all = health["dependencies"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap();
        if one["state"] == state { Ok(one["since"].clone()) } else { Err(health.to_string()) }
    };
    wait_until(SOON, &format!("{name} {state}"), look).await.unwrap()
}

#[tokio::test]
async fn a_whole_stack_is_well_and_ready() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    for edge in stack.edges {
        for name in ["redis", "directory", "kafka"] {
            stands(edge, name, "ok").await;
        }
        let health = get(edge, "/health").await;
        assert_eq!((health.status, &health.json()["status"]), (200, &"ok".into()), "{health:?}");
        assert_eq!(get(edge, "/health/ready").await.status, 200);
        assert_eq!(get(edge, "/health/live").await.status, 200);
    }
}

#[tokio::test]
async fn an_edge_that_cannot_read_the_directory_lives_but_is_not_ready() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    // Nothing listens on the discard port.
    let edge = OwnEdge::start_with_kafka(&stack, &["127.0.0.1:9".to_owned()]).await;
    get(edge.address, "/health/ready").await.is(503, "not_ready");
    let health = get(edge.address, "/health").await;
    assert_eq!((health.status, &health.json()["status"]), (503, &"unavailable".into()));
    stands(edge.address, "directory", "down").await;
    stands(edge.address, "kafka", "down").await;
    stands(edge.address, "redis", "ok").await;
    // It does not know whether there is such an event.
    claim(edge.address, &new_id("stale"), "ann").await.is(503, "directory_stale");
    edge.terminate();
    assert!(edge.ended().await.success());
}

#[tokio::test]
async fn what_is_missing_is_named_with_since_when_and_comes_back() {
    let _guard = exclusive().await;
    let stack = Stack::connect().await;
    let edge = stack.edges[0];
    let master = stack.master_part(&new_id("health")).await;
    for (name, part) in [("redis", master.as_str()), ("kafka", "kafka-2")] {
        let well = stands(edge, name, "ok").await;
        let paused = stack.pause(&[part]).await;
        let since = stands(edge, name, "degraded").await;
        assert!(since.as_str() > well.as_str(), "{name}: {since} after {well}");
        let health = get(edge, "/health").await;
        assert_eq!((health.status, &health.json()["status"]), (200, &"degraded".into()));
        // Looked at again, it stands so since the same moment.
        assert_eq!(stands(edge, name, "degraded").await, since, "{name}");
        assert_eq!(get(edge, "/health/ready").await.status, 200, "others may well be served");
        paused.resume().await;
        assert!(stands(edge, name, "ok").await.as_str() > since.as_str(), "{name}");
    }
}

#[tokio::test]
async fn metrics_are_on_the_private_port_and_name_no_user_and_no_event_that_is_made_up() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    claim(stack.edges[0], &new_id("metrics-event"), "metrics-user").await;
    for private in stack.handle.metrics(PartKind::Edge) {
        let answer = get(private, "/metrics").await;
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.contains("# HELP firstcome_edge_requests_total "), "{text}");
        assert!(text.contains(r#"firstcome_edge_requests_total{route="issue",code="issued"}"#));
        assert!(!text.contains("metrics-"), "{text}");
        assert_eq!(get(private, "/health").await.status, 404);
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_named_and_ends_with_2() {
    let edge = || {
        let mut edge = Command::new(env!("CARGO_BIN_EXE_edge"));
        edge.env_clear().stdin(Stdio::null()).kill_on_drop(true);
        edge
    };
    let ended = edge().output().await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("FIRSTCOME_IDENTITY is not set; it wants 'jwt'"), "{said}");

    let ended = edge()
        .env("FIRSTCOME_IDENTITY", "open")
        .env("FIRSTCOME_REDIS", "localhost")
        .env("FIRSTCOME_KAFKA", "127.0.0.1:9")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("FIRSTCOME_REDIS is \"localhost\"; it wants"), "{said}");
}
