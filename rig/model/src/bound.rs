//! How far the search goes: who takes part, and which faults and changes may happen how often.

/// Faults and changes that may still come, each counted down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The replica is promoted; the old master goes on without knowing it, or does nothing more.
    pub failovers: u8,
    /// A master restarts from its disk.
    pub restarts: u8,
    /// The replica dies.
    pub kills: u8,
    /// A replica attaches without a backlog, which changes the master's replication id.
    pub replids: u8,
    /// A produce is given up and written later.
    pub late: u8,
    /// The lease goes to the other leader while the first is at work.
    pub handovers: u8,
    /// MySQL refuses a record for good.
    pub rejects: u8,
    /// An operator adds a unit.
    pub top_ups: u8,
    /// A coupon is returned.
    pub returns: u8,
    /// The window ends.
    pub closes: u8,
}

/// What a restart of Redis brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Nothing.
    Nothing,
    /// Any earlier state since the last write to disk: partly old data.
    PartlyOld,
}

/// Whether wins find their way to MySQL in this bound without a failed WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// The outbox is published.
    Runs,
    /// Not followed: for bounds in which no shard fails.
    Rests,
}

/// Where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The event is on sale in its first epoch.
    OnSale,
    /// A re-arm has opened the shard and MySQL's row; its open entry is still to be written.
    OpenEntryMissing,
    /// The replica was promoted just now, and the old master goes on without knowing it.
    Replaced,
}

/// One bound: everything within it is explored.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Its name on the command line.
    pub name: &'static str,
    /// Users that claim.
    pub users: u8,
    /// Units at first.
    pub stock: u8,
    /// Edges in use.
    pub edges: u8,
    /// Claims in a call at most.
    pub batch: u8,
    /// Partitions of the topic.
    pub partitions: u8,
    /// The highest epoch; the first is 1.
    pub epochs: u8,
    /// Grants to one user at most.
    pub grants: u8,
    /// Whether the first edge remembers sold out; the others always ask.
    pub memory: bool,
    /// Whether the outbox is followed.
    pub relay: Relay,
    /// What a restart brings back.
    pub disk: Disk,
    /// Where it begins.
    pub start: Start,
    /// Faults and changes.
    pub budget: Budget,
}
