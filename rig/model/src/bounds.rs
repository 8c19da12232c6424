//! The bounds that are searched, and in which of them each removal shows.

use crate::bound::{Bound, Budget, Disk, Relay, Start};

const NONE: Budget = Budget {
    failovers: 0,
    restarts: 0,
    kills: 0,
    replids: 0,
    late: 0,
    handovers: 0,
    rejects: 0,
    top_ups: 0,
    returns: 0,
    closes: 0,
};

/// What most bounds begin with. One unit and two users are enough to sell it twice, and one edge
/// may stand for two wherever it answers both from memory and from Redis.
const SMALL: Bound = Bound {
    name: "",
    users: 2,
    stock: 1,
    edges: 1,
    batch: 1,
    partitions: 1,
    epochs: 2,
    grants: 2,
    memory: false,
    relay: Relay::Runs,
    disk: Disk::Nothing,
    start: Start::OnSale,
    budget: NONE,
};

/// A failover with two edges, stalls anywhere, and one produce that lands late.
pub const FAILOVER: Bound =
    Bound { name: "failover", edges: 2, budget: Budget { failovers: 1, late: 1, ..NONE }, ..SMALL };

/// Two failovers, the second at any moment of the re-arm or after it.
pub const TWO_FAILOVERS: Bound =
    Bound { name: "two-failovers", epochs: 3, budget: Budget { failovers: 2, ..NONE }, ..SMALL };

/// A failover, and the lease goes to another leader in the middle of the re-arm.
pub const STALE_VIEW: Bound = Bound {
    name: "stale-view",
    epochs: 3,
    budget: Budget { failovers: 1, handovers: 1, ..NONE },
    ..SMALL
};

/// The same, from the promotion on: small enough for removals that show late only.
pub const REPLACED: Bound = Bound { name: "replaced", start: Start::Replaced, ..STALE_VIEW };

/// From the moment at which a leader is about to write the open entry.
pub const LATE_OPEN: Bound = Bound {
    name: "late-open",
    epochs: 3,
    start: Start::OpenEntryMissing,
    budget: Budget { failovers: 1, handovers: 1, ..NONE },
    ..SMALL
};

/// A failover, and the new master restarts alone with partly old data.
pub const LOST_SHARD: Bound = Bound {
    name: "lost-shard",
    epochs: 3,
    disk: Disk::PartlyOld,
    budget: Budget { failovers: 1, restarts: 1, ..NONE },
    ..SMALL
};

/// The replica dies, and the master restarts alone with partly old data.
pub const RESTART: Bound = Bound {
    name: "restart",
    disk: Disk::PartlyOld,
    budget: Budget { restarts: 1, kills: 1, ..NONE },
    ..SMALL
};

/// Two partitions, each with its own queue and marker.
pub const PARTITIONS: Bound = Bound {
    name: "partitions",
    partitions: 2,
    budget: Budget { failovers: 1, late: 1, ..NONE },
    ..SMALL
};

/// Two units for three users.
pub const TWO_UNITS: Bound = Bound {
    name: "two-units",
    users: 3,
    stock: 2,
    budget: Budget { failovers: 1, ..NONE },
    ..SMALL
};

/// Two claims in a call.
pub const BATCHES: Bound = Bound {
    name: "batches",
    batch: 2,
    partitions: 2,
    budget: Budget { failovers: 1, late: 1, ..NONE },
    ..SMALL
};

/// Sold out from memory across a failover.
pub const MEMORY: Bound =
    Bound { name: "memory", memory: true, budget: Budget { failovers: 1, ..NONE }, ..SMALL };

/// The same with a unit added.
pub const MEMORY_TOP_UP: Bound = Bound {
    name: "memory-top-up",
    memory: true,
    stock: 0,
    budget: Budget { failovers: 1, top_ups: 1, ..NONE },
    ..SMALL
};

/// Two units added, one after the other, and the lease goes to another leader meanwhile.
pub const OPERATORS: Bound = Bound {
    name: "operators",
    stock: 0,
    memory: true,
    epochs: 1,
    relay: Relay::Rests,
    budget: Budget { top_ups: 2, handovers: 1, ..NONE },
    ..SMALL
};

/// The replication id changes without a fault, and a failover.
pub const RENEWAL: Bound =
    Bound { name: "renewal", budget: Budget { replids: 1, failovers: 1, ..NONE }, ..SMALL };

/// MySQL refuses a record, and a failover.
pub const REJECTED: Bound =
    Bound { name: "rejected", budget: Budget { failovers: 1, rejects: 1, ..NONE }, ..SMALL };

/// A coupon is returned and its unit sold again, and a failover.
pub const RETURNS: Bound =
    Bound { name: "returns", budget: Budget { failovers: 1, returns: 1, ..NONE }, ..SMALL };

/// The window ends, and a failover.
pub const CLOSE: Bound =
    Bound { name: "close", budget: Budget { failovers: 1, closes: 1, ..NONE }, ..SMALL };

/// Searched by the tests and by `model`.
pub const QUICK: &[Bound] = &[
    FAILOVER,
    TWO_FAILOVERS,
    STALE_VIEW,
    LATE_OPEN,
    LOST_SHARD,
    RESTART,
    PARTITIONS,
    BATCHES,
    MEMORY,
    MEMORY_TOP_UP,
    OPERATORS,
    RENEWAL,
    REJECTED,
    RETURNS,
    CLOSE,
];

/// Searched by `model --deep` as well.
pub const DEEP: &[Bound] = &[
    REPLACED,
    TWO_UNITS,
    Bound {
        name: "deep-handover",
        epochs: 3,
        budget: Budget { failovers: 1, late: 1, handovers: 1, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-two-failovers",
        users: 1,
        epochs: 3,
        budget: Budget { failovers: 2, handovers: 1, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-two-edges",
        edges: 2,
        epochs: 3,
        budget: Budget { failovers: 2, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-batches",
        users: 3,
        batch: 2,
        partitions: 2,
        budget: Budget { failovers: 1, late: 2, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-operators",
        users: 1,
        epochs: 3,
        stock: 0,
        memory: true,
        budget: Budget { failovers: 1, top_ups: 1, handovers: 1, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-memory",
        grants: 1,
        memory: true,
        budget: Budget { failovers: 1, top_ups: 1, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-returns",
        memory: true,
        budget: Budget { failovers: 1, returns: 1, ..NONE },
        ..SMALL
    },
    Bound {
        name: "deep-restart",
        disk: Disk::PartlyOld,
        epochs: 3,
        budget: Budget { failovers: 1, restarts: 1, kills: 1, rejects: 1, ..NONE },
        ..SMALL
    },
];
