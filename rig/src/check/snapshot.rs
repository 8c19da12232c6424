//! What Redis and MySQL have of an event, side by side in the same words.

use contract::coupon::CouponState;
use contract::ids::{Attempt, CouponId, UserId};
use contract::record::Told;

/// A coupon as a store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The winner.
    pub user: UserId,
    /// The coupon.
    pub coupon: CouponId,
    /// Its number within the event.
    pub sequence: u64,
    /// Which of the user's wins, from 1.
    pub nth: u32,
    /// Units.
    pub quantity: u32,
    /// The attempt that won it.
    pub attempt: Attempt,
    /// What became of it.
    pub state: CouponState,
}

impl Holding {
    /// Whether its unit cannot be sold again.
    pub fn is_held(&self) -> bool {
        self.state.keeps_unit()
    }
}

/// An event on its shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisSnapshot {
    /// Units in all.
    pub stock: u64,
    /// Units held, as the script counts them.
    pub held: u64,
    /// The highest number given.
    pub sequence: u64,
    /// Outbox entries that Kafka has not acknowledged.
    pub outbox: u64,
    /// Fields or entries that cannot be read.
    pub unreadable: u64,
    /// Every win.
    pub wins: Vec<Holding>,
}

impl RedisSnapshot {
    /// Whether there is nothing of the event.
    pub fn is_empty(&self) -> bool {
        (self.stock, self.sequence, self.outbox, self.unreadable) == (0, 0, 0, 0)
            && self.wins.is_empty()
    }

    /// What an archived event's shard had, by its rows.
    pub fn by_rows(mysql: &MysqlSnapshot) -> Self {
        Self {
            stock: mysql.stock,
            held: units_held(&mysql.rows),
            sequence: mysql.rows.iter().map(|row| row.sequence).max().unwrap_or(0),
            outbox: 0,
            unreadable: 0,
            wins: mysql.rows.clone(),
        }
    }
}

/// An event in MySQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlSnapshot {
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub limit: u32,
    /// How often the event was armed.
    pub epoch: u64,
    /// Whether it is archived: its keys are gone, and these rows are all there is.
    pub archived: bool,
    /// Every row.
    pub rows: Vec<Holding>,
    /// Each arming.
    pub rearms: Vec<Rearm>,
    /// Its dead letters.
    pub letters: Vec<Letter>,
}

/// An arming of an event; the first one made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rearm {
    /// The epoch that it began.
    pub epoch: u64,
    /// Unix milliseconds on the database's clock.
    pub started_ms: u64,
    /// The same of its end; `None`: it has not ended.
    pub opened_ms: Option<u64>,
}

/// A record that could not become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its coupon, where it tells.
    pub coupon: Option<CouponId>,
    /// Why.
    pub reason: Reason,
    /// How it stood with its user when it was published, where it tells.
    pub told: Option<Told>,
    /// What became of it.
    pub state: LetterState,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterState {
    /// It waits.
    Waits,
    /// An operator gave it up.
    GivenUp,
    /// It is a row.
    Settled,
}

/// Why a record could not become a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Another win has its place.
    Void,
    /// Anything else: undecodable, rejected, late, breach.
    Other,
}

/// Units of the holdings that are held.
pub fn units_held(holdings: &[Holding]) -> u64 {
    let held = holdings.iter().filter(|holding| holding.is_held());
    held.map(|holding| u64::from(holding.quantity)).sum()
}
