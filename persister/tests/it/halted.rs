//! What only an operator can put right stops one partition, says so, and goes on once it is right.

use contract::ids::EventId;
use contract::record::Issued;
use rig::stack::{TooLate, exclusive, wait_until};
use serde_json::Value;

use crate::world::{Row, SOON, World, record_of, row_of, win};

const PART: i32 = 7;

pub(crate) async fn leader_says(world: &World, what: impl Fn(&Value) -> bool) -> Value {
    told_by_leader(world, what).await.unwrap()
}

/// The same, for a test that has something to put right before it may fail.
async fn told_by_leader(world: &World, what: impl Fn(&Value) -> bool) -> Result<Value, TooLate> {
    let look = || async {
        let health = world.health().await;
        let leader = health.into_iter().filter_map(|(_, said)| said);
        let mut leader = leader.filter(|said| said["role"] == "leader");
        match leader.next() {
            Some(said) if what(&said) => Ok(said),
            other => Err(format!("{other:?}")),
        }
    };
    wait_until(SOON, "the leader's health", look).await
}

/// An event's rows, for the same.
async fn rows_in_time(world: &World, event: &EventId, count: usize) -> Result<Vec<Row>, TooLate> {
    let look = || async {
        let rows = world.rows(event).await;
        if rows.len() >= count { Ok(rows) } else { Err(format!("{} rows", rows.len())) }
    };
    wait_until(SOON, "rows of other partitions", look).await
}

#[tokio::test]
async fn a_record_of_an_epoch_that_mysql_lacks_halts_its_partition() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("ahead", 10).await;
    let ahead = Issued { epoch: 9, ..win(&event, 1) };
    world.produce(PART, vec![record_of(&ahead)]).await;

    let part = PART.to_string();
    let said = told_by_leader(&world, |said| said["halted"][&part].is_string()).await;
    // Other partitions go on.
    let fine = win(&event, 2);
    world.produce((PART + 1) % 12, vec![record_of(&fine)]).await;
    let landed = rows_in_time(&world, &event, 1).await;
    let letters = world.dead_letters(&event).await;
    let raise = "UPDATE events SET epoch = 9 WHERE event_id = ?";
    world.query::<u8>(raise, (event.as_str(),)).await;

    let said = said.unwrap();
    assert_eq!(said["status"], "degraded");
    let why = said["halted"][&part].as_str().unwrap();
    assert!(why.contains("epoch 9") && why.contains("older backup"), "{why}");
    assert_eq!(landed.unwrap(), [row_of(&fine)]);
    assert!(letters.is_empty(), "{letters:?}");
    assert_eq!(world.rows_when(&event, 2).await, [row_of(&ahead), row_of(&fine)]);
    leader_says(&world, |said| said["status"] == "ok").await;
}

#[tokio::test]
async fn an_offset_that_kafka_does_not_hold_halts_its_partition_and_nothing_is_skipped() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("truncated", 10).await;
    // As if Kafka had lost the topic: MySQL stands beyond the partition's end.
    let (part, text) = (PART, PART.to_string());
    let position = "SELECT next_offset FROM partitions WHERE part = ?";
    let move_on = "UPDATE partitions SET next_offset = next_offset + ? WHERE part = ?";
    world.query::<u8>(move_on, (1_000_000, part)).await;
    let first = win(&event, 1);
    world.produce(part, vec![record_of(&first)]).await;

    let said = told_by_leader(&world, |said| said["halted"][&text].is_string()).await;
    let stands: Vec<i64> = world.query(position, (part,)).await;
    world.query::<u8>(move_on, (-1_000_000, part)).await;

    let said = said.unwrap();
    assert!(said["halted"][&text].as_str().unwrap().contains("Nothing is skipped"), "{said}");
    assert!(stands[0] >= 1_000_000, "{stands:?}");
    assert_eq!(world.rows_when(&event, 1).await, [row_of(&first)]);
    leader_says(&world, |said| said["status"] == "ok").await;
}
