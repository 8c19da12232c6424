//! The report, for programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::error::BenchError;
use super::figures::RowReport;
use super::goals::Standing;

/// All that came out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// What it was measured on.
    pub machine: BTreeMap<&'static str, String>,
    /// Versions of what was measured.
    pub versions: BTreeMap<&'static str, String>,
    /// How often each row was measured.
    pub rounds: u16,
    /// How long, each time, in seconds.
    pub window_s: f64,
    /// The rows.
    pub rows: Vec<RowReport>,
    /// The goals of the figures that there are.
    pub goals: Vec<Standing>,
}

impl Report {
    /// Whether a row has no figures because a round erred.
    pub fn erred(&self) -> bool {
        self.rows.iter().any(|row| !row.errors.is_empty())
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> Result<(), BenchError> {
        let write = |text: String| fs::write(path, text + "\n");
        let text = serde_json::to_string_pretty(self).map_err(Into::into);
        text.and_then(write).map_err(BenchError::io(format!("write {}", path.display())))
    }
}
