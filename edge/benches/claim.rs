//! What the pure parts of a claim cost: reading its body, looking it up in memory, answering it, and
//! asking whether it is traced where nothing is.
//!
//! `cargo bench -p edge --features criterion --bench claim`

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::time::Instant;

use contract::coupon::{CouponState, Win};
use contract::ids::{Attempt, CouponId, EventId, UserId};
use criterion::{BenchmarkId, Criterion};
use edge::claims::Told;
use edge::claims::winners::{Membership, Winners};
use edge::issue::Answered;
use edge::reply;
use edge::request::parse_issue;
use edge::trace;
use hyper::HeaderMap;
use links::trace::Tracer;

const BODY: &[u8] = br#"{"event_id":"spring","user_id":"user-00000000"}"#;
/// Winners of an event.
const WINNERS: [u64; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("read a body", |run| {
        run.iter(|| parse_issue(black_box(BODY), Attempt::NONE, None).unwrap());
    });
    criterion.bench_function("not traced", |run| {
        let (tracer, headers) = (Tracer::off(), HeaderMap::new());
        run.iter(|| trace::claim(black_box(&tracer), &headers).is_none());
    });
    replies(&mut criterion);
    look_ups(&mut criterion);
    criterion.final_summary();
}

fn replies(criterion: &mut Criterion) {
    let win = Win {
        coupon: CouponId::new(),
        sequence: 7,
        attempt: Attempt::NONE,
        issued_at_ms: 1_700_000_000_123,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    };
    for (name, told) in [("sold out", Told::SoldOut), ("issued", Told::Issued(win))] {
        let answered = Answered { event: event(), user: user(0), told };
        criterion.bench_with_input(BenchmarkId::new("reply", name), &answered, |run, answered| {
            run.iter(|| reply::issue(Ok(black_box(answered).clone())));
        });
    }
}

/// Of a user who has not won, as most are in a rush.
fn look_ups(criterion: &mut Criterion) {
    for size in WINNERS {
        let (all, _wanted) = Winners::new();
        let winners = all.of(&event());
        let users = (0..size).map(|number| winners.hash(user(number).as_str())).collect();
        winners.was_read(Instant::now(), Some((1, size, users)));
        let loser = user(size);
        assert_eq!(winners.find(1, size, &loser), Membership::NotMember);
        criterion.bench_with_input(
            BenchmarkId::new("not among winners", size),
            &loser,
            |run, user| {
                run.iter(|| winners.find(1, size, black_box(user)));
            },
        );
    }
}

fn event() -> EventId {
    "spring".parse().unwrap()
}

fn user(number: u64) -> UserId {
    format!("user-{number:08}").parse().unwrap()
}
