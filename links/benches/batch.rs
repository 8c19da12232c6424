//! What it costs to turn claims into the script's arguments.
//!
//! `cargo bench -p links --features criterion --bench batch`

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use contract::ids::{Attempt, CouponId, UserId};
use criterion::{BenchmarkId, Criterion, Throughput};
use links::claims::{Args, Claim};

/// Claims of a call: one alone, what came together in measured rushes, the most.
const SIZES: [u64; 4] = [1, 14, 44, 128];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("arguments of a call");
    for size in SIZES {
        let users: Vec<UserId> =
            (0..size).map(|number| format!("user-{number:08}").parse().unwrap()).collect();
        let claim =
            |user| Claim { user, attempt: Attempt::NONE, coupon: CouponId::new(), quantity: 1 };
        let claims: Vec<Claim<'_>> = users.iter().map(claim).collect();
        group.throughput(Throughput::Elements(size));
        group.bench_with_input(BenchmarkId::from_parameter(size), &claims, |run, claims| {
            run.iter(|| black_box(Args::of(claims).words()).len());
        });
    }
    group.finish();
    criterion.final_summary();
}
