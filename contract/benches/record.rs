//! What it costs to write and read a win: as a record of Kafka, and as Redis keeps it.
//!
//! `cargo bench -p contract --features criterion --bench record`

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use contract::coupon::{CouponState, Win};
use contract::ids::{Attempt, CouponId};
use contract::record::{Issued, Record, Told, decode, encode};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let win = win();
    let (event, user) = ("spring".parse().unwrap(), "user-00000000".parse().unwrap());
    let record = Record::Issued(Issued::new(event, 1, user, &win, Told::Replica));
    let value = encode(&record);
    criterion.bench_function("write a record", |run| run.iter(|| encode(black_box(&record))));
    criterion.bench_function("read a record", |run| run.iter(|| decode(black_box(&value))));
    let text = win.to_string();
    criterion.bench_function("read a win from Redis", |run| {
        run.iter(|| black_box(&text).parse::<Win>());
    });
    criterion.final_summary();
}

fn win() -> Win {
    Win {
        coupon: CouponId::new(),
        sequence: 7,
        attempt: Attempt::NONE,
        issued_at_ms: 1_700_000_000_123,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    }
}
