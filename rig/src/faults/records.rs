//! Records that can never become rows: each must become a dead letter, and hold nothing up.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::coupon::{CouponState, Win};
use contract::ids::{Attempt, CouponId, EventId};
use contract::record::{Issued, Record, Told, encode};
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};
use links::kafka::NewRecord;

use super::error::FaultError;
use super::kind::Kind;
use super::points::At;
use super::scene::Scene;
use super::shard::{fail_over, shard};
use crate::check::mysql::Mysql;
use crate::stack::wait_until;

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("record-undecodable", "records that nobody can read", |scene| {
        Box::pin(poison(scene, Poison::Undecodable))
    }),
    Kind::new("record-oversized", "records hundreds of times as long as ours", |scene| {
        Box::pin(poison(scene, Poison::Oversized))
    }),
    Kind::new("record-of-another-format", "records of a format that is not ours", |scene| {
        Box::pin(poison(scene, Poison::Format))
    }),
    Kind::new("record-of-no-event", "records of an event that does not exist", |scene| {
        Box::pin(poison(scene, Poison::Event))
    }),
    Kind::new(
        "poison-at-failover",
        "every such record, and the event's shard fails over",
        |scene| Box::pin(poison_at_failover(scene)),
    )
    .crowd(5_000, 400),
    Kind::new("dead-letter-killed", "a persister dies with a dead letter half written", |scene| {
        Box::pin(dead_letter_killed(scene))
    })
    .at_points(&["after-dead-letter"]),
];

/// Poisonous records of a round.
const RECORDS: u64 = 25;
/// Every one of them is a dead letter within this.
const LETTERS_WITHIN: Duration = Duration::from_secs(30);
/// Below what a broker takes, 1 MiB.
const OVERSIZED_BYTES: usize = 600 * 1024;

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poison {
    Undecodable,
    Oversized,
    Format,
    Event,
}

impl Poison {
    const ALL: [Self; 4] = [Self::Undecodable, Self::Oversized, Self::Format, Self::Event];
}

async fn poison(scene: &mut Scene, poison: Poison) -> Result<(), FaultError> {
    scene.moment().await;
    let before = letters(scene).await?;
    produce(scene, poison, RECORDS).await?;
    all_letters(scene, before + RECORDS).await
}

/// None of them holds up the arming, which has to read past its markers in every partition.
async fn poison_at_failover(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    let before = letters(scene).await?;
    for poison in scene.shuffled(&Poison::ALL) {
        produce(scene, poison, RECORDS).await?;
    }
    scene.strikes("CLUSTER FAILOVER");
    fail_over(scene, &shard).await?;
    scene.strikes("the shard has another master");
    for poison in scene.shuffled(&Poison::ALL) {
        produce(scene, poison, 1).await?;
    }
    let kinds = Poison::ALL.len() as u64;
    all_letters(scene, before + kinds * (RECORDS + 1)).await
}

async fn dead_letter_killed(scene: &mut Scene) -> Result<(), FaultError> {
    let (part, others) = super::persister::alone(scene).await?;
    scene.start_at(&part, &[("after-dead-letter", At::Kill(1))]).await?;
    scene.rush_begins().await;
    let before = letters(scene).await?;
    produce(scene, Poison::Undecodable, 1).await?;
    scene.reached(&part, "after-dead-letter").await?;
    scene.ready(&part).await?;
    all_letters(scene, before + 1).await?;
    super::persister::back(scene, &others).await
}

async fn produce(scene: &mut Scene, poison: Poison, count: u64) -> Result<(), FaultError> {
    let kafka = scene.kafka();
    scene.strikes(format!("{count} records: {poison:?}"));
    for nth in 0..count {
        let last = u64::from(COUPON_ISSUED_PARTITIONS.unsigned_abs()) - 1;
        let part = i32::try_from(scene.number(0, last)).unwrap_or(0);
        kafka.partition(COUPON_ISSUED, part).produce(vec![record(poison, nth)?]).await?;
    }
    Ok(())
}

fn record(poison: Poison, nth: u64) -> Result<NewRecord, FaultError> {
    let value = match poison {
        Poison::Undecodable if nth.is_multiple_of(3) => None,
        Poison::Undecodable => Some(vec![0xff, 0, b'{', b'"']),
        Poison::Oversized => Some(vec![b'x'; OVERSIZED_BYTES]),
        Poison::Format => {
            let text = String::from_utf8_lossy(&of_no_event(nth)?).into_owned();
            Some(text.replacen("\"format\":1", "\"format\":99", 1).into_bytes())
        }
        Poison::Event => Some(of_no_event(nth)?),
    };
    Ok(NewRecord { key: format!("poison/{nth}").into_bytes(), value, headers: BTreeMap::new() })
}

fn of_no_event(nth: u64) -> Result<Vec<u8>, FaultError> {
    let bad = |_| FaultError::Failed { what: "a record".to_owned(), why: "an id".to_owned() };
    let event: EventId = "nowhere-at-all".parse().map_err(bad)?;
    let win = Win {
        coupon: CouponId::new(),
        sequence: nth + 1,
        attempt: Attempt::NONE,
        issued_at_ms: 1_700_000_000_000,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    };
    let user = format!("nobody-{nth}").parse().map_err(bad)?;
    Ok(encode(&Record::Issued(Issued::new(event, 1, user, &win, Told::Replica))))
}

async fn letters(scene: &Scene) -> Result<u64, FaultError> {
    Ok(Mysql::new(&scene.stack.mysql_url()?)?.count_dead_letters().await?)
}

async fn all_letters(scene: &mut Scene, wanted: u64) -> Result<(), FaultError> {
    let what = "a dead letter for every record";
    let all = wait_until(LETTERS_WITHIN, what, || async {
        match letters(scene).await {
            Ok(count) if count >= wanted => Ok(()),
            Ok(count) => Err(format!("{count} of {wanted}")),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(all.await?)
}

#[cfg(test)]
mod tests {
    use contract::record::decode;

    use super::*;

    #[test]
    fn each_poison_is_what_it_says() {
        let value = |poison| record(poison, 1).unwrap().value.unwrap();
        assert!(decode(&value(Poison::Undecodable)).is_err());
        assert!(decode(&value(Poison::Oversized)).is_err());
        assert!(decode(&value(Poison::Format)).is_err());
        assert!(decode(&value(Poison::Event)).is_ok());
    }
}
