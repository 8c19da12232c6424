//! Definite answers that are neither a win nor sold out: each needs an operator who explains it.

use crate::rush::operation::{Operated, Operation};

/// How many there were, by what explains them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    closed: u64,
    revoked: u64,
    other: u64,
}

impl Refusals {
    /// Notes one, by its word.
    pub(super) fn note(&mut self, code: &str) {
        match code {
            "closed" => self.closed += 1,
            "revoked" => self.revoked += 1,
            _ => self.other += 1,
        }
    }

    /// Those that nothing explains which operators did.
    pub fn unexplained(&self, operated: &[Operated]) -> u64 {
        let none = |what: fn(&Operation) -> bool, answers| {
            if operated.iter().any(|one| what(&one.operation)) { 0 } else { answers }
        };
        self.other
            + none(|operation| matches!(operation, Operation::Close), self.closed)
            + none(
                |operation| matches!(operation, Operation::Revoke(_) | Operation::Withdraw(_)),
                self.revoked,
            )
    }
}

#[cfg(test)]
mod tests {
    use contract::ids::CouponId;

    use super::*;

    #[test]
    fn each_word_needs_its_own_operation() {
        let mut refusals = Refusals::default();
        for code in ["closed", "revoked", "revoked", "unknown_event"] {
            refusals.note(code);
        }
        let did = |operation| Operated { begun_us: 1, ended_us: Some(2), operation };
        let revoke = did(Operation::Revoke(CouponId::from_bytes([1; 16])));
        assert_eq!(refusals.unexplained(&[]), 4);
        assert_eq!(refusals.unexplained(&[did(Operation::Pause)]), 4);
        assert_eq!(refusals.unexplained(&[did(Operation::Close)]), 3);
        assert_eq!(refusals.unexplained(&[did(Operation::Close), revoke]), 1);
    }
}
