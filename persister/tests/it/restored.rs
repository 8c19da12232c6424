//! An older backup of the database: it halts and says so, and nothing of it opens an event as if it
//! were new.

use contract::event::Phase;
use contract::ids::EventId;
use rig::stack::{exclusive, shared, wait_until};
use serde_json::Value;

use crate::rearm::armed_again;
use crate::relay::claim;
use crate::world::{SOON, World, record_of, row_of, win};

/// Above every epoch that there was.
const ABOVE: u64 = 1_000;

fn users(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("user-{n}")).collect()
}

async fn waits_for(world: &World, event: &EventId, what: &str) {
    let look = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        let said = shown["waiting_for"].as_str().unwrap_or_default().to_owned();
        if said.contains(what) { Ok(()) } else { Err(said) }
    };
    wait_until(SOON, what, look).await.unwrap();
}

#[tokio::test]
async fn a_backup_from_before_the_first_opening_halts_and_is_united_with_the_shard() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("before-opening", 4).await;
    let id = (event.as_str(),);
    claim(&world, &event, &users(4)).await;
    let rows = world.rows_when(&event, 4).await;
    // The backup has the event, and neither its arming nor its rows.
    world
        .query::<u8>("UPDATE events SET epoch = 0, carried_version = 0 WHERE event_id = ?", id)
        .await;
    world.query::<u8>("DELETE FROM event_epochs WHERE event_id = ?", id).await;
    world.query::<u8>("DELETE FROM coupons WHERE event_id = ?", id).await;
    waits_for(&world, &event, "halted: the directory has epoch 1").await;

    let raise = "UPDATE events SET epoch = ? WHERE event_id = ?";
    world.query::<u8>(raise, (ABOVE, event.as_str())).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (4, 4));
    assert_eq!(world.rows(&event).await, rows, "told wins are rows again");
    let more = claim(&world, &event, &["somebody-else".to_owned()]).await;
    assert_eq!(more[5].text(), None, "nothing is left: {more:?}");
}

#[tokio::test]
async fn a_backup_that_lacks_a_change_by_operators_halts_until_its_version_is_raised_too() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("before-closing", 4).await;
    let id = event.as_str();
    let sql = "SELECT version FROM events WHERE event_id = ?";
    let open: Vec<u64> = world.query(sql, (id,)).await;
    world.event(&["close", id, "--wait-s", "60"]).await;
    let closed: Vec<u64> = world.query(sql, (id,)).await;
    let back = "UPDATE events SET phase = 'open', version = ?, carried_version = ?, epoch = ? \
                WHERE event_id = ?";
    world.query::<u8>(back, (open[0], open[0], ABOVE, id)).await;
    waits_for(&world, &event, "Raise events.epoch and events.version").await;
    let phase = world.cluster.state(&event).await.unwrap().unwrap().phase;
    assert_eq!(phase, Phase::Closed, "it does not sell again");

    let raise = "UPDATE events SET phase = 'closed', version = ? WHERE event_id = ?";
    world.query::<u8>(raise, (closed[0] + ABOVE, id)).await;
    let settled = || async {
        let shown = world.event(&["show", id]).await;
        let state = world.cluster.state(&event).await.unwrap().unwrap();
        let done = shown["waiting_for"] == "" && state.epoch > ABOVE;
        if done && state.phase == Phase::Closed {
            Ok(())
        } else {
            Err(format!("{state:?} {shown}"))
        }
    };
    wait_until(SOON, "the event to be closed again", settled).await.unwrap();
}

#[tokio::test]
async fn records_of_an_event_that_the_backup_lacks_halt_their_partition() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("lacking", 4).await;
    let id = (event.as_str(),);
    let record = win(&event, 1);
    world.query::<u8>("CREATE TABLE aside AS SELECT * FROM events WHERE event_id = ?", id).await;
    world.query::<u8>("DELETE FROM events WHERE event_id = ?", id).await;
    world.produce(3, vec![record_of(&record)]).await;
    let halted = |said: &Value| {
        let why = said["halted"]["3"].as_str().unwrap_or_default().to_owned();
        why.contains(event.as_str()) && why.contains("which the directory lists")
    };
    let look = || async {
        let health = world.health().await;
        let found = health.iter().filter_map(|(_, said)| said.as_ref()).any(halted);
        if found { Ok(()) } else { Err(format!("{health:?}")) }
    };
    let said = wait_until(SOON, "a partition that says it halted", look).await;
    // Whatever was found, the event comes back.
    world.query::<u8>("INSERT INTO events SELECT * FROM aside", ()).await;
    world.query::<u8>("DROP TABLE aside", ()).await;
    said.unwrap();
    assert_eq!(world.rows_when(&event, 1).await, [row_of(&record)]);
    assert!(world.dead_letters(&event).await.is_empty());
}
