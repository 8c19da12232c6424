//! The steps of an arming, each shown by what it waits for or leaves behind.

use contract::directory;
use contract::event::Phase;
use contract::ids::EventId;
use contract::record::{Record, decode};
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS, DIRECTORY, partition_of};
use links::kafka::StoredRecord;
use rig::stack::{exclusive, shared, wait_until};

use crate::control::state;
use crate::rearm::{armed_again, held_by, replaced};
use crate::relay::claim;
use crate::world::{SOON, World, record_of, win};

/// As `control/arm.rs` has it: no edge says anything from memory that is older.
const DRAIN_MS: i64 = 1_000;

/// When the directory said that the event is fenced in this epoch.
async fn fenced_at_ms(world: &World, event: &EventId, epoch: u64) -> Vec<i64> {
    let all = world.records(DIRECTORY, 0).await;
    let fenced = |record: &StoredRecord| match directory::decode(
        record.key.as_deref(),
        record.value.as_deref(),
    ) {
        Ok(directory::Entry::Event(said)) => {
            said.event_id == *event
                && (said.epoch, said.version, said.phase) == (epoch, 0, Phase::Fencing)
        }
        _ => false,
    };
    all.iter().filter(|record| fenced(record)).map(|record| record.timestamp_ms).collect()
}

async fn marked_at_ms(world: &World, event: &EventId, epoch: u64) -> Vec<i64> {
    let mut at = Vec::new();
    for part in 0..COUPON_ISSUED_PARTITIONS {
        for record in world.records(COUPON_ISSUED, part).await {
            let value = record.value.as_deref().unwrap_or_default();
            if let Ok(Record::Marker(marker)) = decode(value)
                && (&marker.event_id, marker.epoch) == (event, epoch)
            {
                at.push(record.timestamp_ms);
            }
        }
    }
    at
}

#[tokio::test]
async fn every_partition_is_marked_and_not_before_the_fence_is_said_and_edges_are_drained() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("steps", 10).await;
    replaced(&world, &event).await;
    assert_eq!(armed_again(&world, &event).await.epoch, 2);
    let fenced = fenced_at_ms(&world, &event, 2).await;
    let marked = marked_at_ms(&world, &event, 2).await;
    assert!(!fenced.is_empty(), "the directory fences it first");
    assert_eq!(
        marked.len(),
        COUPON_ISSUED_PARTITIONS.unsigned_abs() as usize,
        "each has its marker"
    );
    let (fence, mark) = (fenced[0], *marked.iter().min().unwrap());
    assert!(mark - fence >= DRAIN_MS, "fenced at {fence}, marked at {mark}");
}

#[tokio::test]
async fn an_event_is_not_opened_before_every_partition_is_read_past_its_marker() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("read-past", 10).await;
    let told = win(&event, 1);
    let record = record_of(&told);
    let part = partition_of(&record.key);
    // The partition cannot be read: MySQL stands beyond its end.
    let move_on = "UPDATE partitions SET next_offset = next_offset + ? WHERE part = ?";
    world.query::<u8>(move_on, (1_000_000, part)).await;
    world.produce(part, vec![record]).await;
    replaced(&world, &event).await;
    let waits = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        let said = shown["waiting_for"].as_str().unwrap_or_default().to_owned();
        if said.contains("read past the marker") { Ok(()) } else { Err(said) }
    };
    let waited = wait_until(SOON, "an event that waits for a partition", waits).await;
    let phase = state(&world, &event).await.phase;
    // Whatever was found, the partition goes on.
    world.query::<u8>(move_on, (-1_000_000, part)).await;
    waited.unwrap();
    assert_eq!(phase, Phase::Arming);
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (1, 1));
    assert_eq!(held_by(&world, &event, "user-1").await, [(&told).into()]);
}

#[tokio::test]
async fn an_arming_that_had_only_to_open_is_ended_in_its_epoch() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("only-open", 10).await;
    let users: Vec<String> = (0..3).map(|n| format!("user-{n}")).collect();
    claim(&world, &event, &users).await;
    world.rows_when(&event, 3).await;
    let before = state(&world, &event).await;
    // As a leader leaves it that dies between MySQL's note and opening the shard.
    let begin = "INSERT INTO event_epochs \
                 (event_id, epoch, step, armer, identity, run_id, config_epoch, started_at) \
                 VALUES (?, 2, 'opening', 'dead', ?, ?, ?, UTC_TIMESTAMP(3))";
    let noted = (event.as_str(), &before.identity, &before.run_id, before.config_epoch);
    world.query::<u8>(begin, noted).await;
    let arming = ["HSET", "epoch", "2", "phase", "arming", "armer", "dead", "identity", ""];
    world.on_state(&event, &arming).await;
    let raise = "UPDATE events SET epoch = 2 WHERE event_id = ?";
    world.query::<u8>(raise, (event.as_str(),)).await;
    let after = armed_again(&world, &event).await;
    assert_eq!((after.epoch, after.held, after.sequence), (2, 3, 3));
    assert_eq!(after.identity, before.identity);
}
