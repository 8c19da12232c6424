//! What an edge's metrics tell of the stages of a claim, and of what it remembers.

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
