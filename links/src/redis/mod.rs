//! Redis Cluster: who owns a slot, and the commands of the cold paths.
//!
//! The hot path asks [`Cluster::master_of`] and talks to that master through a
//! [`crate::script_connection::ScriptConnection`]; everything else goes through [`Cluster`].

mod cluster;
mod cluster_nodes;
mod config;
mod error;
mod node_client;
mod reply;
mod script;
mod server;
mod shard;
mod slot;
mod topology;
mod watch;

pub use cluster::{BadNode, Cluster};
pub use cluster_nodes::{Failing, NodeId, Role};
pub use config::RedisConfig;
pub use error::RedisError;
pub use reply::Reply;
pub use script::Script;
pub use server::{Follower, Info, Settings};
pub use shard::{OutboxEntry, OutboxPage, Process, ShardState, UserWins, WinsPage};
pub use slot::Slot;
pub use topology::{Master, NodeStatus, Topology};

pub(crate) use error::is_noscript;
pub(crate) use reply::ServerError;
