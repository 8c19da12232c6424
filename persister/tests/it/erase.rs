//! Users are erased: at once where an event was put away, later where it was not, and the books
//! close all the same.

use contract::ids::{CouponId, EventId};
use contract::record::Issued;
use rig::stack::{AdminRole, shared, wait_until};
use serde_json::{Value, json};

use crate::api::Api;
use crate::relay::claim;
use crate::world::{Row, SOON, World, new_id, record_of, win};

/// A user whom no other test has.
pub(crate) fn name(who: &str) -> String {
    new_id(who).to_string()
}

pub(crate) async fn erase(world: &World, user: &str) -> Value {
    let words = ["user", "erase", user, "--why", "ticket 4711", "--as", "ann-o", "--json"];
    let ran = world.run(&words).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.out.contains(user), "{ran:?}");
    ran.json()
}

/// An open event whose units those users have won.
pub(crate) async fn won_by(world: &World, what: &str, users: &[&str]) -> EventId {
    let event = world.open_event(what, 10).await;
    let names: Vec<String> = users.iter().map(ToString::to_string).collect();
    claim(world, &event, &names).await;
    world.rows_when(&event, users.len()).await;
    event
}

/// Closes an event and puts it away.
pub(crate) async fn put_away(world: &World, event: &EventId) {
    for verb in ["close", "archive"] {
        let done = world.event(&[verb, event.as_str(), "--wait-s", "60"]).await;
        assert_eq!(done["carried"], true, "{verb}: {done}");
    }
}

/// Says when the leader looks at an erasure next.
pub(crate) async fn next_look(world: &World, erasure: &Value, when: NextLook) {
    let when = match when {
        NextLook::Now => "NULL",
        NextLook::NotInThisTest => "UTC_TIMESTAMP(3) + INTERVAL 1 HOUR",
    };
    let sql = format!("UPDATE erasures SET next_look_at = {when} WHERE erasure_id = ?");
    world.query::<u8>(&sql, (erasure["erasure"].as_u64(),)).await;
}

pub(crate) enum NextLook {
    Now,
    NotInThisTest,
}

/// How often anything of an event in MySQL names a user.
pub(crate) async fn named(world: &World, event: &EventId, user: &str) -> i64 {
    let id = event.as_str();
    let counted = [
        "SELECT COUNT(*) FROM coupons WHERE event_id = ? AND user_id = ?",
        "SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND INSTR(record, ?) > 0",
        "SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND INSTR(record_key, ?) > 0",
        "SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND INSTR(message, ?) > 0",
    ];
    let mut sum = 0;
    for sql in counted {
        sum += world.query::<i64>(sql, (id, user)).await[0];
    }
    sum
}

fn without_users(rows: &[Row]) -> Vec<(u64, u32, Vec<u8>)> {
    rows.iter().map(|row| (row.sequence, row.nth, row.coupon.clone())).collect()
}

#[tokio::test]
async fn a_user_is_erased_where_it_can_be_done_and_later_where_it_cannot() {
    let _guard = shared().await;
    let world = World::open().await;
    let (ann, bob) = (name("ann"), name("bob"));
    let event = won_by(&world, "erase", &[&ann, &bob]).await;
    let live = won_by(&world, "erase-live", &[&ann]).await;
    let before = world.rows(&event).await;

    // A letter of hers, and one of somebody else that names her.
    let row = before.iter().find(|row| row.user == ann).unwrap();
    let held = CouponId::from_bytes(row.coupon.clone().try_into().unwrap());
    let hers = Issued { user_id: ann.parse().unwrap(), ..win(&event, 9) };
    let told = Issued { sequence: row.sequence, coupon_id: held, ..hers.clone() };
    let taken = Issued { coupon_id: CouponId::new(), ..told.clone() };
    let other = Issued { user_id: name("eve").parse().unwrap(), coupon_id: held, ..hers.clone() };
    world.produce(3, vec![record_of(&taken), record_of(&other)]).await;
    world.dead_letters_when(&event, 2).await;
    let discard = ["dlt", "discard", "--event", event.as_str(), "--why", "a test"];
    assert_eq!(world.run(&discard).await.code, Some(0));
    assert!(named(&world, &event, &ann).await >= 4);

    // While nothing is archived, nothing is replaced.
    let waits = erase(&world, &ann).await;
    next_look(&world, &waits, NextLook::NotInThisTest).await;
    assert_eq!((&waits["outcome"], &waits["coupons"]), (&json!("waits"), &json!(0)), "{waits}");
    let waits_for: Vec<&str> =
        waits["waits_for"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(waits_for.contains(&event.as_str()) && waits_for.contains(&live.as_str()), "{waits}");
    assert_eq!(world.rows(&event).await, before);

    put_away(&world, &event).await;
    let dry = ["user", "erase", &ann, "--why", "a look", "--dry-run", "--json"];
    let would = world.run(&dry).await.json();
    assert_eq!((&would["outcome"], &would["coupons"]), (&json!("would_erase"), &json!(1)));
    let done = erase(&world, &ann).await;
    assert_eq!((&done["outcome"], &done["coupons"]), (&json!("waits"), &json!(1)), "{done}");
    assert_eq!((&done["letters"], &done["waits_for"]), (&json!(1), &json!([live])), "{done}");
    assert_eq!(done["erasure"], waits["erasure"], "asked again, it is the same");
    assert_eq!(named(&world, &event, &ann).await, 0);

    // The books close: the same coupons and numbers, and nobody else was touched.
    let after = world.rows(&event).await;
    assert_eq!(without_users(&after), without_users(&before));
    let users: Vec<&str> = after.iter().map(|row| row.user.as_str()).collect();
    assert!(users.contains(&bob.as_str()), "{users:?}");
    assert!(users.iter().any(|user| user.starts_with("erased-")), "{users:?}");
    // Another test's run may be at work.
    let look = || async {
        let ran = world.run(&["reconcile", "--event", live.as_str()]).await;
        if ran.code == Some(0) { Ok(()) } else { Err(format!("{ran:?}")) }
    };
    wait_until(SOON, "a reconcile without a difference", look).await.unwrap();
    let audit = world.run(&["audit", "list", "--limit", "1000", "--json"]).await;
    assert!(!audit.out.contains(&ann), "the audit names her");
    let noted = format!("erasure {}", done["erasure"]);
    assert!(audit.json().as_array().unwrap().iter().any(|line| line["subject"] == noted));

    // Her record is read again, as after a backup was restored: it does not bring her back.
    let letters = world.dead_letters(&event).await;
    let past = world.produce(3, vec![record_of(&told)]).await;
    read_past(&world, 3, past).await;
    assert_eq!(world.rows(&event).await, after);
    assert_eq!(world.dead_letters(&event).await, letters);

    // The leader does the rest once the other event is archived too.
    put_away(&world, &live).await;
    next_look(&world, &done, NextLook::Now).await;
    let look = || async {
        match named(&world, &live, &ann).await {
            0 => Ok(()),
            times => Err(format!("named {times} times")),
        }
    };
    wait_until(SOON, "the leader to erase her", look).await.unwrap();
    assert_eq!(world.rows(&live).await.len(), 1);

    // Once Kafka has nothing of hers, it is forgotten whom it was about.
    let long_ago = "UPDATE erasures SET asked_at = asked_at - INTERVAL 9 DAY, looked_at = NULL \
                    WHERE erasure_id = ?";
    world.query::<u8>(long_ago, (done["erasure"].as_u64(),)).await;
    next_look(&world, &done, NextLook::Now).await;
    let look = || async {
        let sql = "SELECT COUNT(*) FROM erasures WHERE user_id = ?";
        match world.query::<i64>(sql, (&ann,)).await[0] {
            0 => Ok(()),
            _ => Err("she is not forgotten"),
        }
    };
    wait_until(SOON, "her to be forgotten", look).await.unwrap();
    let listed = world.run(&["user", "erasures", "--json"]).await;
    let erasure = listed.json();
    let erasure = erasure.as_array().unwrap().iter().find(|one| one["erasure"] == done["erasure"]);
    let erasure = erasure.unwrap();
    assert_eq!((&erasure["coupons"], &erasure["who"]), (&json!(2), &json!("ann-o")), "{erasure}");
    assert!(erasure["forgotten_at"].is_string(), "{erasure}");
}

/// Waits until a partition was read past an offset.
async fn read_past(world: &World, part: i32, offset: i64) {
    let look = || async {
        let sql = "SELECT next_offset FROM partitions WHERE part = ?";
        let next = world.query::<i64>(sql, (part,)).await[0];
        if next > offset { Ok(()) } else { Err(next) }
    };
    wait_until(SOON, "a partition to be read", look).await.unwrap();
}

#[tokio::test]
async fn erasing_takes_a_reason_that_names_nobody_and_an_operator() {
    let _guard = shared().await;
    let world = World::open().await;
    let ann = name("ann");
    let without = world.run(&["user", "erase", &ann]).await;
    assert_eq!(without.code, Some(2), "{without:?}");
    let why = format!("{ann} asked");
    let naming = world.run(&["user", "erase", &ann, "--why", &why]).await;
    assert_eq!(naming.code, Some(2), "{naming:?}");

    let viewer = Api::of(&world, AdminRole::Viewer);
    let body = json!({"user_id": ann, "why": "ticket 4711"});
    assert_eq!(viewer.post("/users/erase", body.clone()).await.status, 403);
    let operator = Api::of(&world, AdminRole::Operator);
    let refused = operator.post("/users/erase", json!({"user_id": ann})).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "malformed"), "{refused:?}");
    let erased = operator.post("/users/erase", body).await;
    assert_eq!((erased.status, &erased.json()["outcome"]), (200, &json!("erased")), "{erased:?}");
    let listed = viewer.get("/users/erasures").await.json();
    let number = &erased.json()["erasure"];
    let found = listed.as_array().unwrap().iter().find(|one| one["erasure"] == *number).unwrap();
    assert_eq!((&found["way"], &found["forgotten_at"]), (&json!("api"), &Value::Null));
}
