//! Ten million winners in MySQL of the stack that `FIRSTCOME_STACK` names, exported: how long it takes
//! and how much memory, against what it may.
//!
//! `./dev test --all` runs it; by itself: `FIRSTCOME_STACK=… cargo bench -p persister --bench export`.
//! Behind `--` may stand another number of winners, in millions.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use contract::ids::{CouponId, EventId};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rig::stack::Handle;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

const MILLIONS: u64 = 10;
const MILLION: u64 = 1_000_000;
/// Rows that are written one by one; the rest are copied from them.
const FIRST: u64 = 1_000;
/// Rows that one statement copies: what a transaction may take of a small server's log.
const COPIED: u64 = 50_000;
/// What the export's process may take, in KiB.
const ALLOWED_KIB: u64 = 32 * 1024;
/// An export that takes longer is ended.
const EXPORT_WITHIN: Duration = Duration::from_secs(900);
/// How many times as long as its first half an export's second half may take. Where a page costs more
/// the further it lies from the start, it takes three times as long.
const SECOND_HALF: f64 = 2.0;
/// Lines between two looks at its memory.
const LOOK_EVERY: u64 = 10_000;

/// Rows of numbers from `?` on, as copies of the first ones. Ids are in order, so that the table grows
/// at its end.
const COPY: &str = "\
    INSERT INTO coupons (coupon_id, event_id, user_id, user_nth, sequence, quantity, epoch, told, \
      state, revision, issued_at) \
    SELECT UNHEX(CONCAT(LEFT(HEX(coupon_id), 16), LPAD(HEX(sequence + ?), 16, '0'))), event_id, \
      CONCAT('user-', LPAD(sequence + ?, 9, '0')), 1, sequence + ?, 1, 1, 'replica', 'issued', 1, \
      issued_at \
    FROM coupons WHERE event_id = ? AND sequence <= ?";

#[tokio::main]
async fn main() -> ExitCode {
    let stack = Handle::from_env().unwrap();
    let millions = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(MILLIONS);
    let winners = millions * MILLION;
    let event: EventId = format!("export-{}", &CouponId::new().to_hex()[20..]).parse().unwrap();
    println!("planting {winners} winners of {event}");
    let began = Instant::now();
    plant(&stack, &event, winners).await;
    println!("planted in {:.0} s", began.elapsed().as_secs_f64());
    let export = export(&stack, &event, winners).await;
    let (first, second) = (export.first_half.as_secs_f64(), export.second_half.as_secs_f64());
    println!(
        "exported {winners} winners in {:.1} s (halves {first:.1} and {second:.1}), peak {} MiB",
        first + second,
        export.peak_kib / 1024
    );
    if export.peak_kib > ALLOWED_KIB {
        eprintln!("more than the {} MiB that it may take", ALLOWED_KIB / 1024);
        return ExitCode::FAILURE;
    }
    if second > SECOND_HALF * first {
        eprintln!("the second half took more than {SECOND_HALF} times as long as the first");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn plant(stack: &Handle, event: &EventId, winners: u64) {
    let stock = winners.to_string();
    let words = ["event", "create", event.as_str(), "--stock", &stock, "--wait-s", "60"];
    let created = stack.persister(&words).await.unwrap();
    assert!(created.status.success(), "{created:?}");
    let mut conn = Conn::from_url(stack.mysql_url().unwrap()).await.unwrap();
    let first = "INSERT INTO coupons (coupon_id, event_id, user_id, user_nth, sequence, quantity, \
                 epoch, told, state, revision, issued_at) \
                 VALUES (?, ?, ?, 1, ?, 1, 1, 'replica', 'issued', 1, '2026-11-27 09:00:00')";
    let prefix = *CouponId::new().as_bytes();
    let rows = (1..=FIRST).map(|number| {
        let mut id = prefix;
        id[8..].copy_from_slice(&number.to_be_bytes());
        (id.to_vec(), event.as_str(), format!("user-{number:09}"), number)
    });
    conn.exec_batch(first, rows).await.unwrap();
    let mut there = FIRST;
    while there < winners {
        let copied = there.min(COPIED).min(winners - there);
        conn.exec_drop(COPY, (there, there, there, event.as_str(), copied)).await.unwrap();
        there += copied;
    }
    conn.disconnect().await.unwrap();
}

/// How long an export took, and the most memory that its process had while it wrote.
struct Export {
    first_half: Duration,
    second_half: Duration,
    peak_kib: u64,
}

async fn export(stack: &Handle, event: &EventId, winners: u64) -> Export {
    let mut command = stack.persister_command(&["event", "winners", event.as_str()]).unwrap();
    let began = Instant::now();
    let mut run = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", run.id().unwrap());
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let (mut peak_kib, mut count, mut first_half) = (0, 0, Duration::ZERO);
    let reading = async {
        // The names of the columns.
        lines.next_line().await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            count += 1;
            if count == winners / 2 {
                first_half = began.elapsed();
            }
            if count % LOOK_EVERY == 0 {
                peak_kib = peak_kib.max(high_water_kib(&status));
                assert!(line.starts_with(&format!("{count},user-{count:09},")), "{line}");
            }
        }
    };
    timeout(EXPORT_WITHIN, reading).await.expect("an export ends");
    assert!(run.wait().await.unwrap().success());
    assert_eq!(count, winners);
    Export { first_half, second_half: began.elapsed() - first_half, peak_kib }
}

/// `VmHWM` of a process; 0 once it has ended.
fn high_water_kib(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}
