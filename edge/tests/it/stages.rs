//! What an edge's metrics tell of the stages of a claim, and of what it remembers.

use std::path::Path;

use rig::stack::{shared, wait_until};

use crate::client::{claim, get, metric};
use crate::event::{Terms, created, known_by, new_id};
use crate::own_edge::OwnEdge;
use crate::stack::{SOON, Stack};

/// From the head of the request to the win in Kafka, each with a histogram in seconds.
const STAGES: [&str; 6] =
    ["claim_read", "batch_wait", "script", "script_call", "replica_wait", "produce"];

#[tokio::test]
async fn every_stage_of_a_claim_is_timed() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("stages");
    created(&stack, &event, Terms::stock(1)).await;
    let edge = OwnEdge::start(&stack).await;
    known_by(&[edge.address], &event).await;
    claim(edge.address, &event, "ann").await.is(200, "issued");
    let timed = || async {
        // Redis is asked of a winner each time.
        claim(edge.address, &event, "ann").await.is(200, "already_issued");
        for stage in STAGES {
            let count = format!("firstcome_edge_{stage}_seconds_count");
            if metric(edge.private, &count).await < 1.0 {
                return Err(stage);
            }
        }
        Ok(())
    };
    wait_until(SOON, "a time of each stage", timed).await.unwrap();
}

/// Claims that are sold out from memory as well, and a path that there is none of.
#[tokio::test]
async fn every_route_is_timed_and_of_claims_one_in_sixteen() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("routes");
    created(&stack, &event, Terms::stock(1)).await;
    let one_core = ("FIRSTCOME_CORES", Path::new("1"));
    let edge = OwnEdge::start_with(&stack, &[one_core]).await;
    known_by(&[edge.address], &event).await;
    let timed = |route: &str| {
        let count = format!("firstcome_edge_request_seconds_count{{route=\"{route}\"}}");
        async move { metric(edge.private, &count).await }
    };
    let claims = timed("issue").await;
    claim(edge.address, &event, "ann").await.is(200, "issued");
    for number in 1..32 {
        claim(edge.address, &event, &format!("user-{number}")).await.is(409, "sold_out");
    }
    assert_eq!(timed("issue").await - claims, 2.0, "of 32 claims");
    let (status, mine) =
        (format!("/api/v1/coupons/status/{event}"), format!("/api/v1/coupons/mine/{event}"));
    let others = [
        ("status", status.as_str()),
        ("mine", &mine),
        ("health", "/health"),
        ("live", "/health/live"),
        ("ready", "/health/ready"),
        ("openapi", "/openapi.json"),
        ("demo", "/demo"),
        ("unknown", "/nowhere"),
    ];
    for (route, path) in others {
        let before = timed(route).await;
        get(edge.address, path).await;
        assert!(timed(route).await > before, "{route}");
    }
}

#[tokio::test]
async fn an_event_is_named_while_it_is_sold_out_from_memory_and_after() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("latched");
    created(&stack, &event, Terms::stock(1)).await;
    let edge = OwnEdge::start(&stack).await;
    known_by(&[edge.address], &event).await;
    let shows = |value: u8| {
        let series = format!("firstcome_edge_event_sold_out{{event=\"{event}\"}} {value}");
        async move {
            let page = get(edge.private, "/metrics").await;
            let text = String::from_utf8(page.body.to_vec()).unwrap();
            if text.lines().any(|line| line == series) { Ok(()) } else { Err(text) }
        }
    };
    claim(edge.address, &event, "ann").await.is(200, "issued");
    shows(0).await.unwrap();
    // It holds for a tenth of a second: somebody has to ask just before.
    let sold_out = || async {
        claim(edge.address, &event, "bob").await.is(409, "sold_out");
        shows(1).await
    };
    wait_until(SOON, "an event that is sold out from memory", sold_out).await.unwrap();
    wait_until(SOON, "the end of that", || shows(0)).await.unwrap();
}
