//! `./dev check`: what the users of a rush were told, against Redis and MySQL.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use contract::ids::EventId;
use rig::check::{SETTLE_WITHIN, Sources};
use rig::stack::Handle;

use super::DEFAULT_STACK;
use super::verdict::{conclude, history_path, judge};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The stack's name
    #[arg(long, visible_alias = "name", default_value = DEFAULT_STACK)]
    stack: String,
    /// The history of the rush [default: target/rush/history]
    #[arg(long)]
    history: Option<PathBuf>,
    /// The event that the history must be about
    #[arg(long)]
    event: Option<EventId>,
    /// Seconds that what is on its way to MySQL may take to arrive
    #[arg(long, default_value_t = SETTLE_WITHIN.as_secs())]
    settle: u64,
    /// Write the outcome as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Judges. Claims may be unknown: parts may have been broken during the rush.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let stack = Handle::named(&arguments.stack)?;
    let path = history_path(arguments.history);
    let settle = Duration::from_secs(arguments.settle);
    let mut sources = Sources::of(&stack).await?;
    let (verdict, history) = judge(&path, &mut sources, settle).await?;
    if let Some(event) = arguments.event
        && event != history.header.event
    {
        return Err(format!("{} is about {}", path.display(), history.header.event).into());
    }
    conclude(&verdict, &history, arguments.report.as_deref())
}
