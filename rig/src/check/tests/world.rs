//! A small sale: what was asked and answered, and what the stores have. Tests change one thing.

use contract::coupon::CouponState;
use contract::ids::{Attempt, CouponId};

use crate::check::history::{Fold, History};
use crate::check::snapshot::{Holding, MysqlSnapshot, RedisSnapshot};
use crate::check::verdict::Verdict;

/// Time 0 of the history.
pub(super) const BEGAN_MS: u64 = 1_700_000_000_000;
pub(super) const SOLD_OUT: &str = "409\tsold_out\t-";

#[derive(Clone)]
pub(super) struct World {
    pub(super) header: String,
    pub(super) requests: Vec<Request>,
    pub(super) redis: RedisSnapshot,
    pub(super) mysql: MysqlSnapshot,
    /// Lines of what operators did.
    pub(super) operated: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Request {
    pub(super) asked_us: u64,
    pub(super) answered_us: u64,
    pub(super) user: &'static str,
    pub(super) key: &'static str,
    /// Status, code and coupons; or why there is no answer; or nothing.
    pub(super) answer: String,
}

pub(super) fn coupon(number: u64) -> CouponId {
    CouponId::from_bytes(u128::from(number).to_be_bytes())
}

pub(super) fn holding(user: &str, number: u64) -> Holding {
    Holding {
        user: user.parse().unwrap(),
        coupon: coupon(number),
        sequence: number,
        nth: 1,
        quantity: 1,
        attempt: Attempt::NONE,
        state: CouponState::Issued,
    }
}

/// The answer that grants a coupon with a number.
pub(super) fn won(id: u64, sequence: u64) -> String {
    format!("200\tissued\t{},{sequence}", coupon(id))
}

/// Three units: ann, bob and cid win them, ann asks again and is shown hers, dan comes too late,
/// eve's first request is lost and her second comes too late.
pub(super) fn clean() -> World {
    let wins = vec![holding("ann", 1), holding("bob", 2), holding("cid", 3)];
    let mut world = World {
        header: "H\t1\tspring\tcreated\t3\t1\t1700000000000".to_owned(),
        requests: Vec::new(),
        redis: RedisSnapshot {
            stock: 3,
            held: 3,
            sequence: 3,
            outbox: 0,
            unreadable: 0,
            wins: wins.clone(),
        },
        mysql: MysqlSnapshot {
            stock: 3,
            limit: 1,
            epoch: 1,
            archived: false,
            rows: wins,
            rearms: Vec::new(),
            letters: Vec::new(),
        },
        operated: Vec::new(),
    };
    world.asks(100, 200, "ann", "key-a", &won(1, 1));
    world.asks(110, 210, "bob", "-", &won(2, 2));
    world.asks(220, 300, "ann", "key-a", &won(1, 1));
    world.asks(230, 330, "cid", "-", &won(3, 3));
    world.asks(150, 250, "eve", "-", "timed_out");
    world.asks(400, 450, "dan", "-", SOLD_OUT);
    world.asks(300, 460, "eve", "-", SOLD_OUT);
    world
}

impl World {
    pub(super) fn asks(
        &mut self,
        asked_us: u64,
        answered_us: u64,
        user: &'static str,
        key: &'static str,
        answer: &str,
    ) {
        let answer = answer.to_owned();
        self.requests.push(Request { asked_us, answered_us, user, key, answer });
    }

    /// The first request of a user.
    pub(super) fn first(&mut self, user: &str) -> &mut Request {
        self.requests.iter_mut().find(|request| request.user == user).unwrap()
    }

    /// Something that an operator did, and noted.
    pub(super) fn operates(&mut self, begun_us: u64, ended_us: u64, what: &str) {
        self.operated.push(format!("O\t{begun_us}\t{ended_us}\t{what}"));
    }

    /// As if a user had never asked.
    pub(super) fn forget(&mut self, user: &str) {
        self.requests.retain(|request| request.user != user);
    }

    /// Changes both stores alike, and the last number with them.
    pub(super) fn stores(&mut self, change: impl Fn(&mut Vec<Holding>)) {
        change(&mut self.redis.wins);
        change(&mut self.mysql.rows);
        let highest = self.redis.wins.iter().map(|win| win.sequence).max();
        self.redis.sequence = self.redis.sequence.max(highest.unwrap_or(0));
    }

    pub(super) fn history(&self) -> History {
        let mut fold = Fold::default();
        fold.take(&self.header).unwrap();
        for (number, request) in self.requests.iter().enumerate() {
            let Request { asked_us, answered_us, user, key, answer } = request;
            fold.take(&format!("Q\t{number}\t{asked_us}\t{user}\t{key}")).unwrap();
            if answer.contains('\t') {
                fold.take(&format!("A\t{number}\t{answered_us}\t{answer}")).unwrap();
            } else if !answer.is_empty() {
                fold.take(&format!("X\t{number}\t{answered_us}\t{answer}")).unwrap();
            }
        }
        for line in &self.operated {
            fold.take(line).unwrap();
        }
        fold.finish().unwrap()
    }

    pub(super) fn check(&self) -> Verdict {
        crate::check::check(&self.history(), &self.redis, &self.mysql)
    }
}
