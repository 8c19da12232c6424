//! The three sources of a verdict, and what all invariants need to know of them.

use std::collections::{HashMap, HashSet};

use contract::ids::CouponId;

use super::history::{History, Told, Way};
use super::snapshot::{Holding, MysqlSnapshot, RedisSnapshot};

/// What clients were told, what Redis has and what MySQL has, once things have settled.
pub struct Evidence<'a> {
    /// What clients were told.
    pub history: &'a History,
    /// What Redis has.
    pub redis: &'a RedisSnapshot,
    /// What MySQL has.
    pub mysql: &'a MysqlSnapshot,
    rows: HashMap<CouponId, &'a Holding>,
    wins: HashMap<CouponId, &'a Holding>,
}

impl<'a> Evidence<'a> {
    /// Puts the three side by side.
    pub fn new(history: &'a History, redis: &'a RedisSnapshot, mysql: &'a MysqlSnapshot) -> Self {
        Self { history, redis, mysql, rows: by_coupon(&mysql.rows), wins: by_coupon(&redis.wins) }
    }

    /// MySQL's row of a coupon.
    pub fn row(&self, coupon: CouponId) -> Option<&'a Holding> {
        self.rows.get(&coupon).copied()
    }

    /// Redis's win of a coupon.
    pub fn win(&self, coupon: CouponId) -> Option<&'a Holding> {
        self.wins.get(&coupon).copied()
    }

    /// Every coupon that was told, once, in the order of its first telling.
    pub fn told(&self) -> impl Iterator<Item = &'a Told> {
        let mut seen = HashSet::new();
        self.history.told.iter().filter(move |told| seen.insert(told.coupon))
    }

    /// The same, of those that were the answer to the claim that won them.
    pub fn answered(&self) -> impl Iterator<Item = &'a Told> {
        let mut seen = HashSet::new();
        let own = self.history.told.iter().filter(|told| told.way != Way::Listed);
        own.filter(move |told| seen.insert(told.coupon))
    }

    /// Whether a coupon that was told is still held; one that no row knows is.
    pub fn is_held(&self, coupon: CouponId) -> bool {
        self.row(coupon).is_none_or(Holding::is_held)
    }

    /// The most units that there ever were: an operator may have raised or lowered the stock.
    pub fn stock(&self) -> u64 {
        self.mysql.stock.max(self.history.header.stock)
    }

    /// The highest limit that there was.
    pub fn limit(&self) -> u32 {
        self.mysql.limit.max(self.history.header.limit)
    }

    /// Whether units may have gone on sale again: a return, a change of the stock, or a re-arm,
    /// which frees wins that nobody was told of. If not, sold out once is sold out for ever.
    pub fn units_came_back(&self) -> bool {
        let holdings = self.mysql.rows.iter().chain(&self.redis.wins);
        self.mysql.stock != self.history.header.stock
            || self.mysql.epoch > 1
            || holdings.into_iter().any(|holding| !holding.is_held())
    }
}

fn by_coupon(holdings: &[Holding]) -> HashMap<CouponId, &Holding> {
    holdings.iter().map(|holding| (holding.coupon, holding)).collect()
}
