//! Rig: the local stack as child processes, and what is done to it. It knows the edge and the
//! persister only as programs.

pub mod alerts;
pub mod bench;
pub mod check;
pub mod config;
pub mod faults;
pub mod refusals;
pub mod report;
pub mod rush;
pub mod slow;
pub mod stack;
pub mod tokens;
pub mod written;
