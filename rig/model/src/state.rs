//! What the model remembers: two Redis nodes, edges, leaders, Kafka, MySQL, and what was told.
//!
//! One event with a limit of one win per user. Small numbers only, so that a state is small:
//! breadth-first search holds millions of them.

use crate::bound::Budget;
use crate::invariants::Set;

/// Users at most; a bound may use fewer.
pub const USERS: usize = 3;
/// Edges, or cores of one: each has one script call in flight at most.
pub const EDGES: usize = 2;
/// The active leader, and one that lost the lease and does not know it.
pub const LEADERS: usize = 2;
/// The master and its replica.
pub const NODES: usize = 2;
/// Partitions of the topic of wins at most.
pub const PARTITIONS: usize = 2;
/// Claims in one script call at most.
pub const BATCH: usize = 2;

/// A granted claim. The user is the index under which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Win {
    /// Which of the grants this user ever got, from any node: unique for the user.
    pub coupon: u8,
    /// The unit's number.
    pub sequence: u8,
    /// The epoch of the shard that granted it.
    pub epoch: u8,
    /// Given back; revision 2 of the coupon.
    pub returned: bool,
}

/// Phase of the event in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The key does not exist.
    Missing,
    /// A re-arm is under way.
    Arming,
    /// On sale.
    Open,
    /// New units wait until no edge says sold out from memory.
    Reopening,
}

/// The keys of the event in one Redis process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Data {
    /// Raised by each re-arm.
    pub epoch: u8,
    /// The operators' version that the shard carries.
    pub version: u8,
    /// Where the event stands.
    pub phase: Phase,
    /// The replication id that may answer; 0 is none.
    pub identity: u8,
    /// The run id at the last opening.
    pub run: u8,
    /// The config epoch at the last opening.
    pub config_epoch: u8,
    /// The leader, plus one, that armed it.
    pub armer: u8,
    /// Units.
    pub stock: u8,
    /// The highest sequence given out.
    pub sequence: u8,
    /// One win per user.
    pub wins: [Option<Win>; USERS],
    /// Users whose win Kafka has not acknowledged, a bit each.
    pub outbox: u8,
}

/// What a node takes itself for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Answers scripts. Not the owner of the slots: a replaced master that does not know it.
    Master,
    /// Copies the owner.
    Replica,
}

/// One Redis process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it takes itself for.
    pub role: Role,
    /// Whether it runs.
    pub up: bool,
    /// Whether this replica has copied its master since it became one.
    pub synced: bool,
    /// The replication id: new at each promotion and restart.
    pub replid: u8,
    /// How many replication ids the node has had.
    pub replids: u8,
    /// The run id: new at each restart.
    pub run: u8,
    /// Raised by each promotion.
    pub config_epoch: u8,
    /// In memory.
    pub data: Data,
    /// What a restart brings back.
    pub disk: Data,
}

/// The script's answer to one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A win, new in this call.
    New(Win),
    /// The user's win of an earlier call.
    Repeated(Win),
    /// No unit left.
    SoldOut,
    /// The window is over.
    Closed,
    /// Fenced or reopening: ask again, which says nothing.
    Later,
}

/// One claim of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Who asks.
    pub user: u8,
    /// Whether the user had been told a win before he asked.
    pub winner: bool,
    /// What the shard said.
    pub answer: Answer,
}

/// How far an edge is with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The script has run; WAIT is pending or failed.
    Asked,
    /// Passed the probe before its wins were published: only without `probe-after-ack`.
    ProbedFirst,
    /// Kafka has acknowledged every win shown.
    Logged,
    /// The probe found no higher epoch.
    Confirmed,
}

/// A script call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The replication id of the node that answered: WAIT ends with an error when it changes.
    pub replid: u8,
    /// The epoch of the reply.
    pub epoch: u8,
    /// The sequence of the reply.
    pub sequence: u8,
    /// The claims with their answers.
    pub asks: [Option<Ask>; BATCH],
    /// How far it is.
    pub stage: Stage,
    /// A replica holds all that the node held when the script ran.
    pub held: bool,
    /// Waits of leaders that began after it was sent, a bit each.
    pub waits: u8,
    /// Sent longer ago than a memory lasts.
    pub old: bool,
}

/// An edge's memory of sold out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    /// Of the answer that set it.
    pub epoch: u8,
    /// Of the answer that set it.
    pub sequence: u8,
    /// Waits of leaders that began after the call was sent, a bit each.
    pub waits: u8,
}

/// An edge's filter of winners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The epoch it was read in.
    pub epoch: u8,
    /// The shard's sequence when it was read.
    pub sequence: u8,
    /// Users, a bit each.
    pub members: u8,
}

/// One edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The call in flight.
    pub call: Option<Call>,
    /// Sold out from memory.
    pub memory: Option<Memory>,
    /// Beside it, the winners.
    pub filter: Option<Filter>,
}

/// Where a leader stands; each is the step that it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Nothing under way.
    Idle,
    /// Step 2: the fencing entry.
    Announce,
    /// Step 3, first half: which node.
    Target,
    /// Step 3, second half: compare and set.
    Arm,
    /// Step 3, the drain wait.
    Drain,
    /// Step 4: the marker into this partition.
    Mark(u8),
    /// Steps 5 and 6: the marker consumed everywhere, then the transaction.
    Unite,
    /// Step 6: chunks, one user each.
    Chunk,
    /// Step 7 in Redis.
    OpenShard,
    /// Step 7 in MySQL.
    OpenRow,
    /// Step 7 in the directory.
    OpenDirectory,
    /// New units: the wait, then open again.
    Reopening,
}

/// One leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leader {
    /// What it does next.
    pub task: Task,
    /// The epoch of its re-arm.
    pub epoch: u8,
    /// The node it works on.
    pub node: u8,
    /// That node's replication id when it was armed.
    pub replid: u8,
    /// The operators' version that it carries to the shard.
    pub version: u8,
}

/// A record of the topic of wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    /// A win, with the epoch of the reply that showed it.
    Issued {
        /// Whose.
        user: u8,
        /// The win.
        win: Win,
        /// Of the reply.
        epoch: u8,
    },
    /// Step 4's marker.
    Marker(u8),
}

/// MySQL: the event's row, the coupons, the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mysql {
    /// The epoch.
    pub epoch: u8,
    /// The epoch's step: open, or fencing.
    pub open: bool,
    /// The highest epoch whose union is done.
    pub united: u8,
    /// The config epoch that the last union recorded.
    pub config_epoch: u8,
    /// Units wanted.
    pub stock: u8,
    /// Counts the operators' changes.
    pub version: u8,
    /// Partitions whose marker of this epoch was consumed, a bit each.
    pub cut: u8,
    /// Coupons.
    pub rows: [Option<Win>; USERS],
    /// Dead letters: refused for good, unresolved.
    pub rejected: [Option<Win>; USERS],
    /// Dead letters: behind the marker.
    pub late: Vec<(u8, Win)>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The shard's two processes.
    pub nodes: [Node; NODES],
    /// Which one a majority of the masters names.
    pub owner: u8,
    /// The edges.
    pub edges: [Edge; EDGES],
    /// The leaders.
    pub leaders: [Leader; LEADERS],
    /// Which leader holds the lease.
    pub active: u8,
    /// The highest epoch in the directory, as an edge folds it.
    pub directory: u8,
    /// The topic of wins, without what was consumed.
    pub queues: [Vec<Record>; PARTITIONS],
    /// Produced, given up by the edge, and not yet written.
    pub limbo: Vec<(u8, Record)>,
    /// MySQL.
    pub mysql: Mysql,
    /// The window is over.
    pub closed: bool,
    /// Grants to each user, by any node.
    pub granted: [u8; USERS],
    /// Grants to each user that Kafka acknowledged, a bit each.
    pub logged: [u8; USERS],
    /// The win that each user was told.
    pub told: [Option<Win>; USERS],
    /// Faults and changes that may still come.
    pub left: Budget,
    /// The invariants that the last action broke; nothing follows.
    pub broken: Set,
}

impl Data {
    /// No such key.
    pub const MISSING: Data = Data {
        epoch: 0,
        version: 0,
        phase: Phase::Missing,
        identity: 0,
        run: 0,
        config_epoch: 0,
        armer: 0,
        stock: 0,
        sequence: 0,
        wins: [None; USERS],
        outbox: 0,
    };

    /// Units that are taken.
    pub fn held(&self) -> u8 {
        count_held(&self.wins)
    }
}

impl Mysql {
    /// Units that are taken, by rows and by letters that wait for an operator.
    pub fn held(&self) -> u8 {
        count_held(&self.rows) + count_held(&self.rejected)
    }

    /// The win that MySQL knows of this user: a row, or a rejected letter.
    pub fn known(&self, user: usize) -> Option<Win> {
        self.rows[user].or(self.rejected[user])
    }
}

/// Wins that are not returned.
pub fn count_held(wins: &[Option<Win>; USERS]) -> u8 {
    wins.iter().flatten().map(|win| u8::from(!win.returned)).sum()
}

impl State {
    /// The other node.
    pub fn peer(node: u8) -> u8 {
        1 - node
    }

    /// The win that this user was told and still holds.
    pub fn told_and_held(&self, user: usize) -> Option<Win> {
        self.told[user].filter(|win| !win.returned)
    }
}
