//! Where each figure must stand.

use std::fmt;

use serde::Serialize;

use super::figures::RowReport;

/// A goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The row.
    pub row: &'static str,
    /// Over how many connections.
    pub connections: u16,
    /// `rps_ratio`, `cpu_ratio`, the name of a process in `cpu`, or of another figure.
    pub figure: &'static str,
    /// Where it must stand.
    pub bound: Bound,
}

/// Where a figure must stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// No lower.
    AtLeast(f64),
    /// No higher.
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

/// All of them. A win's share of each broker's CPU is the same goal three times.
pub const GOALS: [Goal; 50] = [
    goal("sold_local", 64, "rps_ratio", AtLeast(0.95)),
    goal("sold_local", 256, "rps_ratio", AtLeast(1.0)),
    goal("sold_local", 64, "cpu_ratio", AtMost(1.05)),
    goal("sold_local", 256, "cpu_ratio", AtMost(1.05)),
    goal("sold_redis", 64, "rps_ratio", AtLeast(0.62)),
    goal("sold_redis", 256, "rps_ratio", AtLeast(0.82)),
    goal("sold_redis", 64, "cpu_ratio", AtMost(1.40)),
    goal("sold_redis", 256, "cpu_ratio", AtMost(1.25)),
    goal("sold_redis", 64, "master", AtMost(4.5)),
    goal("sold_redis", 256, "master", AtMost(2.1)),
    goal("win_replica", 64, "rps_ratio", AtLeast(0.30)),
    goal("win_replica", 256, "rps_ratio", AtLeast(0.42)),
    goal("win_replica", 64, "cpu_ratio", AtMost(1.90)),
    goal("win_replica", 256, "cpu_ratio", AtMost(1.60)),
    goal("win_replica", 64, "master", AtMost(10.0)),
    goal("win_replica", 256, "master", AtMost(5.5)),
    goal("win_replica", 64, "replica", AtMost(4.5)),
    goal("win_replica", 256, "replica", AtMost(2.4)),
    goal("win_replica", 64, "kafka-1", AtMost(3.5)),
    goal("win_replica", 64, "kafka-2", AtMost(3.5)),
    goal("win_replica", 64, "kafka-3", AtMost(3.5)),
    goal("win_replica", 256, "kafka-1", AtMost(3.5)),
    goal("win_replica", 256, "kafka-2", AtMost(3.5)),
    goal("win_replica", 256, "kafka-3", AtMost(3.5)),
    goal("rush", 256, "rps_ratio", AtLeast(0.90)),
    goal("rush", 256, "cpu_ratio", AtMost(1.1)),
    goal("steady_20k", 128, "sold_p99_ratio", AtMost(1.2)),
    goal("steady_20k", 128, "win_p50_ms", AtMost(1.0)),
    goal("steady_20k", 128, "win_p99_ms", AtMost(4.0)),
    goal("rush_judged", 256, "edge_memory_mb", AtMost(200.0)),
    goal("persister", 1, "rps_ratio", AtLeast(0.80)),
    goal("v1", 64, "wins_behind_ours", AtLeast(50.0)),
    goal("v1", 64, "rush_behind_ours", AtLeast(20.0)),
    goal("v2", 64, "wins_behind_ours", AtLeast(20.0)),
    goal("v2", 64, "rush_behind_ours", AtLeast(20.0)),
    goal("v2_pubsub", 64, "wins_behind_ours", AtLeast(20.0)),
    goal("v2_pubsub", 64, "rush_behind_ours", AtLeast(20.0)),
    goal("v3", 64, "wins_behind_ours", AtLeast(2.0)),
    goal("v3", 64, "rush_behind_ours", AtLeast(10.0)),
    goal("v4", 64, "wins_behind_ours", AtLeast(1.5)),
    goal("v4", 64, "rush_behind_ours", AtLeast(2.0)),
    goal("metrics", 64, "edge_percent", AtMost(3.0)),
    goal("metrics", 64, "persister_percent", AtMost(3.0)),
    goal("idle", 10_000, "cpu_percent", AtMost(0.5)),
    goal("idle", 10_000, "open_cpu_percent", AtMost(0.5)),
    goal("idle", 10_000, "open_memory_mb", AtMost(120.0)),
    goal("idle", 10_000, "memory_mb", AtMost(120.0)),
    goal("reconcile", 64, "redis_ratio", AtMost(1.05)),
    goal("slow_sockets", 64, "edge_ratio", AtLeast(0.90)),
    goal("slow_sockets", 64, "nginx_ratio", AtLeast(0.90)),
];

const fn goal(row: &'static str, connections: u16, figure: &'static str, bound: Bound) -> Goal {
    Goal { row, connections, figure, bound }
}

/// A goal and the figure beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The row.
    pub row: &'static str,
    /// Over how many connections.
    pub connections: u16,
    /// Which figure.
    pub figure: &'static str,
    /// `>= 0.95`, for instance.
    pub wanted: String,
    /// What it is.
    pub is: f64,
    /// Whether that is where it must be.
    pub met: bool,
}

/// The goals of all figures that there are.
pub fn standings(rows: &[RowReport]) -> Vec<Standing> {
    rows.iter().flat_map(|row| of_row(row).collect::<Vec<_>>()).collect()
}

/// The goals of one row.
fn of_row(row: &RowReport) -> impl Iterator<Item = Standing> {
    let mine = |goal: &&Goal| (goal.row, goal.connections) == (row.name.as_str(), row.connections);
    GOALS.iter().filter(mine).filter_map(|goal| {
        let is = figure(row, goal.figure)?;
        Some(Standing {
            row: goal.row,
            connections: goal.connections,
            figure: goal.figure,
            wanted: goal.bound.to_string(),
            is,
            met: goal.bound.holds(is),
        })
    })
}

fn figure(row: &RowReport, name: &str) -> Option<f64> {
    match name {
        "rps_ratio" => row.rps_ratio,
        "cpu_ratio" => row.cpu_ratio,
        _ => row.cpu.get(name).or_else(|| row.figures.get(name)).copied(),
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            AtLeast(least) => value >= least,
            AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtLeast(least) => write!(out, ">= {least}"),
            AtMost(most) => write!(out, "<= {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> RowReport {
        let mut row = RowReport {
            name: "sold_redis".to_owned(),
            connections: 256,
            rps_ratio: Some(0.82),
            cpu_ratio: Some(1.3),
            ..RowReport::default()
        };
        row.cpu.insert("master".to_owned(), 2.0);
        row
    }

    #[test]
    fn a_goal_is_met_at_its_bound() {
        let standings = standings(&[row()]);
        let met: Vec<_> = standings.iter().map(|one| (one.figure, one.met)).collect();
        assert_eq!(met, [("rps_ratio", true), ("cpu_ratio", false), ("master", true)]);
    }

    #[test]
    fn what_was_not_measured_has_no_standing() {
        let row = RowReport { rps_ratio: None, cpu_ratio: None, ..row() };
        assert_eq!(standings(&[row]).len(), 1);
    }
}
