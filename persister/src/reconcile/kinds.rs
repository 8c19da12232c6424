//! The table of kinds, as operators see it.

use serde::Serialize;

use super::report::{Kind, Repair};

/// A kind of difference, with what is done about it. Fields are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KindView {
    /// The word that reports have.
    pub kind: Kind,
    /// publish, rearm, none.
    pub repair: Repair,
    /// Whether it counts as a difference that nothing explains.
    pub counts: bool,
    /// What it is, in a sentence.
    pub what: &'static str,
}

/// All kinds.
pub fn kinds() -> Vec<KindView> {
    let view = |kind: Kind| KindView {
        kind,
        repair: kind.repair(),
        counts: kind.counts(),
        what: kind.sentence(),
    };
    Kind::ALL.map(view).into()
}
