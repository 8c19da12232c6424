//! Alerts tried in earnest: the stack is broken on purpose, and a real Prometheus with the
//! repository's rules must say so, to a real Alertmanager, and take it back once all is well.
//!
//! - `server`, `prometheus`, `alertmanager`: the two as child processes.
//! - `pace`: the same rules with shorter times.
//! - `case`: what is broken, and which alerts must come; `ground`: what that is done to.
//! - `play`: one case after another; `report`: what came of them.

mod alertmanager;
mod case;
mod error;
mod ground;
mod pace;
mod play;
mod prometheus;
mod report;
mod server;

pub use alertmanager::Alertmanager;
pub use case::{CASES, Case};
pub use error::AlertError;
pub use pace::Pace;
pub use play::{Play, play};
pub use prometheus::{Prometheus, Sample};
pub use report::{Came, Report};
