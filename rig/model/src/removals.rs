//! Which invariant breaks without which steps, and in which bound it shows.

use crate::bound::Bound;
use crate::bounds;
use crate::invariants::Invariant::{self, I1, I2, I3, I6, I7};
use crate::steps::Step;

/// Steps taken away together, and what breaks.
pub struct Removal {
    /// The steps.
    pub steps: &'static [Step],
    /// Each invariant that breaks, with the bound that shows it.
    pub breaks: &'static [(Invariant, Bound)],
}

/// Every removal that breaks something.
pub const BREAKING: &[Removal] = &[
    Removal {
        steps: &[Step::HeldTwice],
        breaks: &[(I2, bounds::CLOSE), (I3, bounds::CLOSE), (I7, bounds::CLOSE)],
    },
    Removal {
        steps: &[Step::Identity],
        breaks: &[(I2, bounds::CLOSE), (I6, bounds::CLOSE), (I7, bounds::REJECTED)],
    },
    Removal {
        steps: &[Step::IdentityOnLosses],
        breaks: &[(I6, bounds::CLOSE), (I6, bounds::RETURNS)],
    },
    Removal { steps: &[Step::WaitOnRepeats], breaks: &[(I2, bounds::CLOSE), (I6, bounds::CLOSE)] },
    Removal { steps: &[Step::Probe], breaks: &[(I2, bounds::CLOSE), (I3, bounds::CLOSE)] },
    Removal { steps: &[Step::ProbeAfterAck], breaks: &[(I2, bounds::CLOSE)] },
    Removal { steps: &[Step::ProbeOnLosses], breaks: &[(I6, bounds::REJECTED)] },
    Removal {
        steps: &[Step::PublishRepeats],
        breaks: &[(I2, bounds::CLOSE), (I2, bounds::BATCHES)],
    },
    Removal { steps: &[Step::FoldByMaximum], breaks: &[(I2, bounds::LATE_OPEN)] },
    Removal { steps: &[Step::FenceBeforeMarkers], breaks: &[(I2, bounds::CLOSE)] },
    Removal {
        steps: &[Step::OwnerCheck, Step::ConfigEpochCheck],
        breaks: &[(I1, bounds::REPLACED), (I2, bounds::REPLACED)],
    },
    Removal {
        steps: &[Step::OwnerCheck, Step::EpochCompare],
        breaks: &[
            (I1, bounds::REPLACED),
            (I2, bounds::REPLACED),
            (I3, bounds::REPLACED),
            (I6, bounds::REPLACED),
        ],
    },
    Removal { steps: &[Step::Drain], breaks: &[(I6, bounds::MEMORY)] },
    Removal { steps: &[Step::Markers], breaks: &[(I2, bounds::CLOSE)] },
    Removal {
        steps: &[Step::MarkerInEveryPartition],
        breaks: &[(I3, bounds::PARTITIONS), (I2, bounds::BATCHES)],
    },
    Removal { steps: &[Step::KeepLate], breaks: &[(I3, bounds::LOST_SHARD)] },
    Removal {
        steps: &[Step::RowsPutBack],
        breaks: &[(I1, bounds::REJECTED), (I2, bounds::CLOSE), (I6, bounds::REJECTED)],
    },
    Removal {
        steps: &[Step::RejectedPutBack],
        breaks: &[(I1, bounds::REJECTED), (I2, bounds::REJECTED)],
    },
    Removal { steps: &[Step::HigherRevision], breaks: &[(I1, bounds::RETURNS)] },
    Removal {
        steps: &[Step::RemoveLosers],
        breaks: &[(I2, bounds::TWO_FAILOVERS), (I3, bounds::TWO_FAILOVERS)],
    },
    Removal { steps: &[Step::HighestSequence], breaks: &[(I7, bounds::TWO_UNITS)] },
    Removal {
        steps: &[Step::VoidAfterUnite],
        breaks: &[(I1, bounds::CLOSE), (I3, bounds::REJECTED)],
    },
    Removal {
        steps: &[Step::ReplidCompare],
        breaks: &[(I1, bounds::LOST_SHARD), (I2, bounds::LOST_SHARD)],
    },
    Removal { steps: &[Step::RenewalRunId], breaks: &[(I2, bounds::RESTART)] },
    Removal { steps: &[Step::RenewalConfigEpoch], breaks: &[(I2, bounds::TWO_FAILOVERS)] },
    Removal {
        steps: &[Step::WaitingStart],
        breaks: &[(I2, bounds::RESTART), (I3, bounds::RESTART)],
    },
    Removal { steps: &[Step::FilterSequence], breaks: &[(I6, bounds::MEMORY)] },
    Removal { steps: &[Step::FilterEpoch], breaks: &[(I6, bounds::MEMORY)] },
    Removal { steps: &[Step::ReopeningWait], breaks: &[(I6, bounds::OPERATORS)] },
    Removal { steps: &[Step::ReopeningVersion], breaks: &[(I6, bounds::OPERATORS)] },
    Removal {
        steps: &[Step::ReopeningPhase, Step::ReopeningVersion],
        breaks: &[(I6, bounds::OPERATORS)],
    },
    Removal { steps: &[Step::NoUnitsOnceMore], breaks: &[(I6, bounds::MEMORY_TOP_UP)] },
];

/// Steps whose removal alone broke nothing in any bound of `bounds::QUICK`, and why.
pub const NOTHING_FOUND: &[(Step, &str)] = &[
    (Step::FenceBeforeArm, "the markers come after both steps, and only they need the fence"),
    (Step::ArmCompare, "a stalled leader's later transactions fail; the compare saves a re-arm"),
    (
        Step::OwnerCheck,
        "the config epoch check stands; without both, see owner-check,config-epoch-check",
    ),
    (
        Step::ConfigEpochCheck,
        "the owner check stands; without both, see owner-check,config-epoch-check",
    ),
    (Step::EpochCompare, "the owner check stands; without both, see owner-check,epoch-compare"),
    (
        Step::ReopeningPhase,
        "the version is compared as well; without both, see reopening-phase,reopening-version",
    ),
];

/// The removal of exactly these steps, if it is known to break something.
pub fn of(steps: &[Step]) -> Option<&'static Removal> {
    BREAKING.iter().find(|removal| {
        removal.steps.len() == steps.len() && steps.iter().all(|step| removal.steps.contains(step))
    })
}
