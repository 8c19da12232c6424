//! Which rows are measured, by name.

use super::error::BenchError;
use super::others::{VERSIONS, Version};
use super::row::{PLAIN, ROWS, Row};

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Loads that take turns; R is always among them.
    pub rows: Vec<Row>,
    /// The usual ways of others.
    pub versions: Vec<Version>,
    /// What is measured in its own way.
    pub chapters: Vec<Chapter>,
}

/// What is measured in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chapter {
    /// Rows from a full topic.
    Persister,
    /// A stock of a thousand and a million users.
    Rush,
    /// Latency at a fixed rate.
    Steady,
    /// What our script costs Redis, and what the usual one does.
    RedisPerClaim,
    /// Events, edges, winners.
    Growth,
    /// What recording metrics costs.
    Metrics,
    /// An edge that nobody asks.
    Idle,
    /// What reconcile costs Redis beside claims.
    Reconcile,
    /// What slow clients cost all others.
    SlowSockets,
}

impl Chapter {
    /// All of them, in the order in which they are measured.
    pub const ALL: [Self; 9] = [
        Self::Persister,
        Self::Rush,
        Self::Steady,
        Self::RedisPerClaim,
        Self::Growth,
        Self::Metrics,
        Self::Idle,
        Self::Reconcile,
        Self::SlowSockets,
    ];

    /// Its name for `--only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persister => "persister",
            Self::Rush => "rush",
            Self::Steady => "steady_20k",
            Self::RedisPerClaim => "redis_per_claim",
            Self::Growth => "growth",
            Self::Metrics => "metrics",
            Self::Idle => "idle",
            Self::Reconcile => "reconcile",
            Self::SlowSockets => "slow_sockets",
        }
    }
}

impl Selection {
    /// What has these names, and R in any case; all, where none is named.
    pub fn of(names: &[String]) -> Result<Self, BenchError> {
        let known = known();
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(BenchError::UnknownRow { name: unknown.clone(), known });
        }
        let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        let row = |row: &&Row| row.name == PLAIN || wanted(row.name);
        Ok(Self {
            rows: ROWS.iter().filter(row).copied().collect(),
            versions: VERSIONS.into_iter().filter(|version| wanted(version.name)).collect(),
            chapters: Chapter::ALL.into_iter().filter(|chapter| wanted(chapter.name())).collect(),
        })
    }

    /// Whether a chapter is measured.
    pub(super) fn has(&self, chapter: Chapter) -> bool {
        self.chapters.contains(&chapter)
    }

    /// Whether loads are measured; R alone is there for what else is.
    pub(super) fn has_loads(&self) -> bool {
        self.rows.len() > 1 || (self.chapters.is_empty() && self.versions.is_empty())
    }
}

fn known() -> Vec<&'static str> {
    let rows = ROWS.iter().map(|row| row.name);
    let versions = VERSIONS.iter().map(|version| version.name);
    rows.chain(versions).chain(Chapter::ALL.into_iter().map(Chapter::name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Selection {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Selection::of(&names).unwrap()
    }

    #[test]
    fn r_is_measured_with_every_row() {
        let names: Vec<&str> = of(&["sold_local"]).rows.iter().map(|row| row.name).collect();
        assert_eq!(names, [PLAIN, "sold_local"]);
        assert_eq!(ROWS[0].name, PLAIN);
    }

    #[test]
    fn everything_is_measured_where_nothing_is_named() {
        let all = of(&[]);
        let lengths = (all.rows.len(), all.versions.len(), all.chapters.len());
        assert_eq!(lengths, (ROWS.len(), VERSIONS.len(), Chapter::ALL.len()));
        let idle = of(&["idle"]);
        assert!(idle.has(Chapter::Idle) && !idle.has_loads());
        assert!(of(&["plain"]).has_loads());
    }

    #[test]
    fn an_unknown_name_is_answered_with_all_names() {
        let error = Selection::of(&["sold".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("win_replica") && error.contains("steady_20k"), "{error}");
    }
}
