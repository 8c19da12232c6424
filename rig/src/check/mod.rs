//! The checker: what clients were told, what Redis has and what MySQL has, held against the
//! invariants.
//!
//! [`check`] is a pure function of the three; reading them is done beside it. It believes none of
//! the three more than another.

pub mod books;
pub mod evidence;
pub mod history;
mod letters;
mod moments;
pub mod mysql;
mod operations;
mod order;
pub mod redis;
pub mod refusals;
pub mod settle;
pub mod snapshot;
pub mod sold_outs;
mod stock;
mod stores;
#[cfg(test)]
mod tests;
pub mod timing;
mod users;
pub mod verdict;
pub mod violation;

use evidence::Evidence;
use snapshot::Holding;
use verdict::{Counts, Findings};

pub use history::{BadHistory, History};
pub use settle::{NoVerdict, SETTLE_WITHIN, Sources};
pub use snapshot::{MysqlSnapshot, RedisSnapshot};
pub use verdict::Verdict;

/// Holds the three sources against the invariants.
pub fn check(history: &History, redis: &RedisSnapshot, mysql: &MysqlSnapshot) -> Verdict {
    let evidence = Evidence::new(history, redis, mysql);
    let mut findings = Findings::default();
    let held = |holdings: &[Holding]| {
        let held = holdings.iter().filter(|holding| holding.is_held());
        held.count() as u64
    };
    let counts = Counts {
        told: evidence.told().count() as u64,
        rows: held(&mysql.rows),
        in_redis: held(&redis.wins),
        oversold: stock::oversold(&evidence, &mut findings),
        doubled: users::doubled(&evidence, &mut findings),
        missing: stores::missing(&evidence, &mut findings),
        unknown: history.unknown,
        dead_letters: mysql.letters.len() as u64,
        void: letters::void(&evidence, &mut findings),
        books: books::books(&evidence),
    };
    stock::sold_out_too_early(&evidence, &mut findings);
    stock::not_settled(&evidence, &mut findings);
    stock::miscounted(&evidence, &mut findings);
    users::answers_changed(&evidence, &mut findings);
    users::returned_and_told(&evidence, &mut findings);
    stores::disagree(&evidence, &mut findings);
    stores::coupons_twice(&evidence, &mut findings);
    order::winners_told_losses(&evidence, &mut findings);
    order::losers_hold(&evidence, &mut findings);
    order::won_after_sold_out(&evidence, &mut findings);
    order::too_many_after_sold_out(&evidence, &mut findings);
    order::won_while_stopped(&evidence, &mut findings);
    order::sequence_went_back(&evidence, &mut findings);
    order::sequences_twice(&evidence, &mut findings);
    Verdict { counts, findings, order_not_judged: evidence.units_moved_unnoted() }
}
