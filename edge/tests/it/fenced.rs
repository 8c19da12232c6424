//! What must never be taken for fresh stock.

use contract::directory::Listing;
use contract::event::Phase;
use contract::ids::EventId;
use contract::keys::EventKeys;
use rig::stack::{shared, wait_until};

use crate::client::{claim, mine, status};
use crate::event::{Terms, by_hand, list, listing, new_id, set_state};
use crate::stack::{SOON, Stack};

async fn nothing_is_told(stack: &Stack, event: &EventId) {
    for edge in &stack.edges {
        // The winner, and somebody else.
        for user in ["ann", "bob"] {
            claim(*edge, event, user).await.is(503, "fenced");
            mine(*edge, event, user).await.is(503, "fenced");
        }
    }
}

#[tokio::test]
async fn an_event_whose_state_is_missing_is_fenced() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("missing");
    let _by_hand = by_hand(&stack, &event, Terms::stock(5)).await;
    claim(stack.edges[0], &event, "ann").await.is(200, "issued");
    stack.command(&event, &EventKeys::new(&event).state, &["DEL"]).await;
    nothing_is_told(&stack, &event).await;
}

#[tokio::test]
async fn an_event_that_another_process_was_armed_for_is_fenced() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("identity");
    let _by_hand = by_hand(&stack, &event, Terms::stock(1)).await;
    claim(stack.edges[0], &event, "ann").await.is(200, "issued");
    set_state(&stack, &event, &["identity", &"0".repeat(40)]).await;
    nothing_is_told(&stack, &event).await;
}

#[tokio::test]
async fn an_event_that_the_directory_fences_is_fenced_and_a_late_writer_changes_nothing() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("directory");
    let terms = Terms::stock(5);
    let _by_hand = by_hand(&stack, &event, terms).await;
    claim(stack.edges[0], &event, "ann").await.is(200, "issued");
    let open = listing(&event, terms);
    list(&stack, &Listing { epoch: 2, version: 0, phase: Phase::Fencing, ..open.clone() }).await;
    // A leader that was stopped says now what was true then.
    list(&stack, &Listing { version: 9, ..open }).await;
    for edge in &stack.edges {
        let fenced = || async {
            let answer = status(*edge, &event).await;
            if answer.status == 503 { Ok(()) } else { Err(format!("{answer:?}")) }
        };
        wait_until(SOON, "an edge that has read the directory", fenced).await.unwrap();
    }
    nothing_is_told(&stack, &event).await;
}
