//! An event whose shard may have lost something is armed again, with the union of what Redis,
//! Kafka and MySQL have.

use contract::coupon::{CouponState, Win, join_wins, parse_wins};
use contract::event::Phase;
use contract::ids::{CouponId, EventId};
use contract::keys::EventKeys;
use contract::record::Record;
use contract::record::{Issued, Told, encode};
use links::redis::{Cluster, Reply, Script, ShardState};
use persister::store::epochs::{Author, Compared, Moved, Which};
use persister::store::{DatabaseUrl, Session, Store};
use rig::stack::{shared, wait_until};

use crate::control::{listed, state};
use crate::relay::claim;
use crate::world::{Row, SOON, World, new_id, row_of, win};

const NO_PROCESS: &str = "0123456789012345678901234567890123456789";

/// As after a failover: another process has the event than was armed.
pub(crate) async fn replaced(world: &World, event: &EventId) {
    world.on_state(event, &["HSET", "identity", NO_PROCESS, "run_id", NO_PROCESS]).await;
}

/// Waits until an event was armed again, and returns how its shard has it.
pub(crate) async fn armed_again(world: &World, event: &EventId) -> ShardState {
    let look = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        let found = world.cluster.state(event).await.unwrap();
        let listed = listed(world, event).await;
        match (found, listed) {
            (Some(state), Some(listed))
                if state.epoch > 1
                    && state.phase == Phase::Open
                    && (listed.epoch, listed.phase) == (state.epoch, Phase::Open)
                    && shown["epoch"] == state.epoch
                    && shown["waiting_for"] == "" =>
            {
                Ok(state)
            }
            other => Err(format!("{other:?} {shown}")),
        }
    };
    wait_until(SOON, "the event to be armed again", look).await.unwrap()
}

pub(crate) async fn on_wins(world: &World, event: &EventId, words: &[&str]) -> Reply {
    let script = Script::new("return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))");
    let key = EventKeys::new(event).wins;
    world.cluster.run_script(Cluster::slot_of(event), &script, &[&key], words).await.unwrap()
}

/// What Redis has of a user.
pub(crate) async fn held_by(world: &World, event: &EventId, user: &str) -> Vec<Win> {
    match on_wins(world, event, &["HGET", user]).await {
        Reply::Nil => Vec::new(),
        wins => parse_wins(wins.text().unwrap()).unwrap(),
    }
}

/// Puts a letter of that reason there, as the consumer leaves one.
pub(crate) async fn letter(world: &World, win: &Issued, reason: &str, part: i32) {
    let record = encode(&Record::Issued(win.clone()));
    let add = "INSERT INTO dead_letters (topic, part, kafka_offset, event_id, coupon_id, reason, \
               message, record, created_at) \
               VALUES ('coupon-issued', ?, ?, ?, ?, ?, 'planted', ?, UTC_TIMESTAMP(3))";
    // A place that no record has.
    let offset =
        1_000_000_000 + u64::from_be_bytes(win.coupon_id.as_bytes()[8..].try_into().unwrap()) / 4;
    let coupon = win.coupon_id.as_bytes().to_vec();
    world.query::<u8>(add, (part, offset, win.event_id.as_str(), coupon, reason, record)).await;
}

/// An event's letters as (coupon, reason, whether it is resolved).
async fn letters(world: &World, event: &EventId) -> Vec<(CouponId, String, bool)> {
    let sql = "SELECT coupon_id, reason, resolved_at IS NOT NULL FROM dead_letters \
               WHERE event_id = ? ORDER BY coupon_id";
    let rows: Vec<(Vec<u8>, String, bool)> = world.query(sql, (event.as_str(),)).await;
    let id = |bytes: Vec<u8>| CouponId::from_bytes(bytes.try_into().unwrap());
    rows.into_iter().map(|(coupon, reason, resolved)| (id(coupon), reason, resolved)).collect()
}

fn users(of: std::ops::Range<u32>) -> Vec<String> {
    of.map(|n| format!("user-{n}")).collect()
}

fn redis_win(issued: &Issued) -> Win {
    issued.into()
}

#[tokio::test]
async fn what_the_shard_had_is_kept_and_units_go_on() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("replaced", 10).await;
    claim(&world, &event, &users(0..4)).await;
    replaced(&world, &event).await;
    let fenced = claim(&world, &event, &users(0..1)).await;
    assert_eq!(fenced.get(5), Some(&Reply::Integer(5)), "a winner is told nothing either");

    let state = armed_again(&world, &event).await;
    assert_eq!((state.phase, state.stock, state.held, state.sequence), (Phase::Open, 10, 4, 4));
    let next = claim(&world, &event, &["user-9".to_owned()]).await;
    assert_eq!(next[5].text(), Some("+5,1"));
    let rows = world.rows_when(&event, 5).await;
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_shard_that_lost_everything_gets_back_what_the_rows_say() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("lost", 10).await;
    claim(&world, &event, &users(0..4)).await;
    let rows = world.rows_when(&event, 4).await;
    let before = held_by(&world, &event, "user-2").await;
    world.on_state(&event, &["DEL"]).await;
    on_wins(&world, &event, &["DEL"]).await;

    let state = armed_again(&world, &event).await;
    assert_eq!((state.phase, state.held, state.sequence), (Phase::Open, 4, 4));
    assert_eq!(held_by(&world, &event, "user-2").await, before);
    assert_eq!(world.rows(&event).await, rows);
    let again = claim(&world, &event, &users(2..3)).await;
    assert_eq!(again[5].text(), Some(format!("={}", before[0]).as_str()));
}

#[tokio::test]
async fn a_shard_that_lost_its_wins_alone_sells_nothing_until_it_has_them_again() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("lost-wins", 10).await;
    claim(&world, &event, &users(0..4)).await;
    world.rows_when(&event, 4).await;
    let before = held_by(&world, &event, "user-2").await;
    on_wins(&world, &event, &["DEL"]).await;
    let fenced = claim(&world, &event, &users(2..3)).await;
    assert_eq!(fenced[5], Reply::Integer(5));
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (4, 4));
    assert_eq!(held_by(&world, &event, "user-2").await, before);
}

#[tokio::test]
async fn wins_that_only_kafka_has_are_put_back_into_redis() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("published", 10).await;
    // Told by the Kafka way by a master whose replica never had them.
    let wins: Vec<Issued> =
        (1..=3).map(|n| Issued { told: Told::Pending, ..win(&event, n) }).collect();
    world.produce_wins(&wins).await;
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (3, 3));
    for win in &wins {
        assert_eq!(held_by(&world, &event, win.user_id.as_str()).await, [redis_win(win)]);
    }
}

#[tokio::test]
async fn a_win_that_only_redis_has_becomes_a_row() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("unpublished", 10).await;
    let lone = win(&event, 7);
    on_wins(&world, &event, &["HSET", "user-7", &redis_win(&lone).to_string()]).await;
    world.on_state(&event, &["HSET", "held", "1", "sequence", "7"]).await;
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (1, 7));
    assert_eq!(world.rows(&event).await, [row_of(&lone)]);
}

#[tokio::test]
async fn where_two_conflict_the_row_stands_and_the_other_is_void() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("conflict", 3).await;
    let rows = [win(&event, 1), win(&event, 2)];
    world.produce_wins(&rows).await;
    world.rows_when(&event, 2).await;
    // The shard gave number 2 to somebody else, and user-1 another coupon.
    let other_user = Issued { user_id: "zoe".parse().unwrap(), ..win(&event, 2) };
    let other_coupon = Issued { sequence: 5, ..win(&event, 1) };
    for win in [&other_user, &other_coupon] {
        let text = redis_win(win).to_string();
        on_wins(&world, &event, &["HSET", win.user_id.as_str(), &text]).await;
    }
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!(state.held, 2);
    assert_eq!(world.rows(&event).await, rows.each_ref().map(row_of));
    assert_eq!(held_by(&world, &event, "user-1").await, [redis_win(&rows[0])]);
    assert_eq!(held_by(&world, &event, "zoe").await, []);
    let mut void = [other_user.coupon_id, other_coupon.coupon_id];
    void.sort();
    let letters = letters(&world, &event).await;
    assert_eq!(letters, void.map(|coupon| (coupon, "void".to_owned(), false)));
}

#[tokio::test]
async fn late_records_become_rows_where_they_fit() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("late", 2).await;
    let [row, fits, taken, too_many] = [1, 2, 1, 3].map(|n| win(&event, n));
    let taken = Issued { user_id: "zoe".parse().unwrap(), ..taken };
    world.produce_wins(std::slice::from_ref(&row)).await;
    world.rows_when(&event, 1).await;
    for win in [&fits, &taken, &too_many] {
        letter(&world, win, "late", 0).await;
    }
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.stock), (2, 2));
    let mut rows = world.rows(&event).await;
    rows.retain(|found| *found != row_of(&row));
    // The two that are left over compete for one unit: either may have it.
    let letters = letters(&world, &event).await;
    let void = letters.iter().filter(|(_, reason, resolved)| reason == "void" && !resolved);
    let united = letters.iter().filter(|(_, reason, resolved)| reason == "late" && *resolved);
    assert_eq!((void.count(), united.count()), (2, 1), "{letters:?}");
    assert!(rows == [row_of(&fits)] || rows == [row_of(&too_many)], "{rows:?}");
    let winner = rows[0].user.clone();
    assert_eq!(held_by(&world, &event, &winner).await.len(), 1);
    assert_eq!(held_by(&world, &event, "zoe").await, []);
}

#[tokio::test]
async fn what_comes_after_the_event_was_united_is_void() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("after", 10).await;
    let known = win(&event, 1);
    world.produce_wins(std::slice::from_ref(&known)).await;
    replaced(&world, &event).await;
    armed_again(&world, &event).await;
    // A replay of the one, and another that nobody knew of.
    world.produce_wins(&[known.clone(), win(&event, 2)]).await;
    let found = world.dead_letters_when(&event, 1).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, "void");
    assert_eq!(world.rows(&event).await, [row_of(&known)]);
}

#[tokio::test]
async fn wins_that_mysql_refused_hold_their_units_and_places() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("refused", 3).await;
    let (row, refused) = (win(&event, 1), win(&event, 4));
    world.produce_wins(std::slice::from_ref(&row)).await;
    world.rows_when(&event, 1).await;
    // It came twice.
    letter(&world, &refused, "rejected", 0).await;
    letter(&world, &refused, "rejected", 1).await;
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (2, 4));
    assert_eq!(held_by(&world, &event, "user-4").await, [redis_win(&refused)]);
    assert_eq!(world.rows(&event).await, [row_of(&row)]);
    // One unit is left for the two who ask.
    let answers = claim(&world, &event, &users(7..9)).await;
    assert_eq!(answers[5].text(), Some("+5,1"));
    assert_eq!(answers[6], Reply::Integer(0));
}

#[tokio::test]
async fn a_late_record_takes_neither_the_number_nor_the_place_of_a_refused_win() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("refused-late", 9).await;
    let refused = win(&event, 4);
    letter(&world, &refused, "rejected", 0).await;
    let number = Issued { user_id: "zoe".parse().unwrap(), ..win(&event, 4) };
    let place = Issued { user_id: refused.user_id.clone(), ..win(&event, 5) };
    for win in [&number, &place] {
        letter(&world, win, "late", 0).await;
    }
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (1, 4));
    assert_eq!(world.rows(&event).await, []);
    let letters = letters(&world, &event).await;
    assert_eq!(letters.iter().filter(|(_, reason, _)| reason == "void").count(), 2, "{letters:?}");
    assert_eq!(held_by(&world, &event, "user-4").await, [redis_win(&refused)]);
}

#[tokio::test]
async fn of_two_states_of_a_coupon_the_later_one_stands() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("states", 10).await;
    let wins = [win(&event, 1), win(&event, 2)];
    world.produce_wins(&wins).await;
    world.rows_when(&event, 2).await;
    // MySQL returned the first one and Redis does not know; the second one the other way round.
    let returned = "UPDATE coupons SET state = 'returned', revision = 2 WHERE coupon_id = ?";
    world.query::<u8>(returned, (wins[0].coupon_id.as_bytes().to_vec(),)).await;
    let revoked = Win { state: CouponState::Revoked, revision: 3, ..redis_win(&wins[1]) };
    on_wins(&world, &event, &["HSET", "user-1", &redis_win(&wins[0]).to_string()]).await;
    on_wins(&world, &event, &["HSET", "user-2", &join_wins(&[revoked])]).await;
    replaced(&world, &event).await;
    let state = armed_again(&world, &event).await;
    assert_eq!((state.held, state.sequence), (1, 2), "a returned one holds no unit");
    let first = held_by(&world, &event, "user-1").await;
    assert_eq!((first[0].state, first[0].revision), (CouponState::Returned, 2));
    assert_eq!(held_by(&world, &event, "user-2").await, [revoked]);
    let states: Vec<(String, u32)> = world
        .query(
            "SELECT state, revision FROM coupons WHERE event_id = ? ORDER BY sequence",
            (event.as_str(),),
        )
        .await;
    assert_eq!(states, [("returned".to_owned(), 2), ("revoked".to_owned(), 3)]);
}

#[tokio::test]
async fn an_arming_cut_short_at_any_step_begins_again() {
    let _guard = shared().await;
    let world = World::open().await;
    for step in ["fencing", "arming", "opening"] {
        let event = world.open_event(step, 10).await;
        claim(&world, &event, &users(0..3)).await;
        world.rows_when(&event, 3).await;
        // As a leader leaves it that dies behind that step of arming epoch 2.
        let begin = "INSERT INTO event_epochs (event_id, epoch, step, armer, started_at) \
                     VALUES (?, 2, ?, 'dead', UTC_TIMESTAMP(3))";
        world.query::<u8>(begin, (event.as_str(), step)).await;
        if step != "fencing" {
            let arming = ["HSET", "epoch", "2", "phase", "arming", "armer", "dead", "identity", ""];
            world.on_state(&event, &arming).await;
        }
        let raise = "UPDATE events SET epoch = 2 WHERE event_id = ?";
        world.query::<u8>(raise, (event.as_str(),)).await;
        let state = armed_again(&world, &event).await;
        assert_eq!((state.epoch, state.held, state.sequence), (3, 3, 3), "{step}");
    }
}

#[tokio::test]
async fn an_event_with_rows_of_an_arming_that_is_not_noted_is_united_with_them() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("has-rows");
    let id = event.as_str();
    let row = "INSERT INTO coupons (coupon_id, event_id, user_id, user_nth, sequence, quantity, \
               epoch, told, state, revision, issued_at) \
               VALUES (?, ?, 'ann', 1, 1, 1, 1, 'replica', 'issued', 1, UTC_TIMESTAMP(3))";
    let coupon = CouponId::new();
    world.query::<u8>(row, (coupon.as_bytes().to_vec(), id)).await;
    world.event(&["create", id, "--stock", "5", "--open", "--wait-s", "60"]).await;
    let found = state(&world, &event).await;
    assert_eq!((found.held, found.sequence), (1, 1));
    let [ann] = held_by(&world, &event, "ann").await[..] else { panic!("ann holds one") };
    assert_eq!(ann.coupon, coupon);
    let kept: Vec<Row> = world.rows(&event).await;
    assert_eq!(kept.len(), 1);
}

/// A session, and the name under which the leader's transactions are written.
async fn as_leader(world: &World) -> (Session, String) {
    let url = DatabaseUrl::parse(&world.handle.mysql_url().unwrap()).unwrap();
    let owner = "SELECT owner FROM partitions WHERE topic = 'coupon-issued' LIMIT 1";
    let owner: Vec<String> = world.query(owner, ()).await;
    (Store::new(&url).connect().await.unwrap(), owner[0].clone())
}

#[tokio::test]
async fn an_event_is_not_opened_while_something_late_waits() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("waits", 10).await;
    let (mut session, owner) = as_leader(&world).await;
    letter(&world, &win(&event, 1), "late", 0).await;
    let author = Author { event: &event, epoch: 1, owner: &owner };
    let armer: Vec<String> =
        world.query("SELECT armer FROM event_epochs WHERE event_id = ?", (event.as_str(),)).await;
    let moved = session.note_opening(author, &armer[0]).await.unwrap();
    assert_eq!(moved, Compared::Moved(Moved::Late));
}

#[tokio::test]
async fn a_leader_that_was_paused_changes_nothing_when_it_resumes() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("paused-leader", 10).await;
    let (mut session, owner) = as_leader(&world).await;
    replaced(&world, &event).await;
    armed_again(&world, &event).await;
    // What it believes: epoch 1, and its own arming of it.
    let before = Author { event: &event, epoch: 1, owner: &owner };
    let begun = session.begin_epoch(before, "stale", Which::Again).await.unwrap();
    assert_eq!(begun, Compared::Moved(Moved::Epoch(2)));
    let opening = session.note_opening(before, "stale").await.unwrap();
    assert_eq!(opening, Compared::Moved(Moved::Epoch(2)));
    // And one that another has replaced.
    let replaced = Author { event: &event, epoch: 2, owner: "persister-9/gone" };
    let begun = session.begin_epoch(replaced, "stale", Which::Again).await.unwrap();
    assert_eq!(begun, Compared::Moved(Moved::NotLeader));
    assert_eq!(state(&world, &event).await.epoch, 2);
}
