//! `./dev fuzz`: the properties of all parsers, under more input than `./dev test` has time for.

use std::process::ExitCode;

use clap::Args;
use rig::stack::{StackError, repository_root};
use tokio::process::Command;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Inputs of each property; a million take some minutes
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    inputs: u32,
}

/// Runs them; exit code 1 where one does not hold, with the smallest input that shows it.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StackError> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["test", "--release", "-p", "fuzz"])
        .env("PROPTEST_CASES", arguments.inputs.to_string())
        .current_dir(repository_root())
        .kill_on_drop(true);
    let status = cargo.status().await.map_err(StackError::io("run cargo"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
