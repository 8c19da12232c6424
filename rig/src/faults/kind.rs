//! The kinds of faults: what each is called, what it needs, and what it does.

use std::pin::Pin;
use std::time::Duration;

use contract::event::Confirm;

use super::error::FaultError;
use super::scene::{Scene, Without};
use super::{
    client_gone, clocks, disks, edge, forgets, halts, kafka, mysql, network, operators,
    operators_at_once, persister, rearm, records, redis, restore, rolling, swizzle,
};
use crate::rush::Through;

/// What a kind does, from the round's beginning until all of it is undone.
pub type Strike =
    for<'a> fn(&'a mut Scene) -> Pin<Box<dyn Future<Output = Result<(), FaultError>> + Send + 'a>>;

/// A kind of fault.
#[derive(Clone, Copy)]
pub struct Kind {
    /// As `--kind` names it.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// What it does.
    pub strike: Strike,
    /// Who asks meanwhile.
    pub crowd: Crowd,
    /// When wins of the round's event are told; drawn where it does not matter.
    pub confirm: Option<Confirm>,
    /// Which way users come; drawn where it does not matter.
    pub through: Option<Through>,
    /// How soon things should go on.
    pub goal: Option<Goal>,
    /// What it has to run with.
    pub needs: Needs,
    /// The safety step that it shows to be needed, where that is taken out.
    pub shows: Option<Without>,
}

/// How many ask, and how fast they arrive.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// Users; four fifths of them find a unit.
    pub users: u32,
    /// Arrivals in a second.
    pub per_s: u32,
}

/// How soon something new should come after the fault. It is shown beside what was measured, and a
/// round that takes longer passes all the same: how fast a machine is, benchmarks tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A new win is told.
    Wins(Duration),
    /// MySQL has a new row.
    Rows(Duration),
}

/// What a kind needs beside a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Edge or persister with failpoints: these are set.
    Failpoints(&'static [&'static str]),
    /// Root, and these programs or files.
    Root(&'static [&'static str]),
}

impl Goal {
    /// How soon.
    pub const fn within(self) -> Duration {
        match self {
            Self::Wins(within) | Self::Rows(within) => within,
        }
    }
}

impl Kind {
    /// A kind with the usual crowd.
    pub const fn new(name: &'static str, about: &'static str, strike: Strike) -> Self {
        Self {
            name,
            about,
            strike,
            crowd: Crowd { users: 3_000, per_s: 400 },
            confirm: None,
            through: None,
            goal: None,
            needs: Needs::Nothing,
            shows: None,
        }
    }

    /// One with another crowd, for a fault that takes longer.
    pub const fn crowd(self, users: u32, per_s: u32) -> Self {
        Self { crowd: Crowd { users, per_s }, ..self }
    }

    /// One that means something only where wins are told in this way.
    pub const fn told(self, confirm: Confirm) -> Self {
        Self { confirm: Some(confirm), ..self }
    }

    /// One that means something only where users come this way.
    pub const fn by(self, through: Through) -> Self {
        Self { through: Some(through), ..self }
    }

    /// One after which new wins should be told within this.
    pub const fn wins_within(self, within: Duration) -> Self {
        Self { goal: Some(Goal::Wins(within)), ..self }
    }

    /// One after which new rows should come within this.
    pub const fn rows_within(self, within: Duration) -> Self {
        Self { goal: Some(Goal::Rows(within)), ..self }
    }

    /// One that sets these failpoints.
    pub const fn at_points(self, points: &'static [&'static str]) -> Self {
        Self { needs: Needs::Failpoints(points), ..self }
    }

    /// One that only root can play, with these programs or files.
    pub const fn as_root(self, with: &'static [&'static str]) -> Self {
        Self { needs: Needs::Root(with), ..self }
    }

    /// One that can be played without a safety step.
    pub const fn shows(self, without: Without) -> Self {
        Self { shows: Some(without), ..self }
    }

    /// The failpoints that it sets.
    pub fn points(&self) -> &'static [&'static str] {
        match self.needs {
            Needs::Failpoints(points) => points,
            Needs::Nothing | Needs::Root(_) => &[],
        }
    }
}

/// One table a family.
const FAMILIES: [&[Kind]; 18] = [
    edge::KINDS,
    client_gone::KINDS,
    redis::KINDS,
    forgets::KINDS,
    rearm::KINDS,
    kafka::KINDS,
    persister::KINDS,
    mysql::KINDS,
    records::KINDS,
    operators::KINDS,
    operators_at_once::KINDS,
    swizzle::KINDS,
    rolling::KINDS,
    network::KINDS,
    disks::KINDS,
    clocks::KINDS,
    halts::KINDS,
    restore::KINDS,
];

/// Every kind.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    FAMILIES.into_iter().flatten()
}

/// The kind of this name.
pub fn named(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.name == name)
}

/// Every kind with its line, for people.
pub fn listed() -> String {
    all().map(|kind| format!("  {:<32} {}\n", kind.name, kind.about)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::points;
    use super::*;

    #[test]
    fn every_kind_has_its_own_name() {
        let names: HashSet<_> = all().map(|kind| kind.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(all().all(|kind| named(kind.name).is_some() && kind.name.len() <= 32));
        assert!(named("none").is_none());
    }

    #[test]
    fn every_point_is_set_by_a_kind_and_none_that_is_not_there() {
        let there: HashSet<_> =
            points::of_edge().into_iter().chain(points::of_persister()).collect();
        let set: HashSet<_> = all().flat_map(|kind| kind.points()).copied().collect();
        assert_eq!(set, there);
        let played = points::KINDS.into_iter().map(|name| named(name).unwrap());
        let played: HashSet<_> = played.flat_map(Kind::points).copied().collect();
        assert_eq!(played, there, "the tests play each of them");
    }
}
