//! Faults: the real system is broken on purpose while users ask, heals, and is judged.
//!
//! A round is one event, one rush and one fault of a [`Kind`], all drawn from a seed: [`play`].
//! The kinds of a family stand in one file, each with its line in that file's table; [`kind::all`]
//! has them all.

mod allowed;
mod client_gone;
mod clocks;
pub(crate) mod command;
mod cut;
mod demands;
mod disks;
mod edge;
mod error;
mod forgets;
mod halts;
pub mod heal;
pub(crate) mod http;
mod kafka;
pub mod keep;
pub mod kind;
mod mysql;
mod network;
mod operation;
mod operators;
mod operators_at_once;
mod persister;
pub mod points;
pub mod programs;
mod rearm;
mod records;
mod redis;
mod restore;
mod rolling;
mod round;
mod scene;
pub mod seeds;
pub(crate) mod shard;
mod small_disk;
pub mod summary;
mod swizzle;

pub use allowed::why_not;
pub use error::FaultError;
pub use kind::Kind;
pub use restore::DRILL;
pub use round::{Outcome, Play, play};
pub use scene::Without;
