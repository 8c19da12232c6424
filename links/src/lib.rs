//! How both binaries reach Redis Cluster and Kafka.
//!
//! - [`redis`]: the cluster's topology as the majority of its masters sees it, one client a node,
//!   and the commands of the cold paths.
//! - [`script_connection`]: a script call and its WAIT in one write, on a connection of its own;
//!   [`claims`] is the claim script on top of it.
//! - [`failpoint`]: where tests may end a process; empty in a release.
//! - [`kafka`]: produce and fetch with deadlines, on clients that are rebuilt after any failure.
//! - [`access`]: who a program is to a server ([`login`]) and how it knows the server ([`tls`]).
//! - [`on_panic`]: whether a panic ends the process.
//! - [`trace`]: spans of sampled claims, to a collector.
//! - [`standing`]: how a server stands and since when, for `/health`.
//!
//! Architecture invariant: fred, redis-protocol, rskafka, rsasl and opentelemetry appear here and nowhere else. Every
//! call has a deadline. Nothing is sent twice behind the caller's back: an error says whether the
//! call may have been executed, and the caller decides.

pub mod access;
pub mod claims;
pub mod failpoint;
pub mod kafka;
pub mod login;
pub mod on_panic;
pub mod redis;
pub mod script_connection;
pub mod standing;
mod task;
pub mod tls;
pub mod trace;
mod wire;
