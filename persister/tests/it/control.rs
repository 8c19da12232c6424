//! What operators want reaches shard and directory.

use contract::claim_script::{FORMAT, Refusal, SOURCE};
use contract::directory::{Directory, Listing, decode};
use contract::event::Phase;
use contract::ids::{CouponId, EventId};
use contract::keys::EventKeys;
use contract::topics::DIRECTORY;
use links::redis::{Cluster, Reply, Script, ShardState};
use mysql_async::prelude::Queryable;
use rig::stack::{shared, wait_until};

use crate::world::{SOON, World, new_id};

pub(crate) async fn state(world: &World, event: &EventId) -> ShardState {
    world.cluster.state(event).await.unwrap().unwrap()
}

/// The directory as an edge that begins now reads it.
pub(crate) async fn listed(world: &World, event: &EventId) -> Option<Listing> {
    let mut directory = Directory::default();
    for record in world.records(DIRECTORY, 0).await {
        if let Ok(entry) = decode(record.key.as_deref(), record.value.as_deref()) {
            directory.fold(entry);
        }
    }
    directory.get(event).cloned()
}

/// One claim, as an edge makes it: the script's answer to it, or none where the event is absent.
async fn claim(world: &World, event: &EventId) -> Option<Reply> {
    let keys = EventKeys::new(event);
    let (format, coupon) = (FORMAT.to_string(), CouponId::new().to_hex());
    let words = [format.as_str(), "1", "ann", "-", &coupon, "1"];
    let keys = [keys.state.as_str(), keys.wins.as_str(), keys.outbox.as_str()];
    let slot = Cluster::slot_of(event);
    let reply = world.cluster.run_script(slot, &Script::new(SOURCE), &keys, &words).await.unwrap();
    reply.items().unwrap().get(5).cloned()
}

/// Waits until `event show` says that an event waits for something like this.
async fn waits_for(world: &World, event: &EventId, what: &str) {
    let look = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        let found = shown["waiting_for"].as_str().unwrap().to_owned();
        if found.contains(what) { Ok(()) } else { Err(found) }
    };
    wait_until(SOON, what, look).await.unwrap();
}

#[tokio::test]
async fn every_change_reaches_shard_and_directory() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("carried");
    let id = event.as_str();
    world.event(&["create", id, "--stock", "77", "--limit", "2"]).await;
    let scheduled = state(&world, &event).await;
    assert_eq!((scheduled.phase, scheduled.epoch, scheduled.version), (Phase::Scheduled, 1, 1));
    assert_eq!((scheduled.stock, scheduled.limit, scheduled.held), (77, 2, 0));
    let refused = |refusal: Refusal| Some(Reply::Integer(refusal.code()));
    assert_eq!(claim(&world, &event).await, refused(Refusal::NotOpen));

    for (verb, phase, version) in [
        ("open", Phase::Open, 2),
        ("pause", Phase::Paused, 3),
        ("resume", Phase::Open, 4),
        ("close", Phase::Closed, 5),
    ] {
        world.event(&[verb, id]).await;
        let state = state(&world, &event).await;
        assert_eq!((state.phase, state.version), (phase, version), "{verb}");
        let listing = listed(&world, &event).await.unwrap();
        assert_eq!((listing.epoch, listing.phase, listing.version), (1, phase, version), "{verb}");
        assert_eq!((listing.stock, listing.per_user_limit), (77, 2));
    }
    assert_eq!(claim(&world, &event).await, refused(Refusal::Closed));
    let epochs = "SELECT epoch, step FROM event_epochs WHERE event_id = ?";
    let epochs: Vec<(u64, String)> = world.query(epochs, (id,)).await;
    assert_eq!(epochs, [(1, "open".to_owned())]);
}

#[tokio::test]
async fn the_identity_of_the_same_process_is_renewed() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("renewed", 10).await;
    let live = state(&world, &event).await.identity;
    // As if the process had another replid since: only that differs, everywhere.
    let before = "0123456789012345678901234567890123456789";
    let note = "UPDATE event_epochs SET identity = ? WHERE event_id = ?";
    world.query::<u8>(note, (before, event.as_str())).await;
    world.on_state(&event, &["HSET", "identity", before]).await;
    let look = || async {
        let found = state(&world, &event).await.identity;
        if found == live { Ok(()) } else { Err(found) }
    };
    wait_until(SOON, "the identity of before", look).await.unwrap();
    let noted: Vec<String> = world
        .query("SELECT identity FROM event_epochs WHERE event_id = ?", (event.as_str(),))
        .await;
    assert_eq!(noted, [live]);
    assert!(matches!(claim(&world, &event).await, Some(Reply::Text(_))));
}

#[tokio::test]
async fn a_mysql_that_is_behind_the_shard_halts_the_event() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("behind", 10).await;
    world.on_state(&event, &["HSET", "epoch", "9"]).await;
    waits_for(&world, &event, "halted: its shard carries epoch 9").await;
    assert_eq!(state(&world, &event).await.epoch, 9, "nothing is changed");
    let raise = "UPDATE event_epochs SET epoch = 9 WHERE event_id = ?";
    world.query::<u8>(raise, (event.as_str(),)).await;
    let raise = "UPDATE events SET epoch = 9 WHERE event_id = ?";
    world.query::<u8>(raise, (event.as_str(),)).await;
    let look = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        if shown["waiting_for"] == "" { Ok(()) } else { Err(shown) }
    };
    wait_until(SOON, "the event to stand", look).await.unwrap();
}

#[tokio::test]
async fn an_arming_that_was_cut_short_is_begun_again_with_a_higher_epoch() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("cut-short");
    let id = event.as_str();
    // As a leader leaves it that dies after its second step.
    let create = "INSERT INTO events (event_id, stock, per_user_limit, phase, confirm, epoch, \
                  created_at, updated_at) \
                  VALUES (?, 5, 1, 'open', 'replica', 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))";
    let begin = "INSERT INTO event_epochs (event_id, epoch, step, armer, started_at) \
                 VALUES (?, 1, 'fencing', 'dead', UTC_TIMESTAMP(3))";
    world.query::<u8>(begin, (id,)).await;
    world.query::<u8>(create, (id,)).await;
    let look = || async {
        let shown = world.event(&["show", id]).await;
        if shown["carried_version"] == 1 { Ok(shown) } else { Err(shown) }
    };
    let shown = wait_until(SOON, "the event to be armed", look).await.unwrap();
    assert_eq!(shown["epoch"], 2);
    assert_eq!(state(&world, &event).await.epoch, 2);
    assert_eq!(listed(&world, &event).await.unwrap().epoch, 2);
}

#[tokio::test]
async fn a_process_that_hangs_in_a_transaction_does_not_hold_its_locks() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("locked", 10).await;
    let mut hangs = world.store().connect().await.unwrap();
    hangs.begin().await.unwrap();
    hangs.epochs_of(0, std::slice::from_ref(&event)).await.unwrap();

    let mut other = world.mysql().await;
    other.query_drop("SET SESSION innodb_lock_wait_timeout = 1").await.unwrap();
    let change = "UPDATE events SET updated_at = updated_at + INTERVAL 1 SECOND WHERE event_id = ?";
    let held = other.exec_drop(change, (event.as_str(),)).await;
    assert!(held.is_err(), "the event's row is locked");
    let deadline = tokio::time::Instant::now() + SOON;
    while let Err(error) = other.exec_drop(change, (event.as_str(),)).await {
        assert!(tokio::time::Instant::now() < deadline, "locked still: {error}");
    }
    assert!(hangs.commit().await.is_err(), "its transaction was undone");
}
