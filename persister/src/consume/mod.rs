//! From `coupon-issued` to rows, one reader a partition.
//!
//! - `batch`: what each record is and what becomes of it; pure.
//! - `land`: rows, dead letters and the next offset in one transaction.
//! - `partition`: the reader: fetch, narrow a refused batch to the bad record, back off, halt.

pub mod batch;
mod land;
mod partition;

pub use partition::{Ended, Reader};
