//! What a failed round leaves: its history, its logs, what was wrong and how to play it again.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::FaultError;
use super::round::Outcome;
use super::summary::Line;
use crate::stack::Handle;

/// Failed rounds that are kept, the newest.
const KEPT: usize = 20;

/// Puts everything into one folder below `base` and returns it. The history is moved there.
pub fn keep(
    base: &Path,
    stack: &Handle,
    line: &Line,
    outcome: &Outcome,
    history: &Path,
) -> Result<PathBuf, FaultError> {
    forget_oldest(base);
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

/// Makes room for one more.
fn forget_oldest(base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let mut kept: Vec<_> = entries
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let surplus = (kept.len() + 1).saturating_sub(KEPT);
    for (_, path) in kept.into_iter().take(surplus) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let base = std::env::temp_dir().join(format!("firstcome-keep-{}", std::process::id()));
        for nth in 0..KEPT + 3 {
            fs::create_dir_all(base.join(nth.to_string())).unwrap();
        }
        forget_oldest(&base);
        let left = fs::read_dir(&base).unwrap().count();
        fs::remove_dir_all(base).unwrap();
        assert_eq!(left, KEPT - 1);
    }
}
