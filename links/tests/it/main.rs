//! `links` against real servers: the stack that `FIRSTCOME_STACK` names (`./dev test` sets it).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod kafka;
mod resets;
mod scripts;
mod stack;
mod topology;
