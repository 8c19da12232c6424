//! Why there is nothing to do, or why an event is armed again: what operators read.

/// Why nothing can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It passes by itself.
    #[error("{0}")]
    Waiting(#[from] Waiting),
    /// An operator has to act.
    #[error("halted: {0}")]
    Halt(#[from] Halt),
}

/// What passes by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Waiting {
    /// The directory was not read to its end just now.
    #[error("waits for Kafka: the directory cannot be read")]
    Directory,
    /// See [`Sight::NoMaster`].
    #[error("waits for Redis: no master owns its slot")]
    NoMaster,
    /// See [`Sight::Away`].
    #[error("waits for Redis: {0}")]
    Shard(String),
    /// The owner has a lower config epoch than one that was armed before.
    #[error(
        "waits for Redis: its slot's owner was replaced before (config epoch {0}); where the shard \
         was made anew, CLUSTER BUMPEPOCH on it ends this"
    )]
    OlderMaster(u64),
    /// A partition was not read past the epoch's marker in time.
    #[error("waits for {0} partitions to be read past the marker of its new epoch")]
    Markers(u64),
    /// It is to be archived, and not all of it is in MySQL.
    #[error("is closed, and archived once it is settled: {0}")]
    Unsettled(#[from] Unsettled),
    /// An archived event's keys are deleted, which a failover may undo.
    #[error("is archived; its keys are deleted, and its replica and its disk are to have that")]
    Deleted,
    /// Something failed and is tried again.
    #[error("tries again: {0}")]
    Trouble(String),
}

/// What keeps a closed event from being archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    /// The outbox is not empty: an edge or the relay publishes it.
    #[error("its outbox has wins that Kafka does not have yet")]
    Outbox,
    /// Nobody can publish what nobody can read.
    #[error("its outbox has entries that cannot be read")]
    Unreadable,
    /// An operator decides.
    #[error("{0} dead letters of it wait: persister dlt list --event says which")]
    Letters(u64),
    /// So many partitions are to be read on.
    #[error("MySQL is behind Kafka in {0} partitions")]
    Behind(usize),
    /// Its wins are held beside its rows after another's.
    #[error("another event is looked through just now")]
    Turn,
    /// They are carried within seconds.
    #[error("{0} coupons of it were changed, and Redis does not have that yet")]
    Changes(u64),
    /// What only its shard has would be lost.
    #[error(
        "its shard and its rows differ in {0} places: persister reconcile --event says which, and \
         --repair repairs"
    )]
    Differs(u64),
}

/// Why an event has to be armed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rearm {
    /// The shard lost it.
    #[error("its shard does not have it")]
    Missing,
    /// The shard lost its wins.
    #[error("its shard does not have its wins")]
    WinsMissing,
    /// The shard went back in time.
    #[error("its shard carries epoch {0}, an older one")]
    OlderEpoch(u64),
    /// The shard's process was restarted or replaced.
    #[error("its shard failed over or was restarted")]
    Identity,
    /// Reconcile found that the shard lacks something or counts it wrongly.
    #[error("its shard differs from its rows")]
    Asked,
    /// An arming was cut short when claims may have been granted before.
    #[error("an arming was cut short")]
    Interrupted,
    /// MySQL has rows of it though no arming is noted.
    #[error("it has rows of an arming that is not noted")]
    HasRows,
}

/// What only an operator can put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The shard knows an epoch that MySQL does not.
    #[error(
        "its shard carries epoch {0}, which MySQL has not begun: an older backup was restored? \
         Raise events.epoch above it"
    )]
    BehindShard(u64),
    /// The shard knows a version that MySQL does not.
    #[error(
        "its shard carries version {0}, which MySQL does not have: an older backup was restored? \
         Raise events.version above it"
    )]
    BehindShardVersion(u64),
    /// The directory knows an epoch or a version that MySQL does not.
    #[error(
        "the directory has epoch {epoch} version {version}, which MySQL does not have: an older \
         backup was restored? Raise events.epoch and events.version above them"
    )]
    BehindDirectory {
        /// The directory's epoch.
        epoch: u64,
        /// The directory's version.
        version: u64,
    },
    /// The directory says that it is archived, and MySQL wants it on sale.
    #[error(
        "the directory says that it was archived, which MySQL does not know: an older backup was \
         restored? Close it, and it is made again from its rows"
    )]
    ArchivedSince,
    /// Winners hold more than the wanted stock.
    #[error("winners hold {0} units, more than the wanted stock")]
    StockBelowHeld(u64),
}
