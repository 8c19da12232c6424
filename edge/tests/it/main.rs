//! The edge against real servers: the stack that `FIRSTCOME_STACK` names (`./dev test` sets it).

// Futures of polls within polls are deeper than the compiler's 128.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod back_pressure;
mod claims;
mod client;
mod confirm;
mod contract;
mod counts;
mod drain;
mod event;
mod fenced;
mod forwarded;
mod gateway;
mod health;
mod key_server;
mod limits;
mod listing;
mod outcomes;
mod own_edge;
mod published;
mod requests;
mod shards;
mod stack;
mod stages;
mod tokens;
