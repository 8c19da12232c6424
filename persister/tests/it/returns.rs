//! Units that come on sale again: a larger stock, coupons that are returned.

use contract::event::Phase;
use contract::ids::{CouponId, EventId};
use contract::keys::EventKeys;
use links::redis::{Cluster, Reply, Script};
use rig::stack::{AdminRole, shared, wait_until};
use serde_json::{Value, json};

use crate::api::Api;
use crate::control::state;
use crate::relay::claim;
use crate::world::{SOON, World};

const SOLD_OUT: Reply = Reply::Integer(0);

async fn ask(world: &World, event: &EventId, user: &str) -> Reply {
    // Reopening is over in a fifth of a second.
    let look = || async {
        match claim(world, event, &[user.to_owned()]).await.swap_remove(5) {
            Reply::Integer(4) => Err("reopening"),
            answer => Ok(answer),
        }
    };
    wait_until(SOON, "an event that is open", look).await.unwrap()
}

/// A full event of three, and its coupons by number.
async fn full(world: &World, name: &str) -> (EventId, Vec<CouponId>) {
    let event = world.open_event(name, 3).await;
    let users = ["ann", "bob", "cid"].map(str::to_owned);
    claim(world, &event, &users).await;
    let rows = world.rows_when(&event, 3).await;
    let id = |bytes: &Vec<u8>| CouponId::from_bytes(bytes.as_slice().try_into().unwrap());
    (event, rows.iter().map(|row| id(&row.coupon)).collect())
}

async fn coupon(world: &World, verb: &str, coupon: CouponId) -> Value {
    let ran = world.run(&["coupon", verb, &coupon.to_string(), "--wait-s", "60", "--json"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()
}

#[tokio::test]
async fn a_returned_coupons_unit_is_sold_again_under_another_number() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, coupons) = full(&world, "returned").await;
    assert_eq!(ask(&world, &event, "dan").await, SOLD_OUT);
    let done = coupon(&world, "return", coupons[1]).await;
    assert_eq!((&done["outcome"], &done["state"]), (&"changed".into(), &"returned".into()));
    assert_eq!(coupon(&world, "return", coupons[1]).await["outcome"], "already");
    assert_eq!(ask(&world, &event, "dan").await.text(), Some("+4,1"));
    assert_eq!(ask(&world, &event, "eve").await, SOLD_OUT);
    let state = state(&world, &event).await;
    assert_eq!((state.phase, state.held, state.sequence), (Phase::Open, 3, 4));
    // Bob may win again, as his second, when there is a unit.
    coupon(&world, "return", coupons[2]).await;
    assert_eq!(ask(&world, &event, "bob").await.text(), Some("+5,2"));
    let states: Vec<String> = world
        .query("SELECT state FROM coupons WHERE event_id = ? ORDER BY sequence", (event.as_str(),))
        .await;
    assert_eq!(states[..3], ["issued", "returned", "returned"]);
}

#[tokio::test]
async fn a_revoked_coupon_keeps_its_unit_and_its_users_place() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, coupons) = full(&world, "revoked").await;
    coupon(&world, "revoke", coupons[0]).await;
    assert_eq!(ask(&world, &event, "dan").await, SOLD_OUT);
    assert_eq!(ask(&world, &event, "ann").await.text(), Some("!"));
    // Returned after all: now it is sold again.
    coupon(&world, "return", coupons[0]).await;
    let refused = world.run(&["coupon", "revoke", &coupons[0].to_string()]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("it is returned"), "{refused:?}");
    assert_eq!(ask(&world, &event, "dan").await.text(), Some("+4,1"));
}

#[tokio::test]
async fn a_revoked_coupon_gives_its_unit_back_where_it_is_asked_for() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, coupons) = full(&world, "withdrawn").await;
    let api = Api::of(&world, AdminRole::Operator);
    let revoke = format!("/coupons/{}/revoke", coupons[0]);
    let dry = api.post(&revoke, json!({"give_back": true, "dry_run": true})).await.json();
    let found = json!([dry["outcome"], dry["state"]]);
    assert_eq!(found, json!(["would_change", "withdrawn"]), "{dry}");
    assert_eq!(ask(&world, &event, "dan").await, SOLD_OUT);
    let asked = json!({"give_back": true, "why": "fraud", "wait_s": 30});
    let done = api.post(&revoke, asked.clone()).await.json();
    let found = json!([done["outcome"], done["state"], done["carried"]]);
    assert_eq!(found, json!(["changed", "withdrawn", true]), "{done}");
    assert_eq!(api.post(&revoke, asked).await.json()["outcome"], "already");
    assert_eq!(api.post(&revoke, json!({})).await.code(), "refused", "its unit may be sold");
    // Its unit is dan's, under a number of his own; ann's place stays taken.
    assert_eq!(ask(&world, &event, "dan").await.text(), Some("+4,1"));
    assert_eq!(ask(&world, &event, "ann").await.text(), Some("!"));
    assert_eq!(ask(&world, &event, "eve").await, SOLD_OUT);
    assert_eq!(state(&world, &event).await.held, 3);
    // First revoked, then its unit given back after all.
    coupon(&world, "revoke", coupons[1]).await;
    assert_eq!(ask(&world, &event, "eve").await, SOLD_OUT);
    let id = coupons[1].to_string();
    let words = ["coupon", "revoke", &id, "--give-back", "--wait-s", "60", "--json"];
    assert_eq!(world.run(&words).await.json()["state"], "withdrawn");
    assert_eq!(ask(&world, &event, "eve").await.text(), Some("+5,1"));
    // Returned after all: bob may win again, and the unit does not come back twice.
    coupon(&world, "return", coupons[1]).await;
    assert_eq!(ask(&world, &event, "bob").await, SOLD_OUT);
    assert_eq!(state(&world, &event).await.held, 3);
    world.rows_when(&event, 5).await;
    let ran = world.run(&["reconcile", "--event", event.as_str()]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = api.get(&format!("/audit?event={event}")).await.json();
    let first = lines.as_array().unwrap().iter().rev().find(|line| line["action"] == "revoke");
    let first = first.unwrap();
    let line = json!([first["subject"], first["to"]["state"], first["why"]]);
    assert_eq!(line, json!([coupons[0].to_string(), "withdrawn", "fraud"]));
}

#[tokio::test]
async fn a_coupon_that_no_row_has_is_told() {
    let _guard = shared().await;
    let world = World::open().await;
    let ran = world.run(&["coupon", "return", &CouponId::new().to_string()]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("no row has coupon"), "{ran:?}");
}

#[tokio::test]
async fn a_larger_stock_is_sold_and_a_smaller_one_never_takes_what_is_held() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, _) = full(&world, "stock").await;
    let id = event.as_str();
    assert_eq!(ask(&world, &event, "dan").await, SOLD_OUT);
    let more = world.event(&["stock", id, "--to", "5", "--wait-s", "60"]).await;
    assert_eq!((&more["stock"], &more["carried"]), (&5.into(), &true.into()));
    assert_eq!(ask(&world, &event, "dan").await.text(), Some("+4,1"));
    world.rows_when(&event, 4).await;
    let refused = world.run(&["event", "stock", id, "--to", "3"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("winners hold 4 units"), "{refused:?}");
    world.event(&["stock", id, "--to", "4", "--wait-s", "60"]).await;
    assert_eq!(ask(&world, &event, "eve").await, SOLD_OUT);
    let again = world.event(&["stock", id, "--to", "4"]).await;
    assert_eq!(again["outcome"], "already");
}

#[tokio::test]
async fn a_returned_coupon_that_the_shard_lacks_has_the_event_armed_again() {
    let _guard = shared().await;
    let world = World::open().await;
    let (event, coupons) = full(&world, "lacking").await;
    let script = Script::new("return redis.call('HDEL', KEYS[1], 'bob')");
    let wins = EventKeys::new(&event).wins;
    world.cluster.run_script(Cluster::slot_of(&event), &script, &[&wins], &[]).await.unwrap();
    coupon(&world, "return", coupons[1]).await;
    let look = || async {
        let state = state(&world, &event).await;
        let healed = state.epoch > 1 && (state.phase, state.held) == (Phase::Open, 2);
        if healed { Ok(()) } else { Err(format!("{state:?}")) }
    };
    wait_until(SOON, "the event to be armed again", look).await.unwrap();
    assert_eq!(ask(&world, &event, "bob").await.text(), Some("+4,2"), "his first one is known");
}
