//! Wins that stay in an outbox, because the edge that granted them died, are published.

use contract::claim_script::{FORMAT, SOURCE};
use contract::ids::{Attempt, CouponId, EventId};
use contract::keys::EventKeys;
use links::redis::{Cluster, Reply, Script};
use rig::stack::{shared, wait_until};

use crate::world::{SOON, World, user};

/// Claims units for users as an edge does that dies before it publishes anything.
pub(crate) async fn claim(world: &World, event: &EventId, users: &[String]) -> Vec<Reply> {
    let keys = EventKeys::new(event);
    let mut words = vec![FORMAT.to_string(), users.len().to_string()];
    for name in users {
        let coupon = CouponId::new().to_hex();
        words.extend([user(name).to_string(), Attempt::NONE.to_string(), coupon, "1".to_owned()]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let keys = [keys.state.as_str(), keys.wins.as_str(), keys.outbox.as_str()];
    let slot = Cluster::slot_of(event);
    let reply = world.cluster.run_script(slot, &Script::new(SOURCE), &keys, &words).await;
    reply.unwrap().items().unwrap().to_vec()
}

#[tokio::test]
async fn an_outbox_whose_edge_died_becomes_rows_and_is_emptied() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("relay", 300).await;
    for batch in 0..4 {
        let users: Vec<String> = (0..100).map(|n| format!("user-{}", batch * 100 + n)).collect();
        claim(&world, &event, &users).await;
    }
    let rows = world.rows_when(&event, 300).await;
    let sequences: Vec<u64> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, (1..=300).collect::<Vec<_>>());
    let told: Vec<String> = world
        .query("SELECT DISTINCT told FROM coupons WHERE event_id = ?", (event.as_str(),))
        .await;
    assert_eq!(told, ["unknown"]);
    let look = || async {
        let page = world.cluster.outbox(&event, None, 10).await.unwrap();
        if page.entries.is_empty() {
            Ok(())
        } else {
            Err(format!("{} entries", page.entries.len()))
        }
    };
    wait_until(SOON, "an empty outbox", look).await.unwrap();
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stays_and_hinders_nobody() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("unreadable", 10).await;
    let key = EventKeys::new(&event).outbox;
    let script = Script::new("return redis.call('XADD', KEYS[1], '0-1', 'format', '9')");
    world.cluster.run_script(Cluster::slot_of(&event), &script, &[&key], &[]).await.unwrap();
    claim(&world, &event, &["ann".to_owned()]).await;
    world.rows_when(&event, 1).await;
    let look = || async {
        let page = world.cluster.outbox(&event, None, 10).await.unwrap();
        if page.entries.is_empty() { Ok(page) } else { Err("an entry is left") }
    };
    let page = wait_until(SOON, "the good entry to go", look).await.unwrap();
    assert_eq!(page.unreadable, ["0-1"]);
}
