//! Redis keys of an event. The braces put all of them into one slot, so that one script may touch
//! them together; ids cannot contain braces, so nobody outside chooses a slot.

use crate::ids::EventId;

/// Names of the fields of the state hash, as `lua/` spells them.
pub mod state {
    /// The number that each re-arm raises.
    pub const EPOCH: &str = "epoch";
    /// A word of [`crate::event::Phase`].
    pub const PHASE: &str = "phase";
    /// `master_replid` of the one process that may answer for the event; empty while arming.
    pub const IDENTITY: &str = "identity";
    /// `run_id` of that process.
    pub const RUN_ID: &str = "run_id";
    /// Config epoch of the shard when it was armed.
    pub const CONFIG_EPOCH: &str = "config_epoch";
    /// Token of the leader's arming that is under way.
    pub const ARMER: &str = "armer";
    /// Unix milliseconds; 0: always open.
    pub const OPENS: &str = "opens";
    /// Unix milliseconds; 0: never closes by itself.
    pub const CLOSES: &str = "closes";
    /// Units in all.
    pub const STOCK: &str = "stock";
    /// Units that winners hold. left = stock − held.
    pub const HELD: &str = "held";
    /// The highest sequence number given; only grows.
    pub const SEQUENCE: &str = "sequence";
    /// Units that one user may hold.
    pub const LIMIT: &str = "limit";
    /// The version of the operators' row that the shard carries.
    pub const VERSION: &str = "version";
    /// How often operators' changes moved the shard; missing where none did.
    pub const MOVES: &str = "moves";
}

/// The keys of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKeys {
    /// HASH: how the event stands; fields in [`state`].
    pub state: String,
    /// HASH: user → wins, as [`crate::coupon::Win`] writes them.
    pub wins: String,
    /// STREAM: one entry a batch of wins that Kafka has not acknowledged; see [`crate::outbox`].
    pub outbox: String,
    /// ZSET: kept for holds that expire.
    pub expiry: String,
}

impl EventKeys {
    /// The keys of `event`.
    pub fn new(event: &EventId) -> Self {
        Self {
            state: format!("fc:{{{event}}}:state"),
            wins: format!("fc:{{{event}}}:wins"),
            outbox: format!("fc:{{{event}}}:outbox"),
            expiry: format!("fc:{{{event}}}:expiry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_is_the_hash_tag_of_every_key() {
        let keys = EventKeys::new(&"spring".parse().unwrap());
        assert_eq!(keys.state, "fc:{spring}:state");
        assert_eq!(keys.wins, "fc:{spring}:wins");
        assert_eq!(keys.outbox, "fc:{spring}:outbox");
        assert_eq!(keys.expiry, "fc:{spring}:expiry");
    }
}
