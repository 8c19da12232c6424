//! An erased user is named nowhere, and one who cannot be erased holds up no other.

use contract::ids::{CouponId, EventId};
use contract::record::Issued;
use mysql_async::prelude::Queryable;
use rig::stack::{shared, wait_until};
use serde_json::{Value, json};

use crate::erase::{NextLook, erase, named, next_look, put_away, won_by};
use crate::world::{SOON, World, new_id, raw_record, record_of, win};

const PART: i32 = 3;
/// More than the column of a record takes.
const TOO_LARGE: usize = 70_000;

/// A user whom no other test has, with a name that is shorter than a pseudonym.
fn short_name() -> String {
    format!("a{}", &CouponId::new().to_hex()[20..])
}

/// Waits until the record at an offset is a letter; returns its event.
async fn letter(world: &World, offset: i64) -> Option<String> {
    let sql = "SELECT event_id FROM dead_letters WHERE part = ? AND kafka_offset = ?";
    let look = || async {
        let mut found: Vec<Option<String>> = world.query(sql, (PART, offset)).await;
        found.pop().ok_or("no letter")
    };
    wait_until(SOON, "a letter", look).await.unwrap()
}

async fn discard(world: &World, offset: i64) {
    let letter = format!("{PART}/{offset}");
    let given_up = world.run(&["dlt", "discard", &letter, "--why", "a test"]).await;
    assert_eq!(given_up.code, Some(0), "{given_up:?}");
}

/// How many letters name a user.
async fn letters_naming(world: &World, user: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM dead_letters \
               WHERE INSTR(CONCAT_WS(' ', record, record_key, message), ?) > 0";
    world.query::<i64>(sql, (user,)).await[0]
}

#[tokio::test]
async fn no_letter_names_an_erased_user_whatever_it_is_of() {
    let _guard = shared().await;
    let world = World::open().await;
    let ann = short_name();
    let event = won_by(&world, "erase-all", &[&ann]).await;
    let elsewhere = world.open_event("erase-else", 3).await;

    // Poison that does not say what it is of.
    let never: EventId = new_id("never-made");
    let mut nameless = raw_record(&event, b"poison");
    nameless.key = format!("{never}/{ann}").into();
    nameless.headers.clear();
    let nameless = world.produce(PART, vec![nameless]).await;
    assert_eq!(letter(&world, nameless).await, None);
    // A win of an event that was never made.
    let hers = Issued { user_id: ann.parse().unwrap(), ..win(&never, 1) };
    let lost = world.produce(PART, vec![record_of(&hers)]).await;
    assert_eq!(letter(&world, lost).await, Some(never.to_string()));
    // Somebody else's in another event, with her coupon.
    let row = world.rows(&event).await.remove(0);
    let held = CouponId::from_bytes(row.coupon.try_into().unwrap());
    let other = Issued { coupon_id: held, ..win(&elsewhere, 1) };
    let other = world.produce(PART, vec![record_of(&other)]).await;
    assert_eq!(letter(&world, other).await, Some(elsewhere.to_string()));
    // A record in a column that has no room for a longer name.
    let mut large = format!("{{\"user_id\":\"{ann}\",\"more\":\"").into_bytes();
    large.resize(TOO_LARGE, b'x');
    let large = world.produce(PART, vec![raw_record(&event, &large)]).await;
    assert_eq!(letter(&world, large).await, Some(event.to_string()));
    discard(&world, large).await;
    put_away(&world, &event).await;
    assert_eq!(letters_naming(&world, &ann).await, 4);

    let waits = erase(&world, &ann).await;
    let found = json!([waits["outcome"], waits["waits_for"], waits["letters_wait"]]);
    assert_eq!(found, json!(["waits", [], 2]), "{waits}");
    assert_eq!(letters_naming(&world, &ann).await, 2, "what waits stays as it was");
    discard(&world, nameless).await;
    discard(&world, lost).await;
    discard(&world, other).await;
    let done = erase(&world, &ann).await;
    let found = json!([done["outcome"], done["waits_for"], done["letters_wait"]]);
    assert_eq!(found, json!(["erased", [], 0]), "{done}");
    assert_eq!(letters_naming(&world, &ann).await, 0);
}

#[tokio::test]
async fn no_report_names_an_erased_user() {
    let _guard = shared().await;
    let world = World::open().await;
    let (ann, id) = (short_name(), CouponId::new().as_bytes().to_vec());
    let offenders = json!([
        {"user": ann, "coupon": null, "sequence": 1},
        {"user": "bob", "detail": format!("its row is spring/{ann}'s")},
        {"user": null, "detail": ann},
        {"user": format!("{ann}-2"), "detail": format!("its row is spring/{ann}-2's")},
    ]);
    let add = "INSERT INTO reconciliations (run_id, mode, started_at, ended_at, report) \
               VALUES (?, 'report', '2001-01-01', '2001-01-01', ?)";
    world.query::<u8>(add, (&id, offenders.to_string())).await;
    let done = erase(&world, &ann).await;
    let take = "SELECT report FROM reconciliations WHERE run_id = ?";
    let report = world.query::<String>(take, (&id,)).await.remove(0);
    world.query::<u8>("DELETE FROM reconciliations WHERE run_id = ?", (&id,)).await;

    assert_eq!(done["reports"], 1, "{done}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report[0]["user"].as_str().unwrap().starts_with("erased-"), "{report}");
    let row = report[1]["detail"].as_str().unwrap();
    assert!(row.starts_with("its row is spring/erased-") && row.ends_with("'s"), "{report}");
    assert!(report[2]["detail"].as_str().unwrap().starts_with("erased-"), "{report}");
    assert_eq!(report[3], offenders[3], "somebody else");
}

#[tokio::test]
async fn an_erasure_that_cannot_be_done_holds_up_no_other() {
    let _guard = shared().await;
    let world = World::open().await;
    let (ann, bob) = (short_name(), short_name());
    let hers = won_by(&world, "erase-locked", &[&ann]).await;
    let his = won_by(&world, "erase-free", &[&bob]).await;
    let erasures = [erase(&world, &ann).await, erase(&world, &bob).await];
    for erasure in &erasures {
        next_look(&world, erasure, NextLook::NotInThisTest).await;
    }
    put_away(&world, &hers).await;
    put_away(&world, &his).await;

    let mut locked = world.mysql().await;
    locked.query_drop("START TRANSACTION").await.unwrap();
    let lock = "SELECT event_id FROM events WHERE event_id = ? FOR UPDATE";
    let _: Vec<String> = locked.exec(lock, (hers.as_str(),)).await.unwrap();
    for erasure in &erasures {
        next_look(&world, erasure, NextLook::Now).await;
    }
    let gone = async |event: &EventId, user: &str| {
        let look = || async {
            match named(&world, event, user).await {
                0 => Ok(()),
                times => Err(format!("named {times} times")),
            }
        };
        wait_until(SOON, "the leader to erase a user", look).await.unwrap();
    };
    gone(&his, &bob).await;
    assert_eq!(named(&world, &hers, &ann).await, 1);
    locked.query_drop("ROLLBACK").await.unwrap();
    next_look(&world, &erasures[0], NextLook::Now).await;
    gone(&hers, &ann).await;
}
