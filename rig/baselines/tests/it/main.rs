//! Each baseline on the real servers: as many winners as units, nobody twice, the rest told so.

#![allow(clippy::unwrap_used, reason = "a test that finds anything else has failed")]

mod baseline;
mod loader;
mod sales;
