//! Rig's integration tests: one binary, against the stack that `./dev test` starts.

#![allow(clippy::unwrap_used, reason = "a test that finds anything else has failed")]

mod bench;
mod check;
mod chromium;
mod console;
mod demo;
mod faults;
mod files;
mod forwarder;
mod http;
mod logins;
mod nginx;
mod operators;
mod over_tls;
mod rush;
mod slow;
mod stack;
mod tls;
mod trace;
