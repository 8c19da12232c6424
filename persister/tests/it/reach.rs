//! What operators want reaches every edge. How long that takes is printed; 200 ms are wanted.

use std::net::SocketAddr;
use std::time::Duration;

use contract::ids::{CouponId, EventId};
use futures_util::future::join_all;
use rig::stack::{AdminRole, PartKind, shared, wait_until};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::Api;
use crate::world::{SOON, World, new_id};

/// Asks one edge, each time as a user who never asked before, until it answers so; returns how long
/// after `since` that was.
async fn reaches(edge: SocketAddr, event: &EventId, said: (u16, &str), since: Instant) -> Duration {
    let api = Api::at(edge);
    let look = || async {
        let user = CouponId::new().to_hex();
        let body = json!({"event_id": event, "user_id": user}).to_string();
        let answer = api.send("POST /api/v1/coupons/issue HTTP/1.1\r\n", &body).await;
        let json = answer.json();
        let word = json["code"].as_str().or(json["outcome"].as_str()).unwrap_or_default();
        if (answer.status, word) == said { Ok(since.elapsed()) } else { Err(answer.body) }
    };
    wait_until(SOON, &format!("{said:?} from {edge}"), look).await.unwrap()
}

#[tokio::test]
async fn every_change_reaches_every_edge() {
    let _guard = shared().await;
    let world = World::open().await;
    let api = Api::of(&world, AdminRole::Operator);
    let edges = world.handle.addresses(PartKind::Edge);
    let event = new_id("reach");
    let path = |verb: &str| format!("/events/{event}/{verb}");
    let new = json!({"event_id": event, "stock": 100_000});
    let changes: [(String, Value, (u16, &str)); 6] = [
        ("/events".to_owned(), new, (403, "not_open")),
        (path("open"), json!({}), (200, "issued")),
        (path("pause"), json!({}), (503, "paused")),
        (path("resume"), json!({}), (200, "issued")),
        (path("close"), json!({}), (410, "closed")),
        (path("archive"), json!({}), (404, "unknown_event")),
    ];
    for (path, body, said) in changes {
        // Archiving has to find the close carried.
        let asked = || async {
            let answer = api.post(&path, body.clone()).await;
            if (200..300).contains(&answer.status) { Ok(()) } else { Err(answer.body) }
        };
        wait_until(SOON, &path, asked).await.unwrap();
        let since = Instant::now();
        let took = join_all(edges.iter().map(|&edge| reaches(edge, &event, said, since))).await;
        let last = took.into_iter().max().unwrap();
        println!("{}: every edge says {} after {} ms", path, said.1, last.as_millis());
    }
}
