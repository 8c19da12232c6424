//! The kinds of difference, what is done about each, and their table, as operators see it.

use serde::{Deserialize, Serialize};

/// How Redis and MySQL differ about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A win in Redis has no row, and nothing stands in its way.
    RowMissing,
    /// A win in Redis has no row because another coupon has its number or its user's place.
    RowTaken,
    /// A win in Redis has no row, and a dead letter says why.
    DeadLettered,
    /// A win in Redis has no row, and an operator gave it up.
    GivenUp,
    /// A row is not in Redis.
    WinMissing,
    /// Row and win are different users'.
    UserDiffers,
    /// They have different numbers.
    SequenceDiffers,
    /// They are different ones of their user's.
    NthDiffers,
    /// They are of different quantities.
    QuantityDiffers,
    /// They stand differently, and have for a while.
    StateDiffers,
    /// They were changed differently often, and have been for a while.
    RevisionDiffers,
    /// The shard counts other units as held than its wins come to.
    HeldWrong,
    /// The shard has not given a number that a row has: it would give it twice.
    SequenceBehind,
    /// A user's wins in Redis cannot be read.
    WinsUnreadable,
    /// An entry of the outbox cannot be read.
    EntryUnreadable,
}

/// What is done about a difference. There is nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// The win is published again, as the relay does.
    Publish,
    /// The leader is asked to arm the event again, which unites Redis with the rows.
    Rearm,
    /// Somebody has to look.
    None,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::RowMissing,
        Self::RowTaken,
        Self::DeadLettered,
        Self::GivenUp,
        Self::WinMissing,
        Self::UserDiffers,
        Self::SequenceDiffers,
        Self::NthDiffers,
        Self::QuantityDiffers,
        Self::StateDiffers,
        Self::RevisionDiffers,
        Self::HeldWrong,
        Self::SequenceBehind,
        Self::WinsUnreadable,
        Self::EntryUnreadable,
    ];

    /// What it is, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::RowMissing => "a win in Redis has no row, and nothing stands in its way",
            Self::RowTaken => {
                "a win in Redis has no row because another coupon has its number or its user's place"
            }
            Self::DeadLettered => "a win in Redis has no row, and its dead letter waits",
            Self::GivenUp => "a win in Redis has no row, and an operator gave it up",
            Self::WinMissing => "a row is not in Redis",
            Self::UserDiffers => "Redis and MySQL have different users of a coupon",
            Self::SequenceDiffers => "Redis and MySQL have different numbers of a coupon",
            Self::NthDiffers => "Redis and MySQL count a coupon as different ones of its user",
            Self::QuantityDiffers => "Redis and MySQL have different quantities of a coupon",
            Self::StateDiffers => "a coupon stands differently, and has for a while",
            Self::RevisionDiffers => {
                "a coupon was changed differently often, and has been for a while"
            }
            Self::HeldWrong => "the shard counts other units as held than its wins come to",
            Self::SequenceBehind => "the shard has not given a number that a row has",
            Self::WinsUnreadable => "a user's wins in Redis cannot be read",
            Self::EntryUnreadable => "an entry of the outbox cannot be read",
        }
    }

    /// What is done about it.
    pub fn repair(self) -> Repair {
        match self {
            Self::RowMissing => Repair::Publish,
            Self::RowTaken
            | Self::WinMissing
            | Self::UserDiffers
            | Self::SequenceDiffers
            | Self::NthDiffers
            | Self::QuantityDiffers
            | Self::StateDiffers
            | Self::RevisionDiffers
            | Self::HeldWrong
            | Self::SequenceBehind => Repair::Rearm,
            Self::DeadLettered | Self::GivenUp | Self::WinsUnreadable | Self::EntryUnreadable => {
                Repair::None
            }
        }
    }

    /// Whether it is a difference that nothing explains.
    pub fn counts(self) -> bool {
        !matches!(self, Self::DeadLettered | Self::GivenUp)
    }

    /// The word, as JSON spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RowMissing => "row_missing",
            Self::RowTaken => "row_taken",
            Self::DeadLettered => "dead_lettered",
            Self::GivenUp => "given_up",
            Self::WinMissing => "win_missing",
            Self::UserDiffers => "user_differs",
            Self::SequenceDiffers => "sequence_differs",
            Self::NthDiffers => "nth_differs",
            Self::QuantityDiffers => "quantity_differs",
            Self::StateDiffers => "state_differs",
            Self::RevisionDiffers => "revision_differs",
            Self::HeldWrong => "held_wrong",
            Self::SequenceBehind => "sequence_behind",
            Self::WinsUnreadable => "wins_unreadable",
            Self::EntryUnreadable => "entry_unreadable",
        }
    }
}

impl Repair {
    /// The word, as JSON spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Rearm => "rearm",
            Self::None => "none",
        }
    }
}

/// A kind of difference, with what is done about it. Fields are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KindView {
    /// The word that reports have.
    pub kind: Kind,
    /// publish, rearm, none.
    pub repair: Repair,
    /// Whether it counts as a difference that nothing explains.
    pub counts: bool,
    /// What it is, in a sentence.
    pub what: &'static str,
}

/// All kinds.
pub fn kinds() -> Vec<KindView> {
    let view = |kind: Kind| KindView {
        kind,
        repair: kind.repair(),
        counts: kind.counts(),
        what: kind.sentence(),
    };
    Kind::ALL.map(view).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_are_those_of_the_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            let repair = kind.repair();
            assert_eq!(serde_json::to_value(repair).unwrap(), repair.as_str());
        }
        let all: BTreeSet<Kind> = Kind::ALL.into();
        assert_eq!(all.len(), Kind::ALL.len());
    }
}
