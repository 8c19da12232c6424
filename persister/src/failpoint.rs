//! Where a test may end, stop or mislead a persister. Without the feature `failpoints` nothing of it
//! is in the program.

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
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 6] = [
        Self::BeforeOffset,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::CommitAnswer,
        Self::AfterDeadLetter,
        Self::BeforeRelayAck,
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
        }
    }

    /// Does what is set for this point, if anything is.
    #[inline]
    pub fn reach(self) {
        failpoint::reach(self.name());
    }

    /// Whether the answer that has just come is to be treated as lost.
    #[inline]
    pub fn loses(self) -> bool {
        failpoint::loses(self.name())
    }
}
