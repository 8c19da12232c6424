//! Letters that are brought again count as new ones where they are news, or nobody would be called.

use contract::ids::CouponId;
use contract::record::Issued;
use contract::topics::dead_letter;
use rig::stack::{PartKind, exclusive};
use serde_json::json;

use crate::dlt::{listed, name, replay};
use crate::rearm::letter;
use crate::world::{World, new_id, page, raw_record, win};

/// What counters of all persisters come to, by name and labels.
async fn counted(world: &World, counter: &str) -> u64 {
    let mut sum = 0;
    for address in world.handle.metrics(PartKind::Persister) {
        let page = page(&address.to_string(), "/metrics").await.unwrap();
        let value = |line: &str| line.strip_prefix(counter)?.trim().parse::<u64>().ok();
        sum += page.lines().filter_map(value).sum::<u64>();
    }
    sum
}

/// How often letters failed for a reason: as new ones, and once more.
async fn failures(world: &World, reason: &str) -> (u64, u64) {
    let of = |kind: &str| format!("firstcome_persister_{kind}_total{{reason=\"{reason}\"}}");
    let (new, again) = (of("dead_letters"), of("dead_letters_again"));
    (counted(world, &new).await, counted(world, &again).await)
}

#[tokio::test]
async fn a_letter_that_comes_out_worse_calls_somebody_and_the_same_again_nobody() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("worse", 5).await;
    let refused = win(&event, 1);
    letter(&world, &refused, "rejected", 0).await;
    let other = Issued { coupon_id: CouponId::new(), ..refused };
    world.produce_wins(&[other]).await;
    world.rows_when(&event, 1).await;
    let letters = listed(&world, &event, &[]).await;
    let (new, again) = failures(&world, "breach").await;
    for expected in [(new + 1, again), (new + 1, again + 1)] {
        let (code, failed) = replay(&world, name(&letters[0])).await;
        assert_eq!((code, &failed["outcome"]), (Some(1), &json!("failed_again")), "{failed}");
        assert_eq!(failures(&world, "breach").await, expected);
    }
}

#[tokio::test]
async fn a_letter_that_is_only_claimed_to_have_failed_before_is_a_new_one() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = new_id("no-letter");
    let mut record = raw_record(&event, b"poison");
    let headers = [
        (dead_letter::TOPIC, "coupon-issued"),
        (dead_letter::PARTITION, "7"),
        (dead_letter::OFFSET, "999999999999"),
    ];
    let headers = headers.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    record.headers.extend(headers);
    let (new, again) = failures(&world, "undecodable").await;
    world.produce(7, vec![record]).await;
    world.dead_letters_when(&event, 1).await;
    assert_eq!(failures(&world, "undecodable").await, (new + 1, again));
}
