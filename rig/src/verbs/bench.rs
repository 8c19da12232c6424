//! `./dev bench`: what an answer costs, beside what bounds it and what others do.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rig::bench::{self, Effort, Selection, table};
use rig::stack::{Stack, StackOptions};

use super::told::Told;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Three short rounds over 64 connections, smaller rushes
    #[arg(long)]
    quick: bool,
    /// Only this row; may be given several times
    #[arg(long, value_name = "ROW")]
    only: Vec<String>,
    /// How often each row is measured
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=50))]
    rounds: Option<u16>,
    /// How many seconds each time
    #[arg(long, value_parser = seconds)]
    window: Option<Duration>,
    /// Write the figures as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

/// One edge under load at a time, one persister: a second one would only cost CPU.
const PARTS_OF_A_KIND: u16 = 1;

impl Arguments {
    fn effort(&self) -> Effort {
        let usual = if self.quick { Effort::quick() } else { Effort::full() };
        Effort {
            rounds: self.rounds.unwrap_or(usual.rounds),
            window: self.window.unwrap_or(usual.window),
            ..usual
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    if (0.1..=600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("from 0.1 to 600".to_owned())
    }
}

/// Starts a stack, measures, ends it. Exit code 1 where a row has no figures because a round erred.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let selection = Selection::of(&arguments.only)?;
    let mut told = Told::listen()?;
    let mut options = StackOptions::new(format!("bench-{}", std::process::id()));
    (options.edges, options.persisters) = (PARTS_OF_A_KIND, PARTS_OF_A_KIND);
    let Some(stack) = told.unless(Stack::start(options)).await.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    let measured = told.unless(Box::pin(measure_on(&stack, &selection, &arguments))).await;
    if matches!(measured, Some(Err(_))) {
        eprintln!("logs of the stack are kept in {}", stack.keep_logs()?.display());
    }
    eprintln!("ending the stack");
    told.unless(stack.stop()).await.transpose()?;
    measured.unwrap_or(Ok(ExitCode::FAILURE))
}

async fn measure_on(
    stack: &Stack,
    selection: &Selection,
    arguments: &Arguments,
) -> Result<ExitCode, Box<dyn Error>> {
    let report = Box::pin(bench::run(stack, selection, &arguments.effort())).await?;
    println!("{}", table(&report));
    if let Some(path) = &arguments.report {
        report.write(path)?;
    }
    Ok(if report.erred() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
