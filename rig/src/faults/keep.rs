//! What a failed round leaves: its history, its logs, what was wrong and how to play it again.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::FaultError;
use super::round::Outcome;
use super::summary::Line;
use crate::stack::Handle;

/// Puts everything into one folder below `base` and returns it. The history is moved there.
pub fn keep(
    base: &Path,
    stack: &Handle,
    line: &Line,
    outcome: &Outcome,
    history: &Path,
) -> Result<PathBuf, FaultError> {
    let folder = base.join(format!("{}-{}", line.kind, line.seed));
    let failed = || FaultError::io(folder.display().to_string());
    let logs = folder.join("logs");
    fs::create_dir_all(&logs).map_err(failed())?;
    for part in &stack.status().parts {
        if let Some(name) = part.log.file_name() {
            // A part that never started has no log.
            let _ = fs::copy(&part.log, logs.join(name));
        }
    }
    if history.exists() {
        fs::copy(history, folder.join("history")).map_err(failed())?;
    }
    let verdict = outcome.verdict.as_ref().map_or_else(String::new, ToString::to_string);
    let text = format!(
        "{}\n\nagain: {}\n\nwhat was done:\n  {}\n\nwhat is wrong:\n  {}\n\n{verdict}\n",
        line.text(),
        line.again,
        outcome.said.join("\n  "),
        line.wrong.join("\n  ")
    );
    fs::write(folder.join("round.txt"), text).map_err(failed())?;
    Ok(folder)
}
