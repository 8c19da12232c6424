//! Alerts tried in earnest: the stack is broken on purpose, and a real Prometheus with the
//! repository's rules must say so, to a real Alertmanager, and take it back once all is well.
//!
//! - `server`, `prometheus`, `alertmanager`: the two as child processes.
//! - `pace`: the same rules with shorter times; `times`: how long each alert may take by them.
//! - `case`: what is broken, and which alerts must come; `ground`: what that is done to.
//! - `play`: one case after another; `trial`: one of them.
//! - `judge`: what is said of an alert; `report`: what came of all.

mod alertmanager;
mod case;
mod error;
mod ground;
mod judge;
mod pace;
mod play;
mod prometheus;
mod report;
mod server;
mod times;
mod trial;

pub use alertmanager::Alertmanager;
pub use case::{Awaited, CASES, Case};
pub use error::AlertError;
pub use judge::{Reached, Verdict};
pub use pace::Pace;
pub use play::{Play, play};
pub use prometheus::{Prometheus, Sample};
pub use report::{Beside, Came, Report};
pub use trial::Trial;
