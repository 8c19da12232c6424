//! The persister against real servers: the stack that `FIRSTCOME_STACK` names (`./dev test` sets
//! it).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod api;
mod archive;
mod archive_kept;
mod audit;
mod cli;
mod console;
mod consume;
mod control;
mod dlt;
mod dlt_counted;
mod erase;
mod halted;
mod leadership;
mod logs;
mod preflight;
mod reach;
mod readme;
mod rearm;
mod reconcile;
mod relay;
mod restored;
mod returns;
mod scripts;
mod shards;
mod steps;
mod traces;
mod world;
mod written;
