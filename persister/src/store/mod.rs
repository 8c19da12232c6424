//! MySQL: every query of the persister, each with a deadline.
//!
//! - `session`: one connection; it is spent after any error, since an answer that nobody waited
//!   for would be read as the answer to the next question.
//! - `sql`: the text of every statement.
//! - `schema`, `leases`, `events`, `epochs`, `coupons`, `dead_letters`: what is asked, by table.
//! - `desk`: dead letters, as operators handle them.
//! - `changes`: coupons that operators returned or revoked.
//! - `audit`: who changed what, beside each change of an operator.
//! - `winners`: an event's rows by number, for exports.
//! - `erasures`: users whose data is to be replaced; `traces`: where it is, and how it is done.
//! - `persisters`: which of them run.
//! - `preflight`: what the server says of itself.
//! - `union`: what uniting a shard with its rows asks.
//!
//! Architecture invariant: mysql_async appears in this folder and nowhere else.

pub mod audit;
pub mod changes;
mod columns;
pub mod coupons;
pub mod dead_letters;
pub mod desk;
pub mod epochs;
pub mod erasures;
pub mod error;
pub mod events;
pub mod leases;
pub mod persisters;
pub mod preflight;
pub mod reconcile;
pub mod schema;
mod session;
mod sql;
mod times;
pub mod traces;
pub mod union;
pub mod winners;

pub use error::{Retry, StoreError};
pub use session::{DatabaseUrl, Session, Store};
pub use times::LAST_MS;
