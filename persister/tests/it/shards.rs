//! A shard that is away stalls only its own events, and one that failed over is armed again.

use contract::event::Phase;
use contract::ids::EventId;
use links::redis::Slot;
use rig::stack::{Action, Away, PartKind, exclusive, wait_until};

use crate::relay::claim;
use crate::world::{SOON, World};

fn part_of(world: &World, event: &EventId) -> String {
    let master = world.cluster.master_of(Slot::of(event)).unwrap();
    let mut parts = world.handle.status().of_kind(PartKind::Redis);
    parts.find(|part| part.address == master.address).unwrap().name.clone()
}

/// An open event whose shard is another one than `other`'s.
async fn open_elsewhere(world: &World, other: &EventId) -> EventId {
    let taken = world.cluster.master_of(Slot::of(other)).unwrap();
    loop {
        let event = world.open_event("elsewhere", 100).await;
        if world.cluster.master_of(Slot::of(&event)).unwrap().node_id != taken.node_id {
            return event;
        }
    }
}

#[tokio::test]
async fn a_shard_that_hangs_and_fails_over_stalls_only_its_own_events() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let stalled = world.open_event("stalled", 100).await;
    let other = open_elsewhere(&world, &stalled).await;
    let early: Vec<String> = (0..20).map(|n| format!("early-{n}")).collect();
    claim(&world, &stalled, &early).await;
    world.rows_when(&stalled, 20).await;
    let part = part_of(&world, &stalled);
    let away = Away::take(&world.handle, &part, Action::Pause).await.unwrap();

    // The other shard's events are controlled and relayed as ever.
    let users: Vec<String> = (0..50).map(|n| format!("user-{n}")).collect();
    claim(&world, &other, &users).await;
    let paused = world.event(&["pause", other.as_str(), "--wait-s", "60"]).await;
    assert_eq!(paused["carried"], true);
    assert_eq!(world.rows_when(&other, 50).await.len(), 50);

    // The stalled one is promoted away and armed again, with what it had.
    let look = || async {
        let shown = world.event(&["show", stalled.as_str()]).await;
        let stands = shown["epoch"].as_u64() > Some(1) && shown["waiting_for"] == "";
        if stands { Ok(()) } else { Err(shown) }
    };
    wait_until(SOON, "the stalled event to stand again", look).await.unwrap();
    let state = world.cluster.state(&stalled).await.unwrap().unwrap();
    assert_eq!((state.phase, state.held), (Phase::Open, 20));

    // A new event on the promoted master is armed as any other.
    world.open_event("promoted", 10).await;
    // The master of before is its replica now.
    away.back(SOON).await.unwrap();
    world.handle.all_ready(SOON).await.unwrap();
    assert_ne!(part_of(&world, &stalled), part);
}
