//! The public data plane: who claims what, answered through Redis, published to Kafka.
//!
//! A request's way: [`server`] → [`routes`] → [`issue`] (read, identify, admit, answer from memory
//! or ask) → [`claims`] (group commit into `lua/claim.lua` with WAIT, or the Kafka way) →
//! [`reply`]. Beside it on the main thread: [`directory`] follows which events exist, [`publish`]
//! brings wins to Kafka.
//!
//! Architecture invariants: no MySQL. Nothing is told that is not held twice or by Kafka. Every
//! queue has a bound and every wait a deadline. Only [`config`] reads the environment; only
//! [`reply`] turns an outcome into HTTP, in words that [`language`] may translate.

pub mod claims;
pub mod code;
pub mod config;
pub mod core;
pub mod cors;
pub mod demo;
pub mod directory;
pub mod failpoint;
pub mod health;
pub mod identity;
pub mod issue;
pub mod language;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod mine;
pub mod openapi;
pub mod private;
pub mod process;
pub mod proxy_protocol;
pub mod publish;
pub mod reply;
pub mod request;
pub mod routes;
pub mod server;
pub mod stage;
pub mod status;
pub mod trace;
