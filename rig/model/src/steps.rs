//! The safety steps of the protocol, each removable by name, with the one line that says why.

/// One rule whose removal is worth trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Step {
    /// A win is told only when a replica holds it, or Kafka does.
    HeldTwice,
    /// The script compares the recorded identity with the process that answers.
    Identity,
    /// The identity is compared before losses too.
    IdentityOnLosses,
    /// A repeated win waits for the replica like a new one.
    WaitOnRepeats,
    /// After a failed WAIT the directory is read past a probe.
    Probe,
    /// The probe is appended after Kafka acknowledged the wins, not before.
    ProbeAfterAck,
    /// Losses of a batch whose WAIT failed pass the probe too.
    ProbeOnLosses,
    /// After a failed WAIT every win shown is published, repeated ones too.
    PublishRepeats,
    /// The directory is folded by the highest epoch, not by the last entry.
    FoldByMaximum,
    /// Step 2, the fencing entry, stands in the directory before step 4's markers.
    FenceBeforeMarkers,
    /// Step 2 comes before step 3.
    FenceBeforeArm,
    /// Step 3 arms only the node that a majority names as the owner.
    OwnerCheck,
    /// Step 3 never arms a node with a lower config epoch than the last re-arm recorded.
    ConfigEpochCheck,
    /// Step 3 compares the shard's epoch.
    ArmCompare,
    /// Step 3 waits until memories of sold out have expired.
    Drain,
    /// Step 4 and 5: a marker in every partition, and everything before it consumed.
    Markers,
    /// The markers go into every partition, not into one.
    MarkerInEveryPartition,
    /// Step 5 keeps a record behind the marker as late.
    KeepLate,
    /// Step 6 adds the rows that Redis lacks.
    RowsPutBack,
    /// Step 6 adds the rejected dead letters that Redis lacks.
    RejectedPutBack,
    /// Step 6 leaves the higher revision of a coupon standing.
    HigherRevision,
    /// Step 6's losers are removed from Redis.
    RemoveLosers,
    /// Step 7 continues after the highest sequence of the union.
    HighestSequence,
    /// A record of an older epoch that comes after step 6, and has no row, is void.
    VoidAfterUnite,
    /// Steps 6 and 7 compare the replication id of the shard they write to.
    ReplidCompare,
    /// Every transaction of a re-arm compares the epoch in MySQL.
    EpochCompare,
    /// An identity is renewed only where the run id is unchanged.
    RenewalRunId,
    /// An identity is renewed only where the config epoch is unchanged.
    RenewalConfigEpoch,
    /// A Redis node that restarts waits until its replica has taken over.
    WaitingStart,
    /// The filter of winners must reach the sequence of the sold-out answer.
    FilterSequence,
    /// The filter of winners is good for one epoch.
    FilterEpoch,
    /// New units go on sale after the phase `reopening` has lasted longer than any memory.
    ReopeningWait,
    /// After `reopening` the shard is opened only if it is reopening still.
    ReopeningPhase,
    /// After `reopening` the shard is opened only if its version is the one that was reopened.
    ReopeningVersion,
    /// Step 7, taken once more on an open shard, adds no units.
    NoUnitsOnceMore,
}

/// Every step with its name on the command line and why it is there.
pub const ALL: &[(Step, &str, &str)] = &[
    (Step::HeldTwice, "held-twice", "one Redis process may forget what it alone holds"),
    (Step::Identity, "identity", "a promoted or restarted node may lack wins that were told"),
    (
        Step::IdentityOnLosses,
        "identity-on-losses",
        "a promoted node that lacks a winner would tell him a loss",
    ),
    (
        Step::WaitOnRepeats,
        "wait-on-repeats",
        "the first answer's WAIT may have failed, so the win may still be held once",
    ),
    (Step::Probe, "probe", "a replaced master does not know that it was replaced"),
    (
        Step::ProbeAfterAck,
        "probe-after-ack",
        "a re-arm may fall between an early probe and the record",
    ),
    (Step::ProbeOnLosses, "probe-on-losses", "a replaced master does not know the new winners"),
    (
        Step::PublishRepeats,
        "publish-repeats",
        "the edge that was granted the win may have died before it published it",
    ),
    (
        Step::FoldByMaximum,
        "fold-by-maximum",
        "a stalled leader's open entry would hide a later fencing",
    ),
    (
        Step::FenceBeforeMarkers,
        "fence-before-markers",
        "a record behind the marker could pass the probe",
    ),
    (Step::FenceBeforeArm, "fence-before-arm", "the sooner a replaced master is silenced"),
    (Step::OwnerCheck, "owner-check", "a leader with a stale view would arm the cut-off master"),
    (
        Step::ConfigEpochCheck,
        "config-epoch-check",
        "a majority may name the old owner for a moment",
    ),
    (Step::ArmCompare, "arm-compare", "a stalled leader must not arm what was armed after it"),
    (Step::Drain, "drain", "a re-arm may free units while an edge remembers sold out"),
    (Step::Markers, "markers", "a told win may still be on its way to MySQL"),
    (
        Step::MarkerInEveryPartition,
        "marker-in-every-partition",
        "partitions are consumed at their own pace",
    ),
    (
        Step::KeepLate,
        "keep-late",
        "the record may be the last copy of a win that was told when held twice",
    ),
    (Step::RowsPutBack, "rows-put-back", "Redis may lack wins that Kafka confirmed"),
    (
        Step::RejectedPutBack,
        "rejected-put-back",
        "a told win that MySQL refused still holds its unit",
    ),
    (
        Step::HigherRevision,
        "higher-revision",
        "a promoted node may not know that a coupon was returned",
    ),
    (Step::RemoveLosers, "remove-losers", "Redis would tell a win that MySQL does not have"),
    (
        Step::HighestSequence,
        "highest-sequence",
        "the promoted node may never have seen the last numbers",
    ),
    (
        Step::VoidAfterUnite,
        "void-after-unite",
        "a replaced master's win would take the place of a told one",
    ),
    (
        Step::ReplidCompare,
        "replid-compare",
        "the shard may restart with old data between two chunks",
    ),
    (Step::EpochCompare, "epoch-compare", "a stalled leader goes on with an old view"),
    (Step::RenewalRunId, "renewal-run-id", "a process that restarted may have lost data"),
    (
        Step::RenewalConfigEpoch,
        "renewal-config-epoch",
        "a process demoted and promoted again keeps its run id and may have lost data",
    ),
    (
        Step::WaitingStart,
        "waiting-start",
        "a master back at once makes its replica copy what it forgot",
    ),
    (Step::FilterSequence, "filter-sequence", "the filter may be older than the last winners"),
    (Step::FilterEpoch, "filter-epoch", "sequences of another epoch may belong to others"),
    (
        Step::ReopeningWait,
        "reopening-wait",
        "an edge may remember sold out when the first new unit goes",
    ),
    (
        Step::ReopeningPhase,
        "reopening-phase",
        "a stalled leader would open what was closed for new units, or never reopened",
    ),
    (
        Step::ReopeningVersion,
        "reopening-version",
        "the phase alone may be a later reopening, whose wait is not over",
    ),
    (
        Step::NoUnitsOnceMore,
        "no-units-once-more",
        "units added to an open shard need the wait of a reopening",
    ),
];

impl Step {
    /// The step's name on the command line.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(step, ..)| *step == self).map_or("", |(_, name, _)| name)
    }

    /// The step of that name, if there is one.
    pub fn named(name: &str) -> Option<Step> {
        ALL.iter().find(|(_, its, _)| *its == name).map(|(step, ..)| *step)
    }

    /// Why the step is there.
    pub fn why(self) -> &'static str {
        ALL.iter().find(|(step, ..)| *step == self).map_or("", |(.., why)| why)
    }
}

/// The steps that are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    removed: u64,
}

impl Steps {
    /// The whole protocol.
    pub const fn all() -> Steps {
        Steps { removed: 0 }
    }

    /// The protocol without these.
    pub fn without(steps: &[Step]) -> Steps {
        Steps { removed: steps.iter().fold(0, |mask, step| mask | 1 << *step as u8) }
    }

    /// Whether the step is in force.
    pub const fn has(self, step: Step) -> bool {
        self.removed & (1 << step as u8) == 0
    }
}
