//! The words an event is described with, spelled the same in MySQL, Redis, Kafka and JSON.

use serde::{Deserialize, Serialize};

/// How an event stands.
///
/// What operators want (MySQL) is one of `scheduled`, `open`, `paused`, `closed`, `archived`;
/// the others are steps of the leader on the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Known, not on sale until an operator opens it.
    Scheduled,
    /// On sale, inside its window.
    Open,
    /// Stopped by an operator; winners are still answered.
    Paused,
    /// Over; winners are still answered.
    Closed,
    /// Settled and put away; its Redis keys and directory records are gone.
    Archived,
    /// Directory only: a new epoch has begun and no older one may be told the Kafka way.
    Fencing,
    /// Redis only: being filled by the leader; nothing is granted.
    Arming,
    /// New units are about to go on sale; winners are answered, others asked to wait.
    Reopening,
}

impl Phase {
    /// The word as every store spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Closed => "closed",
            Self::Archived => "archived",
            Self::Fencing => "fencing",
            Self::Arming => "arming",
            Self::Reopening => "reopening",
        }
    }

    /// The phase that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Scheduled,
            Self::Open,
            Self::Paused,
            Self::Closed,
            Self::Archived,
            Self::Fencing,
            Self::Arming,
            Self::Reopening,
        ];
        all.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// When a win may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Once the shard's replica holds it (WAIT), or else once Kafka does.
    Replica,
    /// Only once Kafka holds it and the directory shows no higher epoch.
    Log,
}

impl Confirm {
    /// The word as every store spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Log => "log",
        }
    }

    /// The level that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Replica, Self::Log].into_iter().find(|confirm| confirm.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_what_they_name() {
        for word in
            ["scheduled", "open", "paused", "closed", "archived", "fencing", "arming", "reopening"]
        {
            let phase = Phase::parse(word).unwrap();
            assert_eq!(phase.as_str(), word);
            assert_eq!(serde_json::to_string(&phase).unwrap(), format!("\"{word}\""));
        }
        for word in ["replica", "log"] {
            let confirm = Confirm::parse(word).unwrap();
            assert_eq!(serde_json::to_string(&confirm).unwrap(), format!("\"{word}\""));
        }
        assert_eq!(Phase::parse("Open"), None);
        assert_eq!(Confirm::parse(""), None);
    }
}
