//! A million winners, planted into Redis and MySQL of the stack that `FIRSTCOME_STACK` names, and
//! reconciled: how long it takes and how much memory, against what it may.
//!
//! `./dev test --all` runs it; by itself: `FIRSTCOME_STACK=… cargo bench -p persister`.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use contract::coupon::{CouponState, Win};
use contract::ids::{Attempt, CouponId, EventId};
use contract::keys::EventKeys;
use links::redis::{Cluster, RedisConfig, Script};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};
use rig::stack::{Handle, PartKind};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

const WINNERS: u64 = 1_000_000;
/// Winners that one call plants.
const PAGE: u64 = 1_000;
/// What a run may take.
const ALLOWED: Duration = Duration::from_secs(60);
/// What its process may take, in KiB.
const ALLOWED_KIB: u64 = 64 * 1024;
/// A run that takes longer is ended.
const RUN_WITHIN: Duration = Duration::from_secs(300);
/// Between two looks at its memory.
const LOOK: Duration = Duration::from_millis(50);

const ISSUED_AT_MS: u64 = 1_795_770_000_000;

#[tokio::main]
async fn main() -> ExitCode {
    let stack = Handle::from_env().unwrap();
    let event: EventId = format!("million-{}", &CouponId::new().to_hex()[20..]).parse().unwrap();
    println!("planting {WINNERS} winners of {event}");
    plant(&stack, &event).await;
    let (took, peak_kib) = reconcile(&stack, &event).await;
    println!(
        "reconciled {WINNERS} winners in {:.1} s, peak {} MiB",
        took.as_secs_f64(),
        peak_kib / 1024
    );
    if took <= ALLOWED && peak_kib <= ALLOWED_KIB {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "more than the {} s and {} MiB that it may take",
        ALLOWED.as_secs(),
        ALLOWED_KIB / 1024
    );
    ExitCode::FAILURE
}

async fn plant(stack: &Handle, event: &EventId) {
    let stock = WINNERS.to_string();
    let words = ["event", "create", event.as_str(), "--stock", &stock, "--open", "--wait-s", "60"];
    let created = stack.persister(&words).await.unwrap();
    assert!(created.status.success(), "{created:?}");
    let nodes = stack.addresses(PartKind::Redis).iter().map(ToString::to_string).collect();
    let cluster = Cluster::connect(RedisConfig::plain(nodes)).await.unwrap();
    let mut conn = Conn::from_url(stack.mysql_url().unwrap()).await.unwrap();
    for first in (1..=WINNERS).step_by(usize::try_from(PAGE).unwrap()) {
        let numbers = first..first + PAGE;
        plant_wins(&cluster, event, numbers.clone()).await;
        plant_rows(&mut conn, event, numbers).await;
    }
    conn.disconnect().await.unwrap();
}

fn user(number: u64) -> String {
    format!("user-{number:08}")
}

fn win(event: &EventId, number: u64) -> Win {
    // Ids are unique over all events: a kept stack may have seen this bench before.
    let mut id = *CouponId::new().as_bytes();
    id[8..].copy_from_slice(&number.to_be_bytes());
    id[..8].copy_from_slice(&event.as_str().as_bytes()[event.as_str().len() - 8..]);
    Win {
        coupon: CouponId::from_bytes(id),
        sequence: number,
        attempt: Attempt::NONE,
        issued_at_ms: ISSUED_AT_MS,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    }
}

async fn plant_wins(cluster: &Cluster, event: &EventId, numbers: std::ops::Range<u64>) {
    let script = Script::new(
        "redis.call('HSET', KEYS[2], unpack(ARGV, 2)) \
         redis.call('HSET', KEYS[1], 'held', ARGV[1], 'sequence', ARGV[1])",
    );
    let last = (numbers.end - 1).to_string();
    let mut words = vec![last];
    words.extend(numbers.flat_map(|number| [user(number), win(event, number).to_string()]));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let keys = EventKeys::new(event);
    let keys = [keys.state.as_str(), keys.wins.as_str()];
    cluster.run_script(Cluster::slot_of(event), &script, &keys, &words).await.unwrap();
}

async fn plant_rows(conn: &mut Conn, event: &EventId, numbers: std::ops::Range<u64>) {
    let row = "(?, ?, ?, 1, ?, 1, 1, 'replica', 'issued', 1, '2026-11-27 09:00:00')";
    let rows = vec![row; usize::try_from(PAGE).unwrap()].join(", ");
    let statement = format!(
        "INSERT INTO coupons (coupon_id, event_id, user_id, user_nth, sequence, quantity, epoch, \
           told, state, revision, issued_at) VALUES {rows}"
    );
    let params: Vec<Value> = numbers
        .flat_map(|number| {
            let coupon = win(event, number).coupon;
            let id = Value::from(coupon.as_bytes().as_slice());
            [id, event.as_str().into(), user(number).into(), number.into()]
        })
        .collect();
    conn.exec_drop(statement, params).await.unwrap();
}

/// How long a run took, and the most memory that its process had.
async fn reconcile(stack: &Handle, event: &EventId) -> (Duration, u64) {
    let words = ["reconcile", "--event", event.as_str()];
    let mut command: Command = stack.persister_command(&words).unwrap();
    let began = Instant::now();
    let mut run = command.stdin(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", run.id().unwrap());
    let mut peak_kib = 0;
    let ended = timeout(RUN_WITHIN, async {
        loop {
            tokio::select! {
                ended = run.wait() => return ended.unwrap(),
                () = sleep(LOOK) => peak_kib = peak_kib.max(high_water_kib(&status)),
            }
        }
    });
    let ended = ended.await.expect("a run ends");
    let took = began.elapsed();
    assert!(ended.success(), "it found differences, or trouble");
    (took, peak_kib)
}

/// `VmHWM` of a process; 0 once it has ended.
fn high_water_kib(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}
