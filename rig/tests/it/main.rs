//! Rig's integration tests: one binary, against the stack that `./dev test` starts.

#![allow(clippy::unwrap_used, reason = "a test that finds anything else has failed")]

mod bench;
mod check;
mod console;
mod demo;
mod faults;
mod files;
mod http;
mod nginx;
mod operators;
mod rush;
mod stack;
