//! `./dev event …`: the persister's own command line, against a running stack.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use rig::stack::{Handle, StackError};

use super::DEFAULT_STACK;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The stack's name; goes before the rest
    #[arg(long, visible_alias = "name", default_value = DEFAULT_STACK)]
    stack: String,
    /// What the persister is told: create, list, show, open, pause, close and more; --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Runs it with its output and exit code as they are.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StackError> {
    let handle = Handle::named(&arguments.stack)?;
    let words: Vec<OsString> =
        [OsString::from("event")].into_iter().chain(arguments.rest).collect();
    let mut command = handle.persister_command(&words)?;
    let status = command.status().await.map_err(StackError::io("run the persister"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
