//! Failpoints: named moments at which a test ends, stops or misleads this process.
//!
//! Without the feature `failpoints` every call here is an empty inline function, and nothing of
//! it, its names included, is in the program. The crate `fail` was not taken: it can neither kill
//! nor stop a process, and reads the environment behind the configuration's back.

#[cfg(any(test, feature = "failpoints"))]
mod set;

#[cfg(any(test, feature = "failpoints"))]
pub use set::{Failpoints, loses, reach, reach_for};

/// A script has answered, and its WAIT has not.
pub const AFTER_SCRIPT: &str = "after-script";

/// Does what is set for this point, if anything is.
#[cfg(not(any(test, feature = "failpoints")))]
#[inline(always)]
pub fn reach(_point: &'static str) {}

/// Does what is set for this point, if it is set for this event or for any.
#[cfg(not(any(test, feature = "failpoints")))]
#[inline(always)]
pub fn reach_for(_point: &'static str, _event: &str) {}

/// Whether the answer that has just come is to be treated as lost.
#[cfg(not(any(test, feature = "failpoints")))]
#[inline(always)]
pub fn loses(_point: &'static str) -> bool {
    false
}
