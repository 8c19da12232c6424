//! What metrics are labelled with: closed enums, and the words for them.

use links::standing::State;

/// What was tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// A batch.
    Consume,
    /// A step towards what operators want.
    Control,
    /// Wins of an outbox.
    Relay,
    /// The renewal of the lease.
    Lease,
    /// Reading the directory.
    Directory,
    /// A look at how Redis, MySQL and the books stand.
    Watch,
}

impl Retried {
    pub(super) const ALL: [Self; 6] =
        [Self::Consume, Self::Control, Self::Relay, Self::Lease, Self::Directory, Self::Watch];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Consume => "consume",
            Self::Control => "control",
            Self::Relay => "relay",
            Self::Lease => "lease",
            Self::Directory => "directory",
            Self::Watch => "watch",
        }
    }
}

/// Who failed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
    /// Kafka.
    Kafka,
}

impl Server {
    pub(super) const ALL: [Self; 3] = [Self::Mysql, Self::Redis, Self::Kafka];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
        }
    }
}

/// How a dead letter was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was brought again and is a row.
    Replayed,
    /// Its event's arming made it a row.
    United,
    /// An operator gave it up.
    GivenUp,
}

impl Settled {
    pub(super) const ALL: [Self; 3] = [Self::Replayed, Self::United, Self::GivenUp];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::United => "united",
            Self::GivenUp => "given_up",
        }
    }
}

/// Why an event is not as operators want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// A server is away, or a change is under way.
    Waiting,
    /// An operator has to act.
    Halted,
}

impl Blocked {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Waiting, Self::Halted];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Halted => "halted",
        }
    }
}

/// A step of arming an event again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RearmStep {
    /// The new epoch in MySQL and in the directory.
    Fence,
    /// The shard carries it; the drain.
    Shard,
    /// A marker in every partition.
    Mark,
    /// Every partition read past its marker.
    Read,
    /// The shard and its rows united.
    Unite,
    /// The shard opened.
    Open,
    /// From the first to the last.
    Whole,
}

impl RearmStep {
    pub(super) const ALL: [Self; 7] =
        [Self::Fence, Self::Shard, Self::Mark, Self::Read, Self::Unite, Self::Open, Self::Whole];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Fence => "fence",
            Self::Shard => "shard",
            Self::Mark => "mark",
            Self::Read => "read",
            Self::Unite => "unite",
            Self::Open => "open",
            Self::Whole => "whole",
        }
    }
}

/// What a run of reconcile by the leader came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// Everything agrees.
    Clean,
    /// Something differs.
    Differs,
    /// Not everything could be judged.
    NotJudged,
    /// It was put off: shards were in a rush.
    Hot,
    /// It was put off: another was at work.
    Busy,
    /// It failed.
    Failed,
}

impl Reconciled {
    pub(super) const ALL: [Self; 6] =
        [Self::Clean, Self::Differs, Self::NotJudged, Self::Hot, Self::Busy, Self::Failed];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Differs => "differs",
            Self::NotJudged => "not_judged",
            Self::Hot => "hot",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// Whether anything is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It is.
    On,
    /// It is not: `/metrics` has next to nothing.
    Off,
}

/// Whose sessions of MySQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// The leader's, which nothing bounds.
    Own,
    /// The admin API's, which are bounded.
    Admin,
}

impl Sessions {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Admin => "admin",
        }
    }
}

/// Where units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Winners hold them, by their shards' counts.
    Told,
    /// They are rows.
    Persisted,
    /// MySQL refused their rows, and nothing was done about it.
    DeadLettered,
    /// Operators gave their letters up.
    GivenUp,
}

impl Place {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Persisted => "persisted",
            Self::DeadLettered => "dead_lettered",
            Self::GivenUp => "given_up",
        }
    }
}

/// Every state that a server may stand in, with its word.
pub(super) const STATES: [(State, &str); 4] = [
    (State::Ok, "ok"),
    (State::Degraded, "degraded"),
    (State::Down, "down"),
    (State::Unknown, "unknown"),
];
