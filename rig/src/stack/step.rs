//! Commands that prepare something and end: formatting, making topics, migrating.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::{Failure, StackError};
use super::part::WhenRigDies;
use super::spawn::die_with_this_thread;

/// A command and what an error says about it.
pub(super) struct Step {
    /// What it does, as the subject of "failed".
    pub(super) what: String,
    /// What to do when it fails.
    pub(super) advice: &'static str,
    /// How long it may take.
    pub(super) within: Duration,
    /// Where its output is appended to.
    pub(super) log: PathBuf,
}

impl Step {
    /// Runs the command to its end; anything but exit status 0 is an error that quotes the log.
    pub(super) async fn run(&self, mut command: Command) -> Result<(), StackError> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(StackError::io(format!("open {}", self.log.display())))?;
        let errors = log.try_clone().map_err(StackError::io("open a log"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        die_with_this_thread(command.as_std_mut(), WhenRigDies::Kill);
        let program = command.as_std().get_program().to_owned();
        let mut child =
            command.kill_on_drop(true).spawn().map_err(|error| cannot_start(&program, error))?;
        match timeout(self.within, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.failed(status.to_string())),
            Ok(Err(error)) => Err(self.failed(error.to_string())),
            Err(_) => Err(self.failed(format!("no end within {:?}", self.within))),
        }
    }

    fn failed(&self, why: String) -> StackError {
        let what = format!("{} failed", self.what);
        Failure::quoting(&self.log, what, why, self.advice)
    }
}

/// Runs several at once; the first failure ends the others.
pub(super) async fn run_all(
    steps: impl IntoIterator<Item = (Step, Command)>,
) -> Result<(), StackError> {
    let mut running = JoinSet::new();
    for (step, command) in steps {
        running.spawn(async move { step.run(command).await });
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| StackError::io("run a step")(error.into()))??;
    }
    Ok(())
}

fn cannot_start(program: &OsStr, error: std::io::Error) -> StackError {
    let program = Path::new(program).display().to_string();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            StackError::Missing { program, advice: "./dev installs what is missing" }
        }
        _ => StackError::io(format!("start {program}"))(error),
    }
}
