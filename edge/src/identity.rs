//! Who asks.

use contract::ids::UserId;

/// Who says which user a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Whoever names a user is believed. For demos and tests.
    Open,
}

/// A request names no user that it could be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no user is named: in the open mode user_id is required")]
pub struct Unauthenticated;

impl Mode {
    /// The user that a request is for, given the one that it names.
    pub fn identify(self, named: Option<UserId>) -> Result<UserId, Unauthenticated> {
        match self {
            Self::Open => named.ok_or(Unauthenticated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_mode_believes_whoever_names_a_user() {
        let ann: UserId = "ann".parse().unwrap();
        assert_eq!(Mode::Open.identify(Some(ann.clone())), Ok(ann));
        assert_eq!(Mode::Open.identify(None), Err(Unauthenticated));
    }
}
