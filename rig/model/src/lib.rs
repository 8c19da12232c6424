//! A model of the protocol of Firstcome, explored exhaustively within bounds: with all its rules
//! no interleaving breaks an invariant, and without each of them some interleaving does.

pub mod actions;
pub mod bound;
pub mod bounds;
mod edge;
pub mod invariants;
mod leader;
pub mod machine;
mod operators;
mod persister;
mod redis;
pub mod removals;
pub mod state;
pub mod steps;
pub mod trace;
