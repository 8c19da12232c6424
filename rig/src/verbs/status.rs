//! `./dev status` and `./dev down`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rig::stack::{Handle, StackError, Status, running_stacks, wait_until};

use super::DEFAULT_STACK;
use super::table::table;

/// All parts end within this: Kafka's 15 s and MySQL's 20 s come one after the other.
const DOWN_WITHIN: Duration = Duration::from_secs(90);

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The stack's name
    #[arg(long, visible_alias = "stack", default_value = DEFAULT_STACK)]
    name: String,
}

impl Named {
    /// The stack; where only one runs, its name need not be given.
    pub(crate) fn handle(&self) -> Result<Handle, StackError> {
        Handle::named(&self.name)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    named: Named,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Shows what runs.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, StackError> {
    let handle = arguments.named.handle()?;
    let status = handle.status();
    let text = if arguments.json { json(status) } else { text(status)? };
    // Whoever reads only the first lines has seen enough.
    let _ = writeln!(io::stdout(), "{text}");
    Ok(ExitCode::SUCCESS)
}

fn json(status: &Status) -> String {
    serde_json::to_string_pretty(status).expect("a status has only strings and numbers")
}

fn text(status: &Status) -> Result<String, StackError> {
    let mut text =
        format!("stack {} in {}\n\n{}", status.name, status.directory.display(), table(status));
    for (name, directory) in running_stacks()? {
        if name != status.name {
            text += &format!("also running: stack {name} in {}\n", directory.display());
        }
    }
    Ok(text)
}

/// Ends a stack and waits until it has ended.
pub(crate) async fn down(named: Named) -> Result<ExitCode, StackError> {
    let handle = named.handle()?;
    let name = handle.status().name.clone();
    handle.shut_down().await?;
    let ended = wait_until(DOWN_WITHIN, "the end of the stack", || async {
        let running = running_stacks().map_err(|error| error.to_string())?;
        if running.iter().any(|(running, _)| *running == name) {
            Err("it still runs".to_owned())
        } else {
            Ok(())
        }
    });
    ended
        .await
        .map_err(|late| StackError::Refused { part: name.clone(), why: late.to_string() })?;
    println!("stack {name} has ended");
    Ok(ExitCode::SUCCESS)
}
