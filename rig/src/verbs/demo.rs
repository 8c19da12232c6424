//! `./dev demo`: the whole system, a rush on it, and the verdict.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rig::stack::{Stack, StackOptions};

use super::operators;
use super::rush::{Crowd, rush};
use super::table::table;
use super::told::Told;
use super::verdict::history_path;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    crowd: Crowd,
    /// The same seed gives the same crowd
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Keep the stack running afterwards, until Ctrl-C or ./dev down --name demo
    #[arg(long)]
    keep: bool,
}

/// The stack's name; another demo may not run beside it, a stack of ./dev up may.
const NAME: &str = "demo";

/// Starts a stack, rushes, judges, and ends the stack. Ctrl-C ends it in order.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut told = Told::listen()?;
    let start = Stack::start(StackOptions::new(NAME));
    let Some(stack) = told.unless(start).await.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    if arguments.keep {
        println!("{}", operators::lines(&stack.handle())?);
    }
    let history = history_path(None);
    let judged = told.unless(rush_on(&stack, &arguments, history.clone())).await;
    let passed = matches!(judged, Some(Ok(code)) if code == ExitCode::SUCCESS);
    if judged.is_some() {
        println!("\nhistory of every request and answer: {}", history.display());
        if !passed {
            println!("logs of all parts: {}", stack.keep_logs()?.display());
        }
        println!("{NEXT}");
        if arguments.keep {
            println!("{}\n{}", table(&stack.status()), operators::lines(&stack.handle())?);
            println!("the stack {NAME} keeps running: Ctrl-C or ./dev down --name {NAME} ends it");
            tokio::select! {
                () = told.signalled() => {}
                () = stack.shutdown_requested() => {}
            }
        }
    }
    eprintln!("ending the stack");
    told.unless(stack.stop()).await.transpose()?;
    judged.unwrap_or(Ok(ExitCode::FAILURE))
}

async fn rush_on(
    stack: &Stack,
    arguments: &Arguments,
    history: PathBuf,
) -> Result<ExitCode, Box<dyn Error>> {
    let plan = arguments.crowd.plan(NAME.parse()?, arguments.seed, history);
    rush(&stack.handle(), &plan, arguments.crowd.report.as_deref()).await
}

const NEXT: &str = "\
where to look next: ARCHITECTURE.md walks a claim through file by file; ./dev up keeps a stack
running, with curl lines to try; ./dev rush --help for other crowds";
