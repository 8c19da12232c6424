//! `./dev drill`: what a runbook says is practised on a stack of its own.

use std::error::Error;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rig::faults::summary::Line;
use rig::faults::{DRILL, Kind, Outcome, Play, keep, kind, play, why_not};
use rig::stack::{Handle, Stack, StackOptions};

use super::faults::{CANNOT, kept_in};
use super::told::Told;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    drill: Drill,
}

#[derive(Debug, Subcommand)]
enum Drill {
    /// The database is lost in a rush and comes back from a dump: ops/runbooks/restoring.md
    Restore {
        /// Moments and crowd are drawn from it [default: another one each time]
        #[arg(long)]
        seed: Option<u64>,
    },
}

/// Starts a stack, plays, tells each step, and ends the stack; exit code 1 where the verdict is not
/// a pass.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Drill::Restore { seed } = arguments.drill;
    let kind = kind::named(DRILL).ok_or("the drill's kind is not in the table")?;
    if let Some(why) = why_not(kind, None) {
        eprintln!("error: cannot be played: {why}");
        return Ok(ExitCode::from(CANNOT));
    }
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("seed {seed}: {}", kind.about);
    let mut told = Told::listen()?;
    let start = Stack::start(StackOptions::new(format!("drill-{}", std::process::id())));
    let Some(stack) = told.unless(start).await.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    let history = stack.handle().status().directory.join("history");
    let handle = stack.handle();
    let played = play(&handle, kind, Play { seed, without: None }, &history);
    let passed = match told.unless(played).await {
        None => false,
        Some(outcome) => {
            tell(&outcome);
            if !outcome.passes() {
                keep_what_failed(&handle, kind, seed, &outcome)?;
            }
            outcome.passes()
        }
    };
    eprintln!("ending the stack");
    told.unless(stack.stop()).await.transpose()?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Seconds since the drill began, and what had been done by then.
fn tell(outcome: &Outcome) {
    outcome.said.iter().for_each(|step| println!("  {step}"));
    if let Some(verdict) = &outcome.verdict {
        println!("\n{verdict}");
    }
    outcome.problems.iter().for_each(|problem| println!("problem: {problem}"));
    println!("{:.1} s in all", outcome.took.as_secs_f64());
}

fn keep_what_failed(
    stack: &Handle,
    kind: &Kind,
    seed: u64,
    outcome: &Outcome,
) -> Result<(), Box<dyn Error>> {
    let line = Line::new(kind, seed, outcome, "");
    let history = stack.status().directory.join("history");
    let kept = keep::keep(&kept_in(), stack, &line, outcome, &history)?;
    println!("kept in {}\nagain: ./dev drill restore --seed {seed}", kept.display());
    Ok(())
}
