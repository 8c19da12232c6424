//! What a claim costs a Redis master if a script decides it alone, as everybody writes it: the same
//! master, `redis-benchmark` with 64 calls in a pipeline, with append-only file and replica at work.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::process::Command;

use super::cpu;
use super::error::BenchError;
use super::figures::{RowReport, median};
use super::ground::Ground;
use super::plan::Effort;
use super::row::Sale;
use crate::faults::command::{output_within, redis_cli};
use crate::stack::PartStatus;

/// Calls that one connection has under way.
const PIPELINE: u16 = 64;
/// Calls of a round.
const CALLS: u32 = 300_000;
/// They take 3 s here.
const WITHIN: Duration = Duration::from_secs(60);

/// One user's claim, with the same keys and effects as ours.
const SCRIPT: &str = "\
    if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end \
    if tonumber(redis.call('GET', KEYS[2])) <= 0 then return 0 end \
    local left = redis.call('DECR', KEYS[2]) \
    redis.call('HSET', KEYS[1], ARGV[1], left) \
    redis.call('XADD', KEYS[3], '*', 'user', ARGV[1], 'left', left) \
    return 2";

/// Its row. `rows` are those measured so far: what our own script costs stands in them.
pub(super) async fn rows(
    ground: &Ground<'_>,
    effort: &Effort,
    rows: &[RowReport],
) -> Result<Vec<RowReport>, BenchError> {
    let Some(carried) = ground.event(Sale::Endless) else {
        return Ok(Vec::new());
    };
    let status = ground.status();
    let master = status.part(&carried.shard.master)?;
    let keys = ["wins", "left", "outbox"].map(|key| format!("naive:{{{}}}:{key}", carried.event));
    let loaded = redis_cli(master.address, &["SCRIPT", "LOAD", SCRIPT]).await?;
    let (mut wins, mut losses) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        for (left, figures) in [("100000000", &mut wins), ("0", &mut losses)] {
            redis_cli(master.address, &["SET", &keys[1], left]).await?;
            figures.push(us_a_call(master, loaded.trim(), &keys).await?);
        }
        redis_cli(master.address, &["UNLINK", &keys[0], &keys[1], &keys[2]]).await?;
    }
    let mut figures = BTreeMap::new();
    figures.extend(median(wins).map(|us| ("naive_win_us".to_owned(), us)));
    figures.extend(median(losses).map(|us| ("naive_sold_out_us".to_owned(), us)));
    for (row, name) in [("win_replica", "win"), ("sold_redis", "sold_out")] {
        figures.extend(ours(rows, row, name));
    }
    let name = "redis_per_claim".to_owned();
    Ok(vec![RowReport { name, connections: PIPELINE, figures, ..RowReport::default() }])
}

/// What our script costs the master, by number of connections.
fn ours<'a>(
    rows: &'a [RowReport],
    row: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (String, f64)> + 'a {
    rows.iter().filter(move |one| one.name == row).filter_map(move |one| {
        let us = one.cpu.get("master")?;
        Some((format!("our_{name}_at_{}_us", one.connections), *us))
    })
}

/// CPU of the master for one call.
async fn us_a_call(
    master: &PartStatus,
    script: &str,
    keys: &[String; 3],
) -> Result<f64, BenchError> {
    let before = cpu::times(std::iter::once(master));
    output_within(command(master.address, script, keys), "redis-benchmark", WITHIN).await?;
    let spent = cpu::spent(&before, &cpu::times(std::iter::once(master)));
    Ok(spent.get(&master.name).copied().unwrap_or(0.0) / f64::from(CALLS))
}

fn command(master: SocketAddr, script: &str, keys: &[String; 3]) -> Command {
    let mut command = Command::new("redis-benchmark");
    command
        .args(["-h", &master.ip().to_string(), "-p", &master.port().to_string(), "-q"])
        .args(["-P", &PIPELINE.to_string(), "-n", &CALLS.to_string(), "-r", "1000000000"])
        .args(["EVALSHA", script, "3"])
        .args(keys)
        .arg("user-__rand_int__");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_figures_stand_beside_by_connections() {
        let row = |name: &str, connections, us| RowReport {
            name: name.to_owned(),
            connections,
            cpu: BTreeMap::from([("master".to_owned(), us)]),
            ..RowReport::default()
        };
        let rows =
            [row("win_replica", 64, 9.0), row("win_replica", 256, 5.0), row("plain", 64, 1.0)];
        let ours: Vec<_> = ours(&rows, "win_replica", "win").collect();
        assert_eq!(
            ours,
            [("our_win_at_64_us".to_owned(), 9.0), ("our_win_at_256_us".to_owned(), 5.0)]
        );
    }
}
