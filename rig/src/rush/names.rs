//! What the users of a rush and their attempts are called.

/// Names of one rush. Rushes with different seeds have different users, so that several of them
/// can ask for one event.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    seed: u64,
}

impl Names {
    /// The names of the rush with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The id of a user.
    pub fn user(self, user: u32) -> String {
        format!("r{:x}-{user}", self.seed)
    }

    /// The `Idempotency-Key` of a user's attempt; 0 is the attempt without a key.
    pub fn key(self, user: u32, attempt: u8) -> Option<String> {
        (attempt > 0).then(|| format!("k{attempt}-{:x}-{user}", self.seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::ids::UserId;

    #[test]
    fn names_are_ids_and_differ() {
        let names = Names::new(u64::MAX);
        assert!(names.user(u32::MAX).parse::<UserId>().is_ok());
        assert_ne!(names.user(1), Names::new(1).user(1));
        assert_eq!(names.key(1, 0), None);
        assert_ne!(names.key(1, 1), names.key(1, 2));
        assert_ne!(names.key(1, 1), names.key(2, 1));
    }
}
