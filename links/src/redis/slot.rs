//! Hash slots.

use std::fmt;

use contract::ids::EventId;

/// One of the 16,384 parts of the key space that Redis Cluster spreads over its masters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// How many there are.
    pub const COUNT: usize = 16_384;

    /// The slot of an event's keys: all of them carry `{event}`, which alone is hashed.
    pub fn of(event: &EventId) -> Self {
        Self(redis_protocol::redis_keyslot(event.as_str().as_bytes()))
    }

    /// The slot of a number below [`Slot::COUNT`].
    pub fn new(number: u16) -> Option<Self> {
        (usize::from(number) < Self::COUNT).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::keys::EventKeys;

    #[test]
    fn an_event_has_the_slot_of_its_keys() {
        for name in ["spring", "a", "Drop_2026-11"] {
            let event: EventId = name.parse().unwrap();
            let keys = EventKeys::new(&event);
            let slot = Slot::of(&event).number();
            for key in [keys.state, keys.wins, keys.outbox, keys.expiry] {
                assert_eq!(redis_protocol::redis_keyslot(key.as_bytes()), slot);
            }
        }
        // CLUSTER KEYSLOT foo, on Redis 7.0.
        assert_eq!(Slot::of(&"foo".parse().unwrap()).number(), 12_182);
    }
}
