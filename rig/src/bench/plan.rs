//! In which order windows are measured.

use std::time::Duration;

use super::row::{Crowded, Row};

/// Connections of a usual load.
const USUAL: [u16; 2] = [64, 256];
/// Connections of a crowded one.
const CROWDED: u16 = 1_024;
/// A window that nobody counts comes before all: programs warm up.
const WARM_UP: Duration = Duration::from_millis(500);

/// How much is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Effort {
    /// How often each row is measured.
    pub rounds: u16,
    /// How long, each time.
    pub window: Duration,
    /// Over how many connections.
    pub connections: Vec<u16>,
    /// Users of a rush.
    pub users: u32,
    /// Records of a full topic.
    pub records: u32,
    /// The most winners that an edge remembers.
    pub winners: u64,
    /// Winners of the event that is reconciled.
    pub reconciled: u64,
}

impl Effort {
    /// Enough for figures that are published.
    pub fn full() -> Self {
        let connections = USUAL.into_iter().chain([CROWDED]).collect();
        Self {
            rounds: 5,
            window: Duration::from_secs(2),
            connections,
            users: 1_000_000,
            records: 200_000,
            winners: 1_000_000,
            reconciled: 200_000,
        }
    }

    /// Enough to see whether a change helped.
    pub fn quick() -> Self {
        Self {
            rounds: 3,
            window: Duration::from_secs(1),
            connections: vec![USUAL[0]],
            users: 200_000,
            records: 100_000,
            winners: 1_000,
            reconciled: 50_000,
        }
    }

    /// Before all rounds.
    pub(super) fn warm_up(&self) -> Duration {
        self.window.min(WARM_UP)
    }
}

/// One window that is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) round: u16,
    pub(super) connections: u16,
    pub(super) row: Row,
}

/// Rows take turns, so that what the machine does meanwhile hits all of them alike: in each round,
/// over each number of connections, each row once, R first.
pub(super) fn cells(rows: &[Row], effort: &Effort) -> Vec<Cell> {
    let mut cells = Vec::new();
    for round in 1..=effort.rounds {
        for &connections in &effort.connections {
            let measured = |row: &&Row| connections < CROWDED || row.crowded == Crowded::Too;
            let rows = rows.iter().filter(measured);
            cells.extend(rows.map(|&row| Cell { round, connections, row }));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::ROWS;

    fn chosen(names: &[&str]) -> Vec<Row> {
        ROWS.into_iter().filter(|row| names.contains(&row.name)).collect()
    }

    #[test]
    fn rows_take_turns_and_r_comes_first() {
        let rows = chosen(&["plain", "sold_local", "win_log"]);
        let effort = Effort { rounds: 2, ..Effort::full() };
        let all = cells(&rows, &effort);
        let first: Vec<_> =
            all.iter().map(|cell| (cell.round, cell.connections, cell.row.name)).take(8).collect();
        let expected = [
            (1, 64, "plain"),
            (1, 64, "sold_local"),
            (1, 64, "win_log"),
            (1, 256, "plain"),
            (1, 256, "sold_local"),
            (1, 256, "win_log"),
            (1, 1_024, "plain"),
            (1, 1_024, "sold_local"),
        ];
        assert_eq!(first, expected);
        assert_eq!(all.len(), 16);
    }

    #[test]
    fn a_quick_bench_has_one_number_of_connections() {
        assert_eq!(cells(&ROWS, &Effort::quick()).len(), 3 * ROWS.len());
    }
}
