//! What operators do with events: the use cases, whoever asks for them.
//!
//! Each changes only the wanted row, by comparing its version; the leader carries it to shard and
//! directory.

pub mod ask;
pub mod change;
pub mod create;
pub mod done;
pub mod effects;
mod settled;
pub mod view;
pub mod wait;
pub mod winners;
