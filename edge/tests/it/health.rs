//! Health, readiness, metrics, and wrong configurations.

use std::process::Stdio;

use rig::stack::{PartKind, shared};
use tokio::process::Command;

use crate::client::{claim, get};
use crate::event::new_id;
use crate::own_edge::OwnEdge;
use crate::stack::Stack;

#[tokio::test]
async fn a_whole_stack_is_well_and_ready() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    for edge in stack.edges {
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
    // It does not know whether there is such an event.
    claim(edge.address, &new_id("stale"), "ann").await.is(503, "directory_stale");
    edge.terminate();
    assert!(edge.ended().await.success());
}

#[tokio::test]
async fn metrics_are_on_the_private_port_and_name_no_user_and_no_event() {
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
    assert!(said.contains("FIRSTCOME_IDENTITY is not set; it wants 'open'"), "{said}");

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
