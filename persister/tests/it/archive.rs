//! Archiving: a closed and settled event leaves Redis and the directory; its rows stay.

use contract::directory::{Entry, Listing, encode};
use contract::ids::{CouponId, EventId};
use contract::keys::EventKeys;
use contract::topics::DIRECTORY;
use links::kafka::NewRecord;
use links::redis::{Cluster, Reply, Script};
use rig::stack::{AdminRole, PartKind, shared, wait_until};
use serde_json::json;

use crate::api::Api;
use crate::control::listed;
use crate::reconcile::turn;
use crate::relay::claim;
use crate::world::{SOON, World, new_id, raw_record, record_of, row_of, win};

/// Events that the directory lists and MySQL lacks: many more than are taken out in one look.
const STRANGERS: usize = 200;

/// How many keys its shard has of an event.
pub(crate) async fn keys(world: &World, event: &EventId) -> usize {
    let script = Script::new("return redis.call('KEYS', ARGV[1])");
    let (state, all) = (EventKeys::new(event).state, format!("fc:{{{event}}}:*"));
    let slot = Cluster::slot_of(event);
    let reply = world.cluster.run_script(slot, &script, &[&state], &[&all]).await.unwrap();
    reply.items().map(<[Reply]>::len).unwrap()
}

/// Waits until every edge says that there is no such event, whatever it is asked.
async fn unknown_to_edges(world: &World, event: &EventId) {
    for edge in world.handle.addresses(PartKind::Edge) {
        let api = Api::at(edge);
        let claim = json!({"event_id": event, "user_id": "ann"}).to_string();
        let asked = [
            ("POST /api/v1/coupons/issue HTTP/1.1\r\n".to_owned(), claim.as_str()),
            (format!("GET /api/v1/coupons/mine/{event}?user_id=ann HTTP/1.1\r\n"), ""),
            (format!("GET /api/v1/coupons/status/{event} HTTP/1.1\r\n"), ""),
        ];
        for (begin, body) in &asked {
            let look = || async {
                let answer = api.send(begin, body).await;
                let unknown = (answer.status, answer.json()["code"] == "unknown_event");
                if unknown == (404, true) { Ok(()) } else { Err(answer.body) }
            };
            wait_until(SOON, &format!("404 to {begin}"), look).await.unwrap();
        }
    }
}

/// Waits until the leader has put an event away.
pub(crate) async fn put_away(world: &World, event: &EventId) {
    let look = || async {
        let shown = world.event(&["show", event.as_str()]).await;
        let done = shown["carried_version"] == shown["version"] && shown["waiting_for"] == "";
        if done { Ok(()) } else { Err(shown) }
    };
    wait_until(SOON, "the event to be put away", look).await.unwrap();
    assert_eq!(keys(world, event).await, 0);
    assert_eq!(listed(world, event).await, None);
}

pub(crate) async fn claimed_and_closed(world: &World, name: &str) -> EventId {
    let event = world.open_event(name, 3).await;
    claim(world, &event, &["ann", "bob"].map(str::to_owned)).await;
    world.event(&["close", event.as_str(), "--wait-s", "60"]).await;
    event
}

#[tokio::test]
async fn of_an_archived_event_only_its_rows_stay() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = claimed_and_closed(&world, "archived").await;
    let id = event.as_str();
    let would = world.event(&["archive", id, "--dry-run"]).await;
    assert!(would["effects"][0].as_str().unwrap().contains("404 unknown_event"), "{would}");
    assert!(keys(&world, &event).await > 0);
    // Its wins may be in the outbox still: the leader waits until they are rows.
    let done = world.event(&["archive", id, "--why", "over", "--wait-s", "60"]).await;
    let found = json!([done["outcome"], done["carried"], done["phase"], done["waiting_for"]]);
    assert_eq!(found, json!(["changed", true, "archived", ""]), "{done}");
    assert_eq!(keys(&world, &event).await, 0);
    assert_eq!(listed(&world, &event).await, None);
    unknown_to_edges(&world, &event).await;

    let rows = world.rows(&event).await;
    let users: Vec<&str> = rows.iter().map(|row| row.user.as_str()).collect();
    assert_eq!(users, ["ann", "bob"]);
    let shown = world.event(&["show", id]).await;
    assert_eq!(json!([shown["phase"], shown["rows"]]), json!(["archived", 2]), "{shown}");
    assert_eq!(world.event(&["archive", id]).await["outcome"], "already");
    let turn = turn().await;
    for words in [
        &["event", "open", id][..],
        &["event", "label", id, "a=b"],
        &["event", "create", id, "--stock", "3"],
        &["reconcile", "--event", id],
    ] {
        let ran = world.run(words).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let said = ran.out + &ran.err;
        assert!(said.contains("archived"), "{words:?}: {said}");
    }
    drop(turn);
    for verb in ["return", "revoke"] {
        let coupon = CouponId::from_bytes(rows[0].coupon.as_slice().try_into().unwrap());
        let ran = world.run(&["coupon", verb, &coupon.to_string()]).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("is archived"), "{ran:?}");
    }

    // Records of it that come all the same stop nobody: they are rows, replays or dead letters.
    let late = win(&event, 3);
    world.produce_wins(&[late.clone(), late.clone()]).await;
    assert_eq!(world.rows_when(&event, 3).await[2], row_of(&late));
    world.produce(7, vec![raw_record(&event, b"poison"), record_of(&win(&event, 3))]).await;
    let letters = world.dead_letters_when(&event, 2).await;
    let mut reasons: Vec<&str> = letters.iter().map(|letter| letter.1.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["breach", "undecodable"], "{letters:?}");
    assert_eq!(keys(&world, &event).await, 0);
}

#[tokio::test]
async fn what_is_not_closed_or_has_letters_that_wait_is_not_archived() {
    let _guard = shared().await;
    let world = World::open().await;
    let api = Api::of(&world, AdminRole::Operator);
    let event = world.open_event("unsettled", 3).await;
    let archive = format!("/events/{event}/archive");
    let refused = api.post(&archive, json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "refused"));
    assert!(refused.body.contains("not closed"), "{refused:?}");
    world.produce(7, vec![raw_record(&event, b"poison")]).await;
    world.dead_letters_when(&event, 1).await;
    world.event(&["close", event.as_str(), "--wait-s", "60"]).await;
    for body in [json!({"dry_run": true}), json!({})] {
        let refused = api.post(&archive, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "refused"));
        assert!(refused.body.contains("1 dead letters"), "{refused:?}");
    }
    assert!(listed(&world, &event).await.is_some());
    let given_up =
        world.run(&["dlt", "discard", "--event", event.as_str(), "--why", "a test"]).await;
    assert_eq!(given_up.code, Some(0), "{given_up:?}");
    let version = world.event(&["show", event.as_str()]).await["version"].clone();
    let done = api.post(&archive, json!({"if_version": version, "wait_s": 30})).await;
    assert_eq!(done.status, 200, "{done:?}");
    put_away(&world, &event).await;
    let lines = api.get(&format!("/audit?event={event}")).await.json();
    let last = json!([lines[0]["action"], lines[0]["from"], lines[0]["to"]]);
    assert_eq!(last, json!(["archive", {"phase": "closed"}, {"phase": "archived"}]));
}

#[tokio::test]
async fn an_archiving_that_was_cut_short_is_ended() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = claimed_and_closed(&world, "cut-archive").await;
    world.rows_when(&event, 2).await;
    // As a leader leaves it that dies once it has noted that the event is settled.
    let settled = "UPDATE events e JOIN event_epochs x ON x.event_id = e.event_id \
                   SET e.phase = 'archived', e.version = e.version + 1, x.step = 'archived' \
                   WHERE e.event_id = ?";
    world.query::<u8>(settled, (event.as_str(),)).await;
    put_away(&world, &event).await;
    let epochs = "SELECT epoch, step FROM event_epochs WHERE event_id = ?";
    let epochs: Vec<(u64, String)> = world.query(epochs, (event.as_str(),)).await;
    assert_eq!(epochs, [(1, "archived".to_owned())], "it is not armed again");
}

/// Appends to the directory.
async fn say(world: &World, entries: Vec<Entry>) {
    let record = |entry: &Entry| {
        let (key, value) = encode(entry);
        NewRecord { key, value, headers: Default::default() }
    };
    let records: Vec<NewRecord> = entries.iter().map(record).collect();
    world.produce_to(DIRECTORY, 0, records).await;
}

#[tokio::test]
async fn a_word_of_a_leader_that_comes_late_is_taken_back() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = new_id("late-word");
    let id = event.as_str();
    world.event(&["create", id, "--stock", "3", "--wait-s", "60"]).await;
    world.event(&["close", id, "--wait-s", "60"]).await;
    let closed: Listing = listed(&world, &event).await.unwrap();
    world.event(&["archive", id, "--wait-s", "60"]).await;
    put_away(&world, &event).await;
    // Others are listed that MySQL does not know at all: they are none of the leader's business.
    let strangers: Vec<EventId> = (0..STRANGERS).map(|_| new_id("stranger")).collect();
    let listing = |event_id| Entry::Event(Box::new(Listing { event_id, ..closed.clone() }));
    say(&world, strangers.iter().cloned().map(listing).collect()).await;
    say(&world, vec![listing(event.clone())]).await;
    let look = || async {
        match listed(&world, &event).await {
            None => Ok(()),
            Some(listing) => Err(format!("{listing:?}")),
        }
    };
    let taken_out = wait_until(SOON, "the directory without it", look).await;
    let kept = listed(&world, &strangers[0]).await;
    say(&world, strangers.into_iter().map(Entry::Gone).collect()).await;
    taken_out.unwrap();
    assert!(kept.is_some());
    unknown_to_edges(&world, &event).await;
}
