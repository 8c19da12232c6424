//! Rows a second from a full topic: the persister, against a bare bulk loader on the same records
//! and against MySQL's own LOAD DATA.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::coupon::{CouponState, Win};
use contract::event::Confirm;
use contract::ids::{Attempt, CouponId, EventId, UserId};
use contract::record::{Issued, Record, Told, encode};
use contract::topics::{
    COUPON_ISSUED_PARTITIONS, HEADER_COUPON, HEADER_EVENT, partition_of, record_key,
};
use links::kafka::NewRecord;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::cpu;
use super::error::BenchError;
use super::figures::{RowReport, median};
use super::ground::Ground;
use super::plan::Effort;
use crate::stack::{Action, PartKind};

/// The persister.
pub(super) const PERSISTER: &str = "persister-1";
/// Records of one produce.
const BATCH: usize = 1_000;
/// All rows stand within this.
const WITHIN: Duration = Duration::from_secs(180);
/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What `baseline loader` prints.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Loaded {
    rows_per_second: f64,
}

/// One round.
#[derive(Debug, Clone, Copy)]
struct Round {
    rows_per_s: f64,
    cpu_us: f64,
    mysql_us: f64,
    loader: f64,
    load_data: f64,
}

/// Its row. Must come before all loads: the loaders read the whole topic.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let mut rounds = Vec::new();
    for number in 1..=effort.rounds {
        eprintln!("round {number}: persister, {} records", effort.records);
        rounds.push(Box::pin(round(ground, number, effort.records)).await?);
    }
    Ok(vec![report(&rounds)])
}

async fn round(ground: &mut Ground<'_>, number: u16, records: u32) -> Result<Round, BenchError> {
    let name = format!("bench-topic-{number}");
    let carried = ground.create(&name, u64::from(records), Confirm::Replica).await?;
    ground.settled().await?;
    let handle = ground.handle();
    handle.act(PERSISTER, Action::Stop).await?;
    produce(ground, &carried.event, records).await?;
    handle.act(PERSISTER, Action::Start).await?;
    let (rows_per_s, cpu_us, mysql_us) = watch(ground, records).await?;
    let status = ground.status();
    let topic = ["--kafka".to_owned(), status.addresses(PartKind::Kafka)];
    let words = |kind: &str| -> Vec<String> {
        let loader = ["loader".to_owned(), kind.to_owned()];
        loader.into_iter().chain(super::ground::mysql(&status)).chain(topic.clone()).collect()
    };
    let loader: Loaded = ground.baseline(&words("insert")).await?;
    let file = status.directory.join("load-data").display().to_string();
    let words = [words("load-data"), vec!["--file".to_owned(), file]].concat();
    let load_data: Loaded = ground.baseline(&words).await?;
    Ok(Round {
        rows_per_s,
        cpu_us,
        mysql_us,
        loader: loader.rows_per_second,
        load_data: load_data.rows_per_second,
    })
}

/// Wins of so many users, each on its partition.
pub(super) async fn produce(
    ground: &Ground<'_>,
    event: &EventId,
    records: u32,
) -> Result<(), BenchError> {
    let count = usize::try_from(COUPON_ISSUED_PARTITIONS).unwrap_or(1);
    let mut waiting: Vec<Vec<NewRecord>> = vec![Vec::new(); count];
    for number in 1..=records {
        let (partition, record) = record(event, number)?;
        let batch = &mut waiting[partition];
        batch.push(record);
        if batch.len() == BATCH {
            ground.produce(partition, std::mem::take(batch)).await?;
        }
    }
    for (partition, batch) in waiting.into_iter().enumerate() {
        ground.produce(partition, batch).await?;
    }
    Ok(())
}

fn record(event: &EventId, number: u32) -> Result<(usize, NewRecord), BenchError> {
    let user: UserId = format!("topic-{number:09}").parse()?;
    let win = Win {
        coupon: CouponId::new(),
        sequence: u64::from(number),
        attempt: Attempt::NONE,
        issued_at_ms: 1_800_000_000_000,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    };
    let key = record_key(event, &user);
    let partition = partition_of(&key).unsigned_abs() as usize;
    let headers = BTreeMap::from([
        (HEADER_EVENT.to_owned(), event.as_str().into()),
        (HEADER_COUPON.to_owned(), win.coupon.to_string().into_bytes()),
    ]);
    // The first arming of an event has epoch 1.
    let value = encode(&Record::Issued(Issued::new(event.clone(), 1, user, &win, Told::Replica)));
    Ok((partition, NewRecord { key, value: Some(value), headers }))
}

/// Rows a second from the first sign of them to the last, and the CPU of a row: the persister's and
/// MySQL's.
pub(super) async fn watch(
    ground: &mut Ground<'_>,
    records: u32,
) -> Result<(f64, f64, f64), BenchError> {
    let (ends, began) = (ground.ends().await?, Instant::now());
    let first = ends - i64::from(records);
    let status = ground.status();
    let of_mysql = || cpu::times(status.of_kind(PartKind::Mysql));
    let mysql_before = of_mysql();
    let mut start: Option<(i64, Instant)> = None;
    while began.elapsed() < WITHIN {
        let (next, now) = (ground.next_offsets().await.unwrap_or(first), Instant::now());
        if next > first && start.is_none() {
            start = Some((next, now));
        }
        if let (true, Some((from, at))) = (next >= ends, start) {
            let rows_per_s = (ends - from) as f64 / (now - at).as_secs_f64().max(f64::EPSILON);
            // Started anew: its CPU counts from its start.
            let status = ground.status();
            let spent = cpu::times(status.of_kind(PartKind::Persister));
            let persister = spent.values().map(|time| time.as_secs_f64()).sum::<f64>() * 1e6;
            let mysql: f64 = cpu::spent(&mysql_before, &of_mysql()).values().sum();
            let rows = f64::from(records);
            return Ok((rows_per_s, persister / rows, mysql / rows));
        }
        sleep(LOOK_EVERY).await;
    }
    Err(BenchError::Silent(format!("no rows for {records} records within {WITHIN:?}")))
}

fn report(rounds: &[Round]) -> RowReport {
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let mut row = RowReport {
        name: "persister".to_owned(),
        connections: 1,
        rps: of(|round| round.rows_per_s),
        rps_ratio: of(|round| round.rows_per_s / round.loader),
        spread: super::figures::spread(
            rounds.iter().map(|round| round.rows_per_s / round.loader).collect(),
        ),
        cpu_us: of(|round| round.cpu_us),
        ..RowReport::default()
    };
    let figures = [
        ("loader_rows_per_s", of(|round| round.loader)),
        ("load_data_rows_per_s", of(|round| round.load_data)),
        ("of_load_data_ratio", of(|round| round.rows_per_s / round.load_data)),
    ];
    row.figures
        .extend(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    row.cpu.extend(of(|round| round.cpu_us).map(|us| ("persister".to_owned(), us)));
    row.cpu.extend(of(|round| round.mysql_us).map(|us| ("mysql".to_owned(), us)));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_one_to_the_same_rounds_loader() {
        let round = |rows_per_s, loader| Round {
            rows_per_s,
            cpu_us: 3.0,
            mysql_us: 9.0,
            loader,
            load_data: 200_000.0,
        };
        let row = report(&[round(80_000.0, 100_000.0), round(90_000.0, 100_000.0)]);
        assert_eq!((row.rps_ratio, row.rps), (Some(0.85), Some(85_000.0)));
        assert_eq!(row.figures["load_data_rows_per_s"], 200_000.0);
    }

    #[test]
    fn records_are_spread_over_partitions_and_readable() {
        let event: EventId = "bench".parse().unwrap();
        let (partition, record) = record(&event, 7).unwrap();
        assert!(partition < 12);
        let decoded = contract::record::decode(&record.value.unwrap()).unwrap();
        assert!(matches!(decoded, Record::Issued(issued) if issued.sequence == 7));
    }
}
