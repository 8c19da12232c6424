//! Where a test may end, stop or mislead an edge. Without the feature `failpoints` nothing of it is
//! in the program.

use links::failpoint;

/// A moment in a claim's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A batch is about to be sent to its shard.
    BeforeScript,
    /// The script has answered, its WAIT has not; in `links`.
    AfterScript,
    /// The answer of script and WAIT, which can be lost here.
    ScriptAnswer,
    /// Held twice, nobody is told.
    BeforeAnswer,
    /// Answers are handed over, the wins are not yet to be published.
    BeforePublish,
    /// Kafka's answer to a produce, which can be lost here.
    ProduceAnswer,
    /// Kafka has the wins, nobody knows.
    AfterProduce,
    /// Kafka has all of an outbox entry, which is not deleted yet.
    BeforeOutboxAck,
    /// The Kafka way: what a batch shows is published, no probe is sent.
    BeforeProbe,
    /// The Kafka way: confirmed, nobody is told.
    AfterProbe,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 10] = [
        Self::BeforeScript,
        Self::AfterScript,
        Self::ScriptAnswer,
        Self::BeforeAnswer,
        Self::BeforePublish,
        Self::ProduceAnswer,
        Self::AfterProduce,
        Self::BeforeOutboxAck,
        Self::BeforeProbe,
        Self::AfterProbe,
    ];

    /// As `FIRSTCOME_FAILPOINT` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeScript => "before-script",
            Self::AfterScript => failpoint::AFTER_SCRIPT,
            Self::ScriptAnswer => "script-answer",
            Self::BeforeAnswer => "before-answer",
            Self::BeforePublish => "before-publish",
            Self::ProduceAnswer => "produce-answer",
            Self::AfterProduce => "after-produce",
            Self::BeforeOutboxAck => "before-outbox-ack",
            Self::BeforeProbe => "before-probe",
            Self::AfterProbe => "after-probe",
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
