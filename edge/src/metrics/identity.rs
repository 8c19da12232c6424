//! Of users who are known by tokens, and of the keys.

use chrono::{DateTime, Utc};
use metrics::{Counter, Gauge, counter, gauge};

use super::{KEY_READS, KEYS, KEYS_READ_AT, TOKENS};
use crate::identity::Refused;

/// Of tokens, where users are known by them.
#[derive(Clone)]
pub struct IdentityMetrics {
    /// Tokens that were verified.
    pub verified: Counter,
    /// Tokens that had been verified before.
    pub remembered: Counter,
    refused: Vec<Counter>,
    /// Of the keys.
    pub keys: KeyMetrics,
}

impl IdentityMetrics {
    /// The handles.
    pub fn register() -> Self {
        let of = |result: &'static str| counter!(TOKENS, "result" => result);
        Self {
            verified: of("verified"),
            remembered: of("remembered"),
            refused: Refused::ALL.map(|refused| of(refused.as_str())).to_vec(),
            keys: KeyMetrics::register(),
        }
    }

    /// A request was refused.
    pub fn refused(&self, why: Refused) {
        self.refused[why as usize].increment(1);
    }
}

/// Of the keys that tokens are verified with.
#[derive(Clone)]
pub struct KeyMetrics {
    /// How many there are.
    pub keys: Gauge,
    read: Counter,
    failed: Counter,
    read_at: Gauge,
}

impl KeyMetrics {
    /// The handles.
    pub fn register() -> Self {
        let of = |result: &'static str| counter!(KEY_READS, "result" => result);
        Self {
            keys: gauge!(KEYS),
            read: of("ok"),
            failed: of("failed"),
            read_at: gauge!(KEYS_READ_AT),
        }
    }

    /// They were read, or not.
    pub fn read(&self, went_well: bool, now: DateTime<Utc>) {
        if went_well {
            self.read.increment(1);
            self.read_at.set(now.timestamp() as f64);
        } else {
            self.failed.increment(1);
        }
    }
}
