//! The three sources of a verdict, and what all invariants need to know of them.

use std::collections::{HashMap, HashSet};

use contract::ids::CouponId;

use super::history::{History, Told, Way};
use super::operations::Operations;
use super::snapshot::{Holding, LetterState, MysqlSnapshot, RedisSnapshot};

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
    given_up: HashSet<CouponId>,
    dead_lettered: HashSet<CouponId>,
    operations: Operations,
}

/// What moved units and stands in no history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnoted {
    /// The stock is not what operators noted.
    Stock,
    /// A coupon was returned.
    Return,
    /// The event was armed, and MySQL does not say when.
    Arming,
}

impl Unnoted {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "the stock changed, and the history does not say when",
            Self::Return => "a coupon was returned, and the history does not say when",
            Self::Arming => "MySQL lacks an arming of the event",
        }
    }
}

impl<'a> Evidence<'a> {
    /// Puts the three side by side.
    pub fn new(history: &'a History, redis: &'a RedisSnapshot, mysql: &'a MysqlSnapshot) -> Self {
        let began_ms = history.header.began_ms;
        Self {
            history,
            redis,
            mysql,
            rows: by_coupon(&mysql.rows),
            wins: by_coupon(&redis.wins),
            given_up: with_letters(mysql, LetterState::GivenUp),
            dead_lettered: with_letters(mysql, LetterState::Waits),
            operations: Operations::new(&history.operated, &mysql.rearms, began_ms),
        }
    }

    /// MySQL's row of a coupon.
    pub fn row(&self, coupon: CouponId) -> Option<&'a Holding> {
        self.rows.get(&coupon).copied()
    }

    /// Redis's win of a coupon.
    pub fn win(&self, coupon: CouponId) -> Option<&'a Holding> {
        self.wins.get(&coupon).copied()
    }

    /// Whether a coupon has no row because an operator gave it up.
    pub fn is_given_up(&self, coupon: CouponId) -> bool {
        self.row(coupon).is_none() && self.given_up.contains(&coupon)
    }

    /// Whether a coupon's dead letter waits.
    pub fn is_dead_lettered(&self, coupon: CouponId) -> bool {
        self.dead_lettered.contains(&coupon)
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

    /// What is known of units that moved.
    pub(super) fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The most units that there may have been by then.
    pub(super) fn stock_at(&self, at_us: u64) -> u64 {
        let noted = self.operations.stock_at(at_us, self.history.header.stock);
        if self.stock_is_explained() { noted } else { noted.max(self.mysql.stock) }
    }

    /// Until when a coupon surely held its unit: for ever, or until its return was begun; 0 where
    /// nobody noted when that was.
    pub(super) fn held_until_us(&self, coupon: CouponId) -> u64 {
        match self.operations.unit_back(coupon) {
            Some(returned) => returned.begun_us,
            None if self.is_held(coupon) => u64::MAX,
            None => 0,
        }
    }

    /// Until when a coupon surely counted against its user's limit: one that was withdrawn does for
    /// ever.
    pub(super) fn counts_until_us(&self, coupon: CouponId) -> u64 {
        match self.operations.place_back(coupon) {
            Some(returned) => returned.begun_us,
            None if self.row(coupon).is_none_or(|row| row.state.keeps_place()) => u64::MAX,
            None => 0,
        }
    }

    /// How units moved that nobody noted: then nothing is proven by the order of things.
    pub(super) fn units_moved_unnoted(&self) -> Option<Unnoted> {
        let holdings = self.mysql.rows.iter().chain(&self.redis.wins);
        let mut returned = holdings.filter(|holding| !holding.is_held());
        if !self.stock_is_explained() {
            Some(Unnoted::Stock)
        } else if returned.any(|holding| self.operations.unit_back(holding.coupon).is_none()) {
            Some(Unnoted::Return)
        } else if !self.armings_are_known() {
            Some(Unnoted::Arming)
        } else {
            None
        }
    }

    fn stock_is_explained(&self) -> bool {
        self.mysql.stock == self.operations.stock_in_the_end(self.history.header.stock)
    }

    fn armings_are_known(&self) -> bool {
        (2..=self.mysql.epoch)
            .all(|epoch| self.mysql.rearms.iter().any(|rearm| rearm.epoch == epoch))
    }

    /// Who was told of a coupon, if anybody was.
    pub(super) fn told_to(&self, coupon: CouponId) -> Option<&'a str> {
        let told = self.history.told.iter().find(|told| told.coupon == coupon);
        told.map(|told| &*told.user)
    }
}

fn by_coupon(holdings: &[Holding]) -> HashMap<CouponId, &Holding> {
    holdings.iter().map(|holding| (holding.coupon, holding)).collect()
}

fn with_letters(mysql: &MysqlSnapshot, state: LetterState) -> HashSet<CouponId> {
    let letters = mysql.letters.iter().filter(|letter| letter.state == state);
    letters.filter_map(|letter| letter.coupon).collect()
}
