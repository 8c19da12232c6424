//! From `coupon-issued` to rows, one reader a partition.
//!
//! - `batch`: what each record is and what becomes of it; pure.
//! - `land`: rows, dead letters and the next offset in one transaction.
//! - `partition`: the reader: fetch, narrow a refused batch to the bad record, back off, halt.
//! - `unread`: how far behind each partition is, in time.
//! - `trace`: the spans of records whose claims are traced.

pub mod batch;
mod land;
mod partition;
mod trace;
mod unread;

pub use partition::{Ended, Reader};
pub use unread::Unread;
