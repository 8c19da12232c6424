//! `./dev test`: everything that must hold before a change lands.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use rig::config::STACK_VARIABLE;
use rig::faults::programs::{self, FEATURES as FAILPOINTS};
use rig::refusals::refused;
use rig::stack::{Handle, PartKind, Stack, StackError, StackOptions, repository_root};
use tokio::process::Command;

use super::told::Told;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Slow checks too
    #[arg(long)]
    all: bool,
    /// Only the tests, without format, lints and build
    #[arg(long)]
    only_tests: bool,
    /// Handed to cargo test: -p edge, a name, -- --nocapture
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo: Vec<OsString>,
}

/// One profile for programs and tests, so that the dependencies are built once.
const CHECKS: [&[&str]; 5] = [
    &["fmt", "--all", "--check"],
    &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"],
    &["clippy", "--release", "--workspace", "--features", FAILPOINTS, "--", "-D", "warnings"],
    &["build", "--release", "--workspace"],
    // Before the stack starts: compiling beside it would slow both.
    &["test", "--release", "--workspace", "--no-run"],
];

/// With `--all`, after the tests.
const SLOW: [&[&str]; 3] = [
    // The pure parts of a claim, by themselves: figures to read.
    &[
        "bench",
        "--features",
        "criterion",
        "-p",
        "contract",
        "-p",
        "links",
        "-p",
        "edge",
        "--bench",
        "record",
        "--bench",
        "batch",
        "--bench",
        "claim",
        "--bench",
        "identity",
    ],
    // The larger bounds of the protocol's model: minutes, and more than a gigabyte.
    &["run", "--release", "-p", "model", "--", "--deep"],
    // Ten million lines of history judged.
    &["bench", "-p", "rig", "--bench", "checker"],
];

/// With `--all`, after the tests and against their stack.
const SLOW_WITH_STACK: [&[&str]; 2] = [
    // A million winners reconciled: a minute to plant them.
    &["bench", "-p", "persister", "--bench", "reconcile"],
    // Ten million winners exported: minutes to plant them, and 6 GB of disk.
    &["bench", "-p", "persister", "--bench", "export"],
];

/// Runs the checks, then the tests against a stack of their own.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StackError> {
    if !arguments.only_tests {
        for check in CHECKS {
            if !cargo(check.iter().map(OsString::from), None).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    if needs_failpoints(&arguments.cargo) && !cargo(programs::cargo_arguments()?, None).await? {
        return Ok(ExitCode::FAILURE);
    }
    let mut passed = with_stack(&arguments).await?;
    if arguments.all {
        for check in SLOW {
            passed &= cargo(check.iter().map(OsString::from), None).await?;
        }
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Only tests of rig run programs with failpoints.
fn needs_failpoints(words: &[OsString]) -> bool {
    let packages = words.iter().any(|word| word == "-p" || word == "--package");
    !packages || words.iter().any(|word| word == "rig")
}

async fn with_stack(arguments: &Arguments) -> Result<bool, StackError> {
    let mut told = Told::listen()?;
    let start = Stack::start(StackOptions::new(format!("test-{}", std::process::id())));
    let Some(stack) = told.unless(start).await.transpose()? else {
        return Ok(false);
    };
    let directory = &stack.status().directory;
    let checked = async {
        let passed = tests_and_slow(arguments, directory).await?;
        Ok(nobody_was_refused(directory).await? && passed)
    };
    let passed = told.unless(checked).await;
    if matches!(passed, Some(Ok(false) | Err(_))) {
        eprintln!("logs of the stack are kept in {}", stack.keep_logs()?.display());
    }
    told.unless(stack.stop()).await.transpose()?;
    Ok(passed.transpose()?.unwrap_or(false))
}

/// Whether Redis let edges and persisters do all that they tried.
async fn nobody_was_refused(directory: &Path) -> Result<bool, StackError> {
    let nodes = Handle::open(directory)?.addresses(PartKind::Redis);
    let refused = match refused(&nodes).await {
        Ok(refused) => refused,
        Err(error) => vec![format!("what Redis refused is not known: {error}")],
    };
    for entry in &refused {
        eprintln!("ops/redis/users.conf lacks something: {entry}");
    }
    Ok(refused.is_empty())
}

async fn tests_and_slow(arguments: &Arguments, stack: &Path) -> Result<bool, StackError> {
    let mut passed = tests(arguments, stack).await?;
    if arguments.all {
        for check in SLOW_WITH_STACK {
            passed &= cargo(check.iter().map(OsString::from), Some(stack)).await?;
        }
    }
    Ok(passed)
}

async fn tests(arguments: &Arguments, stack: &Path) -> Result<bool, StackError> {
    let mut words: Vec<OsString> =
        ["test", "--release", "--no-fail-fast"].map(OsString::from).into();
    if !arguments.cargo.iter().any(|word| word == "-p" || word == "--package") {
        words.push("--workspace".into());
    }
    words.extend(arguments.cargo.iter().cloned());
    cargo(words, Some(stack)).await
}

/// Whether cargo is content.
pub(super) async fn cargo(
    words: impl IntoIterator<Item = OsString>,
    stack: Option<&Path>,
) -> Result<bool, StackError> {
    let words: Vec<OsString> = words.into_iter().collect();
    let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    eprintln!("cargo {}", shown.join(" "));
    let mut command = Command::new("cargo");
    command.args(&words).current_dir(repository_root()).kill_on_drop(true);
    if let Some(stack) = stack {
        command.env(STACK_VARIABLE, stack);
    }
    let status = command.status().await.map_err(StackError::io("run cargo"))?;
    Ok(status.success())
}
