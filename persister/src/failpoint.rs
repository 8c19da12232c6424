//! Where a test may end, stop or mislead a persister. Without the feature `failpoints` nothing of it
//! is in the program.

use contract::ids::EventId;
use links::failpoint;

/// A moment in a persister's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Rows are written, the offset is not moved.
    BeforeOffset,
    /// Rows and offset are written, not committed.
    BeforeCommit,
    /// Committed, nobody knows.
    AfterCommit,
    /// MySQL's answer to a commit, which can be lost here.
    CommitAnswer,
    /// The dead-letter topic has a record, `dead_letters` has not.
    AfterDeadLetter,
    /// The relay has published an outbox entry and not deleted it.
    BeforeRelayAck,
    /// Arming: MySQL has the new epoch, the directory has not.
    ArmEpochRaised,
    /// Arming: the directory is fenced, the shard has its old epoch.
    ArmFenced,
    /// Arming: the shard has the epoch, MySQL has not noted it.
    ArmShardTaken,
    /// Arming: MySQL has noted the shard.
    ArmNoted,
    /// Arming again: every partition has its marker.
    ArmMarked,
    /// Arming again: every partition is read past its marker.
    ArmRead,
    /// Arming again: MySQL has all rows, the shard lacks some.
    ArmRowsUnited,
    /// Arming again: shard and MySQL have the same.
    ArmUnited,
    /// Arming: MySQL has noted that the shard is about to be opened.
    ArmOpening,
    /// Arming: the shard is open, MySQL has not noted it.
    ArmOpened,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 16] = [
        Self::BeforeOffset,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::CommitAnswer,
        Self::AfterDeadLetter,
        Self::BeforeRelayAck,
        Self::ArmEpochRaised,
        Self::ArmFenced,
        Self::ArmShardTaken,
        Self::ArmNoted,
        Self::ArmMarked,
        Self::ArmRead,
        Self::ArmRowsUnited,
        Self::ArmUnited,
        Self::ArmOpening,
        Self::ArmOpened,
    ];

    /// As `FIRSTCOME_FAILPOINT` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeOffset => "before-offset",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::CommitAnswer => "commit-answer",
            Self::AfterDeadLetter => "after-dead-letter",
            Self::BeforeRelayAck => "before-relay-ack",
            Self::ArmEpochRaised => "arm-epoch-raised",
            Self::ArmFenced => "arm-fenced",
            Self::ArmShardTaken => "arm-shard-taken",
            Self::ArmNoted => "arm-noted",
            Self::ArmMarked => "arm-marked",
            Self::ArmRead => "arm-read",
            Self::ArmRowsUnited => "arm-rows-united",
            Self::ArmUnited => "arm-united",
            Self::ArmOpening => "arm-opening",
            Self::ArmOpened => "arm-opened",
        }
    }

    /// Does what is set for this point, if anything is.
    #[inline]
    pub fn reach(self) {
        failpoint::reach(self.name());
    }

    /// Does what is set for this point, if it is set for this event or for any.
    #[inline]
    pub fn reach_for(self, event: &EventId) {
        failpoint::reach_for(self.name(), event.as_str());
    }

    /// Whether the answer that has just come is to be treated as lost.
    #[inline]
    pub fn loses(self) -> bool {
        failpoint::loses(self.name())
    }
}
