//! The dead-letter desk: records that could not become a row, as operators handle them.
//!
//! A letter is named by the place in `coupon-issued` where its record stood first. Bringing it again
//! publishes its record once more, with headers that name the letter; whoever reads it settles the
//! letter in the transaction of the row, or counts another failure. So it is the normal way, and may
//! be asked for any number of times.
//!
//! - `name`: a letter's name, and the end of a page.
//! - `view`: how letters are shown.
//! - `plan`: what bringing a letter again means; pure.
//! - `replay`: doing it.
//! - `discard`: giving a letter up.

mod discard;
mod name;
mod plan;
mod replay;
mod view;

pub use discard::{DiscardOutcome, Discarded, discard};
pub use name::{BadName, Cursor, LetterName};
pub use plan::Refusal;
pub use replay::{Desk, Outcome, Replayed};
pub use view::{LetterView, PageView, page, show};
