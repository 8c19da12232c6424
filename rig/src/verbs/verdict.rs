//! What demo, rush and check end with.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use rig::check::{History, Sources, Verdict};
use rig::report::{Report, latency_table};
use rig::stack::repository_root;

/// Where a rush leaves its history, and a check looks for it.
pub(crate) fn history_path(given: Option<PathBuf>) -> PathBuf {
    given.unwrap_or_else(|| repository_root().join("target/rush/history"))
}

/// Reads a history, waits until the stores have settled, and judges.
pub(crate) async fn judge(
    path: &Path,
    sources: &mut Sources,
    settle: Duration,
) -> Result<(Verdict, History), Box<dyn Error>> {
    let owned = path.to_owned();
    // Millions of lines take seconds, which other tasks must not wait for.
    let history = tokio::task::spawn_blocking(move || History::read(&owned)).await??;
    let verdict = sources.judge(&history, settle).await?;
    Ok((verdict, history))
}

/// Prints how a rush went, then the verdict; writes the report. Exit code 0 means pass.
pub(crate) fn conclude(
    verdict: &Verdict,
    history: &History,
    report: Option<&Path>,
) -> Result<ExitCode, Box<dyn Error>> {
    let outcome = Report::new(verdict, history);
    println!("\n{}", latency_table(history));
    print!("{:.0} claims/s", outcome.claims_per_s);
    if let Some(seconds) = outcome.last_row_s {
        print!(" · last row {seconds:.2} s after the last win was told");
    }
    println!("\n\n{verdict}");
    if let Some(path) = report {
        outcome.write(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(if verdict.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
