//! `./dev part NAME ACTION`: one part of a running stack.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rig::stack::{Action, StackError};

use super::status::Named;

/// A Redis node that was a master waits up to 30 s for its replica.
const READY_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Its name, as ./dev status shows it
    part: String,
    /// What to do with it
    action: Action,
    #[command(flatten)]
    named: Named,
}

/// Does it; where the part should serve afterwards, waits until it does.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StackError> {
    let handle = arguments.named.handle()?;
    let part = &arguments.part;
    handle.act(part, arguments.action).await?;
    match arguments.action {
        Action::Start | Action::Restart | Action::Resume | Action::Kill => {
            handle.ready(part, READY_WITHIN).await?;
            println!("{part} is ready");
        }
        Action::Stop | Action::KillStayDown => println!("{part} is down"),
        Action::Pause => println!("{part} is paused"),
    }
    Ok(ExitCode::SUCCESS)
}
