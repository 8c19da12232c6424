//! `./dev alerts`: faults on a stack of its own, and whether the right alert says so.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rig::alerts::{CASES, Came, Case, Pace, Play, Report, Trial, play};
use rig::stack::{Stack, StackOptions};

use super::told::Told;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these faults, and no rush; --only help lists them [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Users of the rush in which no alert may fire
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Rules with their times as they are written, instead of a tenth of them
    #[arg(long)]
    as_written: bool,
    /// Write what came out as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Starts a stack, tries, tells, and ends the stack; exit code 1 where an alert was missed or late, or
/// fired without a reason.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Some(cases) = chosen(&arguments.only) else {
        CASES.iter().for_each(|case| println!("  {:<20} {}", case.name, case.about));
        let asked_for = arguments.only.iter().any(|name| name == "help");
        return Ok(if asked_for { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let pace = if arguments.as_written { Pace::AS_WRITTEN } else { Pace::QUICK };
    println!("{} faults; {}", cases.len(), pace.sentence());
    let mut told = Told::listen()?;
    let start = Stack::start(StackOptions::new(format!("alerts-{}", std::process::id())));
    let Some(stack) = told.unless(start).await.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    let handle = stack.handle();
    let users = arguments.only.is_empty().then_some(arguments.users);
    let history = handle.status().directory.join("history");
    let wanted = Play { pace, users, cases, history };
    let played = told.unless(play(&handle, &wanted, tell)).await;
    if !matches!(&played, Some(Ok(report)) if report.passes()) {
        println!("logs of all parts: {}", stack.keep_logs()?.display());
    }
    eprintln!("ending the stack");
    told.unless(stack.stop()).await.transpose()?;
    let Some(report) = played.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    println!("\n{}", report.table());
    if let Some(path) = &arguments.report {
        write(&report, path)?;
    }
    Ok(if report.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cases of these names, all where there are none; None: one of them is no case's.
fn chosen(names: &[String]) -> Option<Vec<&'static Case>> {
    if names.is_empty() {
        return Some(CASES.iter().collect());
    }
    names.iter().map(|name| CASES.iter().find(|case| case.name == name)).collect()
}

fn tell(case: &Case, trial: &Trial) {
    let failed = |came: &Came| format!("{} {}", came.verdict.as_str(), came.alert);
    let failures: Vec<String> =
        trial.came.iter().filter(|came| !came.passes()).map(failed).collect();
    let verdict = if failures.is_empty() { "ok".to_owned() } else { failures.join(", ") };
    println!("{:<20} {}: {verdict}", case.name, case.about);
}

fn write(report: &Report, path: &std::path::Path) -> Result<(), String> {
    let json = serde_json::to_vec_pretty(report).map_err(|error| error.to_string())?;
    std::fs::write(path, json).map_err(|error| format!("{}: {error}", path.display()))
}
