//! The scripts that change an event on its shard: each compares before it writes.

use contract::event::Phase;
use contract::ids::EventId;
use contract::keys::EventKeys;
use links::redis::{Cluster, Reply, Script, ShardState};
use rig::stack::shared;

use crate::world::{World, new_id};

const ARM: &str = include_str!("../../../lua/arm.lua");
const OPEN: &str = include_str!("../../../lua/open.lua");
const APPLY: &str = include_str!("../../../lua/apply.lua");
const RENEW: &str = include_str!("../../../lua/renew.lua");
const ARCHIVE: &str = include_str!("../../../lua/archive.lua");

/// The answer's words, numbers as text.
async fn call(world: &World, source: &'static str, event: &EventId, words: &str) -> Vec<String> {
    let key = EventKeys::new(event).state;
    let words: Vec<&str> = words.split(' ').collect();
    let slot = Cluster::slot_of(event);
    let script = Script::new(source);
    let reply = world.cluster.run_script(slot, &script, &[&key], &words).await.unwrap();
    let word = |reply: &Reply| match reply {
        Reply::Integer(number) => number.to_string(),
        other => other.text().unwrap_or_default().to_owned(),
    };
    reply.items().unwrap().iter().map(word).collect()
}

async fn state(world: &World, event: &EventId) -> Option<ShardState> {
    world.cluster.state(event).await.unwrap()
}

/// Arms an event that the persister does not know; returns the master's replid.
async fn armed(world: &World, event: &EventId, epoch: u64, armer: &str) -> String {
    let armed = call(world, ARM, event, &format!("{epoch} {armer} 0")).await;
    assert_eq!(armed[0], "armed", "{armed:?}");
    armed[1].clone()
}

#[tokio::test]
async fn arming_takes_only_a_higher_epoch() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("arm");
    armed(&world, &event, 2, "first").await;
    let begun = state(&world, &event).await.unwrap();
    assert_eq!((begun.epoch, begun.phase), (2, Phase::Arming));
    assert_eq!((begun.identity.as_str(), begun.armer.as_str()), ("", "first"));

    armed(&world, &event, 2, "first").await;
    assert_eq!(call(&world, ARM, &event, "2 second 0").await, ["ahead", "2"]);
    assert_eq!(call(&world, ARM, &event, "1 second 0").await, ["ahead", "2"]);
    armed(&world, &event, 3, "second").await;
    assert_eq!(call(&world, ARM, &event, "2 first 0").await, ["ahead", "3"]);
}

#[tokio::test]
async fn a_master_of_a_lower_config_epoch_is_not_armed() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("older");
    let refused = call(&world, ARM, &event, "1 token 999999").await;
    assert_eq!(refused[0], "older");
    assert_eq!(state(&world, &event).await, None);
}

#[tokio::test]
async fn only_the_arming_that_began_opens() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("open");
    let replid = armed(&world, &event, 2, "token").await;
    let row = "open 100 1 0 0 4 7 9";
    for wrong in [
        format!("1 token {replid} {row}"),
        format!("2 other {replid} {row}"),
        format!("2 token {} {row}", "0".repeat(40)),
    ] {
        assert_eq!(call(&world, OPEN, &event, &wrong).await[0], "moved", "{wrong}");
    }
    assert_eq!(state(&world, &event).await.unwrap().phase, Phase::Arming);

    let right = format!("2 token {replid} {row}");
    assert_eq!(call(&world, OPEN, &event, &right).await, ["opened"]);
    let open = state(&world, &event).await.unwrap();
    assert_eq!((open.phase, open.identity.as_str()), (Phase::Open, replid.as_str()));
    assert_eq!((open.stock, open.version, open.held, open.sequence), (100, 4, 7, 9));
    assert!(!open.run_id.is_empty());

    // Claims came since; the same call again must not turn them back.
    world.on_state(&event, &["HSET", "held", "8", "sequence", "10"]).await;
    assert_eq!(call(&world, OPEN, &event, &right).await, ["opened"]);
    let now = state(&world, &event).await.unwrap();
    assert_eq!((now.held, now.sequence), (8, 10));
}

#[tokio::test]
async fn a_change_is_applied_only_to_what_it_expects() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("apply");
    let replid = armed(&world, &event, 1, "token").await;
    call(&world, OPEN, &event, &format!("1 token {replid} open 100 1 0 0 4 7 9")).await;
    let change = "paused 90 2 5 6 5";
    for wrong in [
        format!("2 {replid} 4 open 0 {change}"),
        format!("1 {} 4 open 0 {change}", "0".repeat(40)),
        format!("1 {replid} 3 open 0 {change}"),
        format!("1 {replid} 4 scheduled 0 {change}"),
        format!("1 {replid} 4 open 1 {change}"),
    ] {
        assert_eq!(call(&world, APPLY, &event, &wrong).await[0], "moved", "{wrong}");
    }
    let too_few = format!("1 {replid} 4 open 0 open 6 1 0 0 5");
    assert_eq!(call(&world, APPLY, &event, &too_few).await, ["held", "7"]);
    assert_eq!(state(&world, &event).await.unwrap().stock, 100);

    let right = format!("1 {replid} 4 open 0 {change}");
    assert_eq!(call(&world, APPLY, &event, &right).await, ["applied"]);
    let now = state(&world, &event).await.unwrap();
    assert_eq!((now.phase, now.stock, now.limit, now.version), (Phase::Paused, 90, 2, 5));
    assert_eq!((now.opens_ms, now.closes_ms, now.held, now.sequence), (5, 6, 7, 9));
    assert_eq!(now.moves, 1);
}

#[tokio::test]
async fn a_second_step_fits_only_the_reopening_that_it_belongs_to() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("moves");
    let replid = armed(&world, &event, 1, "token").await;
    call(&world, OPEN, &event, &format!("1 token {replid} open 100 1 0 0 4 7 9")).await;
    let to = |from: &str, moves: u64, phase: &str| {
        format!("1 {replid} 4 {from} {moves} {phase} 100 1 0 0 4")
    };
    // A leader that stalls here, and one that has opened it and reopens it for other coupons.
    for (from, moves, phase) in [("open", 0, "reopening"), ("reopening", 1, "open")] {
        assert_eq!(call(&world, APPLY, &event, &to(from, moves, phase)).await, ["applied"]);
    }
    assert_eq!(call(&world, APPLY, &event, &to("open", 2, "reopening")).await, ["applied"]);
    let stalled = to("reopening", 1, "open");
    assert_eq!(call(&world, APPLY, &event, &stalled).await[0], "moved");
    assert_eq!(state(&world, &event).await.unwrap().phase, Phase::Reopening);
}

#[tokio::test]
async fn a_stop_is_carried_though_winners_hold_more_than_the_stock() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("stop");
    let replid = armed(&world, &event, 1, "token").await;
    call(&world, OPEN, &event, &format!("1 token {replid} open 100 1 0 0 4 7 9")).await;
    let close = format!("1 {replid} 4 open 0 closed 5 1 0 0 5");
    assert_eq!(call(&world, APPLY, &event, &close).await, ["applied"]);
    let now = state(&world, &event).await.unwrap();
    assert_eq!((now.phase, now.stock, now.held), (Phase::Closed, 5, 7));
}

#[tokio::test]
async fn an_identity_is_renewed_only_within_one_process() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("renew");
    let replid = armed(&world, &event, 1, "token").await;
    call(&world, OPEN, &event, &format!("1 token {replid} open 100 1 0 0 4 0 0")).await;
    let before = "0".repeat(40);
    world.on_state(&event, &["HSET", "identity", &before]).await;
    let renew = format!("1 {before} {replid}");

    let run_id = state(&world, &event).await.unwrap().run_id;
    world.on_state(&event, &["HSET", "run_id", "another"]).await;
    assert_eq!(call(&world, RENEW, &event, &renew).await[0], "moved");
    world.on_state(&event, &["HSET", "run_id", &run_id, "config_epoch", "99"]).await;
    assert_eq!(call(&world, RENEW, &event, &renew).await[0], "moved");
    assert_eq!(state(&world, &event).await.unwrap().identity, before);

    let process = world.cluster.topology().master_of(Cluster::slot_of(&event)).unwrap();
    let config_epoch = process.config_epoch.to_string();
    world.on_state(&event, &["HSET", "config_epoch", &config_epoch]).await;
    assert_eq!(call(&world, RENEW, &event, &format!("2 {before} {replid}")).await[0], "moved");
    assert_eq!(call(&world, RENEW, &event, &renew).await, ["renewed"]);
    assert_eq!(state(&world, &event).await.unwrap().identity, replid);
    assert_eq!(call(&world, RENEW, &event, &renew).await, ["renewed"]);
}

#[tokio::test]
async fn keys_go_only_where_mysql_knows_what_the_shard_knows() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("archive");
    let replid = armed(&world, &event, 2, "token").await;
    assert_eq!(call(&world, ARCHIVE, &event, "1 9").await, ["moved", "2", "0", "arming"]);
    assert!(state(&world, &event).await.is_some());
    assert_eq!(call(&world, ARCHIVE, &event, "2 0").await, ["archived", "1", &replid]);
    assert_eq!(call(&world, ARCHIVE, &event, "2 0").await, ["archived", "0", &replid]);
    assert_eq!(state(&world, &event).await, None);
}
