//! Every parser that reads what a stranger, or another build, wrote: none panics, and what it takes
//! it writes again as it read it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract_side;
mod edge_side;
mod forwarded_side;
mod identity_side;
mod persister_side;
