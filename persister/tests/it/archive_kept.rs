//! What keeps an event from being archived: whatever its shard has that MySQL lacks. Keys that are
//! gone do not come back.

use std::time::Duration;

use contract::ids::EventId;
use contract::keys::EventKeys;
use contract::record::Issued;
use links::redis::{Cluster, Script};
use rig::stack::{TooLate, exclusive, shared, wait_until};
use tokio::time::sleep;

use crate::archive::{claimed_and_closed, keys, put_away};
use crate::control::listed;
use crate::halted::leader_says;
use crate::rearm::{held_by, on_wins, replaced};
use crate::reconcile::checked;
use crate::world::{Row, SOON, World, raw_record, record_of, win};

/// An entry of its outbox that is written again so often is never left to the relay, which leaves
/// each to its edge for 2 s.
const YOUNG: Duration = Duration::from_millis(200);

/// A closed event with ann's and bob's rows, and nothing on its way.
async fn sold_and_closed(world: &World, name: &str) -> (EventId, Vec<Row>) {
    let event = claimed_and_closed(world, name).await;
    let rows = world.rows_when(&event, 2).await;
    let look = || async {
        let page = world.cluster.outbox(&event, None, 10).await.unwrap();
        if page.entries.is_empty() { Ok(()) } else { Err("entries are left") }
    };
    wait_until(SOON, "an empty outbox", look).await.unwrap();
    (event, rows)
}

async fn ask(world: &World, event: &EventId) {
    let asked = world.event(&["archive", event.as_str(), "--wait-s", "0"]).await;
    assert_eq!(asked["outcome"], "changed", "{asked}");
}

/// Waits until an event that is to be archived says why it is not; nothing of it is gone by then.
async fn kept(world: &World, event: &EventId, why: &str) {
    says(world, event, why).await.unwrap();
    assert!(keys(world, event).await > 1);
    assert!(listed(world, event).await.is_some());
}

/// Waits until an event says what it waits for.
async fn says(world: &World, event: &EventId, why: &str) -> Result<(), TooLate> {
    let look = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        let says = shown["waiting_for"].as_str().unwrap_or_default().to_owned();
        if says.contains(why) { Ok(()) } else { Err(shown) }
    };
    wait_until(SOON, &format!("{event} to say {why:?}"), look).await
}

async fn delete_row(world: &World, event: &EventId, user: &str) {
    let delete = "DELETE FROM coupons WHERE event_id = ? AND user_id = ?";
    world.query::<u8>(delete, (event.as_str(), user)).await;
}

/// One command on an event's outbox.
async fn on_outbox(world: &World, event: &EventId, words: &[&str]) {
    let script = Script::new("return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))");
    let (slot, key) = (Cluster::slot_of(event), EventKeys::new(event).outbox);
    world.cluster.run_script(slot, &script, &[&key], words).await.unwrap();
}

async fn repaired(world: &World, event: &EventId) {
    let (_, report) = checked(world, &["--event", event.as_str(), "--repair"]).await;
    assert!(report["differences"].as_u64() > Some(0), "{report}");
}

#[tokio::test]
async fn a_win_that_only_its_shard_has_keeps_an_event_whatever_was_given_up() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "kept").await;
    // Of its letters one was given up that no win has anything to do with.
    world.produce(7, vec![raw_record(&event, b"poison")]).await;
    world.dead_letters_when(&event, 1).await;
    let given_up =
        world.run(&["dlt", "discard", "--event", event.as_str(), "--why", "a test"]).await;
    assert_eq!(given_up.code, Some(0), "{given_up:?}");
    delete_row(&world, &event, "ann").await;
    ask(&world, &event).await;
    kept(&world, &event, "differ in 1 places").await;
    repaired(&world, &event).await;
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
}

#[tokio::test]
async fn a_row_that_its_shard_lacks_makes_up_for_no_win_without_a_row() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "kept-sum").await;
    delete_row(&world, &event, "ann").await;
    on_wins(&world, &event, &["HDEL", "bob"]).await;
    world.on_state(&event, &["HSET", "held", "1"]).await;
    ask(&world, &event).await;
    kept(&world, &event, "differ in 2 places").await;
    repaired(&world, &event).await;
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
}

#[tokio::test]
async fn an_event_that_fails_over_while_it_waits_is_armed_again_and_archived() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "kept-replaced").await;
    delete_row(&world, &event, "ann").await;
    ask(&world, &event).await;
    kept(&world, &event, "differ in 1 places").await;
    let held = held_by(&world, &event, "ann").await;
    assert_eq!(held.len(), 1);
    // The arming makes a row of what only the shard had.
    replaced(&world, &event).await;
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
    let epochs = "SELECT epoch, step FROM event_epochs WHERE event_id = ? ORDER BY epoch";
    let epochs: Vec<(u64, String)> = world.query(epochs, (event.as_str(),)).await;
    assert_eq!(epochs, [(1, "open".to_owned()), (2, "archived".to_owned())]);
}

#[tokio::test]
async fn entries_that_cannot_be_read_and_letters_that_come_meanwhile_keep_an_event() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "kept-unreadable").await;
    on_outbox(&world, &event, &["XADD", "9-1", "format", "9"]).await;
    ask(&world, &event).await;
    kept(&world, &event, "entries that cannot be read").await;
    world.produce(7, vec![raw_record(&event, b"poison")]).await;
    world.dead_letters_when(&event, 1).await;
    on_outbox(&world, &event, &["XDEL", "9-1"]).await;
    kept(&world, &event, "1 dead letters").await;
    let given_up =
        world.run(&["dlt", "discard", "--event", event.as_str(), "--why", "a test"]).await;
    assert_eq!(given_up.code, Some(0), "{given_up:?}");
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
}

#[tokio::test]
async fn an_outbox_that_is_not_empty_keeps_an_event() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "kept-outbox").await;
    // Ann's win, as if it had been granted just now and no edge had published it yet.
    let ann = held_by(&world, &event, "ann").await.remove(0).to_string();
    let fields: Vec<&str> = ann.splitn(5, ',').collect();
    let (before, after) = (format!("ann,{}", fields[..3].join(",")), fields[4]);
    let entry = Script::new(
        "local time = redis.call('TIME') \
         local ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) \
         redis.call('DEL', KEYS[1]) \
         return redis.call('XADD', KEYS[1], '1-1', 'format', '1', 'epoch', '1', 'wins', \
           ARGV[1] .. ',' .. ms .. ',' .. ARGV[2])",
    );
    let (slot, key) = (Cluster::slot_of(&event), EventKeys::new(&event).outbox);
    let write = || async {
        world.cluster.run_script(slot, &entry, &[&key], &[&before, after]).await.unwrap();
    };
    write().await;
    let stays_young = async {
        loop {
            write().await;
            sleep(YOUNG).await;
        }
    };
    let waits = async {
        ask(&world, &event).await;
        kept(&world, &event, "its outbox has wins").await;
    };
    tokio::select! {
        () = stays_young => {}
        () = waits => {}
    }
    // The relay publishes it, which brings no second row.
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
}

#[tokio::test]
async fn an_event_is_kept_until_mysql_has_read_on_in_every_partition() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "kept-behind").await;
    // A record of an epoch that MySQL has not begun stops its partition.
    let other = world.open_event("ahead", 10).await;
    world.produce(7, vec![record_of(&Issued { epoch: 9, ..win(&other, 1) })]).await;
    ask(&world, &event).await;
    let behind = says(&world, &event, "MySQL is behind Kafka in 1 partitions").await;
    let raise = "UPDATE events SET epoch = 9 WHERE event_id = ?";
    world.query::<u8>(raise, (other.as_str(),)).await;
    behind.unwrap();
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
    world.rows_when(&other, 1).await;
    leader_says(&world, |said| said["status"] == "ok").await;
}
