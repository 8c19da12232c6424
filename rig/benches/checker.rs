//! Ten million lines of history read and judged: how long it takes and how much memory, against
//! what it may. `./dev test --all` runs it; by itself: `cargo bench -p rig --bench checker`.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use contract::coupon::CouponState;
use contract::ids::{Attempt, CouponId};
use rig::check::snapshot::Holding;
use rig::check::{History, MysqlSnapshot, RedisSnapshot, check};

/// Two lines a request, and two requests of each claim.
const CLAIMS: u64 = 2_500_000;
/// Units: as many as winners.
const STOCK: u64 = 1_000_000;
/// What reading and judging may take together.
const ALLOWED: Duration = Duration::from_secs(60);
/// What the process may take, the two stores' snapshots included, in KiB.
const ALLOWED_KIB: u64 = 2 * 1024 * 1024;

fn main() -> ExitCode {
    let path = std::env::temp_dir().join(format!("firstcome-checker-{}", std::process::id()));
    let lines = write_history(&path).unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("a history of {lines} lines, {} MiB", bytes >> 20);
    let began = Instant::now();
    let history = History::read(&path);
    let read = began.elapsed();
    std::fs::remove_file(&path).unwrap();
    let history = history.unwrap();
    let (redis, mysql) = stores();
    let began = Instant::now();
    let verdict = check(&history, &redis, &mysql);
    let judged = began.elapsed();
    println!("{verdict}");
    let peak_kib = high_water_kib();
    println!(
        "read in {:.1} s, judged in {:.1} s, peak {} MiB",
        read.as_secs_f64(),
        judged.as_secs_f64(),
        peak_kib / 1024
    );
    assert!(verdict.passes(), "the history is in order");
    if read + judged <= ALLOWED && peak_kib <= ALLOWED_KIB {
        return ExitCode::SUCCESS;
    }
    eprintln!("more than {} s or {} MiB", ALLOWED.as_secs(), ALLOWED_KIB / 1024);
    ExitCode::FAILURE
}

/// The first claims win, the rest are told sold out; each asks a second time and is told the same.
/// In between a top-up of nothing that anybody took, so that the exact rules have work to do.
fn write_history(path: &Path) -> std::io::Result<u64> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(file, "H\t1\tspring\tcreated\t{}\t1\t1700000000000", STOCK - 1)?;
    writeln!(file, "O\t5\t6\ttop_up\t1")?;
    let mut lines = 2;
    for turn in 0..2 {
        for claim in 0..CLAIMS {
            let request = turn * CLAIMS + claim;
            // Ten microseconds a request: a rush of 50 s.
            let at_us = 10 + request * 10;
            writeln!(file, "Q\t{request}\t{at_us}\tuser-{claim:08}\t-")?;
            let at_us = at_us + 5;
            if claim < STOCK {
                let (coupon, number) = (coupon(claim), claim + 1);
                let outcome = if turn == 0 { "issued" } else { "already_issued" };
                writeln!(file, "A\t{request}\t{at_us}\t200\t{outcome}\t{coupon},{number}")?;
            } else {
                writeln!(file, "A\t{request}\t{at_us}\t409\tsold_out\t-")?;
            }
            lines += 2;
        }
    }
    file.flush()?;
    Ok(lines)
}

fn coupon(claim: u64) -> CouponId {
    CouponId::from_bytes(u128::from(claim + 1).to_be_bytes())
}

fn stores() -> (RedisSnapshot, MysqlSnapshot) {
    let holding = |claim| Holding {
        user: format!("user-{claim:08}").parse().unwrap(),
        coupon: coupon(claim),
        sequence: claim + 1,
        nth: 1,
        quantity: 1,
        attempt: Attempt::NONE,
        state: CouponState::Issued,
    };
    let all = || -> Vec<Holding> { (0..STOCK).map(holding).collect() };
    let redis = RedisSnapshot {
        stock: STOCK,
        held: STOCK,
        sequence: STOCK,
        outbox: 0,
        unreadable: 0,
        wins: all(),
    };
    let mysql = MysqlSnapshot {
        stock: STOCK,
        limit: 1,
        epoch: 1,
        archived: false,
        rows: all(),
        rearms: Vec::new(),
        letters: Vec::new(),
    };
    (redis, mysql)
}

/// `VmHWM` of this process.
fn high_water_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}
