//! The command line: one variant and one line of `run` for each verb.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::verbs::{
    alerts, bench, check, demo, drill, event, faults, fuzz, part, rush, status, test, tokens, up,
};

/// Runs Firstcome on this machine and tries it.
#[derive(Debug, Parser)]
#[command(name = "dev", disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// A rush on a stack of its own, and the verdict
    Demo(demo::Arguments),
    /// Format, lints, build, and all tests against a stack of their own
    Test(test::Arguments),
    /// Keep a stack running until Ctrl-C or ./dev down
    Up(up::Arguments),
    /// End a running stack
    Down(status::Named),
    /// Show what runs
    Status(status::Arguments),
    /// Create, list, show, open, pause or close events on a running stack, and more
    #[command(disable_help_flag = true)]
    Event(event::Arguments),
    /// Start, stop, kill, pause, resume or restart one part of a running stack
    Part(part::Arguments),
    /// Send users to a running stack, and judge what they were told
    Rush(rush::Arguments),
    /// Compare what the users of a rush were told with Redis and MySQL
    Check(check::Arguments),
    /// Break a stack of its own in many ways while users rush, and judge each round
    Faults(faults::Arguments),
    /// Throw made-up input at every parser, for longer than the tests do
    Fuzz(fuzz::Arguments),
    /// Practise what a runbook says, on a stack of its own, with the time that each step took
    Drill(drill::Arguments),
    /// Write signed tokens for many users, and the keys that an edge verifies them with
    Tokens(tokens::Arguments),
    /// Break a stack of its own, and see that the right alert says so and ends
    Alerts(alerts::Arguments),
    /// Measure what an answer costs, beside a bare server and others' ways
    Bench(bench::Arguments),
}

impl Cli {
    /// Does what was asked for; an error is told to the user in one place, `main`.
    pub(crate) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        Ok(match self.verb {
            Verb::Demo(arguments) => demo::run(arguments).await?,
            Verb::Test(arguments) => test::run(arguments).await?,
            Verb::Up(arguments) => up::run(arguments).await?,
            Verb::Down(named) => status::down(named).await?,
            Verb::Status(arguments) => status::run(arguments)?,
            Verb::Event(arguments) => event::run(arguments).await?,
            Verb::Part(arguments) => part::run(arguments).await?,
            Verb::Rush(arguments) => rush::run(arguments).await?,
            Verb::Check(arguments) => check::run(arguments).await?,
            Verb::Faults(arguments) => faults::run(arguments).await?,
            Verb::Fuzz(arguments) => fuzz::run(arguments).await?,
            Verb::Drill(arguments) => drill::run(arguments).await?,
            Verb::Tokens(arguments) => tokens::run(arguments)?,
            Verb::Alerts(arguments) => Box::pin(alerts::run(arguments)).await?,
            Verb::Bench(arguments) => Box::pin(bench::run(arguments)).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rig::written::commands;

    use super::*;

    #[test]
    fn every_line_that_a_page_prints_is_one_of_ours() {
        Cli::command().debug_assert();
        let written = commands("./dev").unwrap();
        assert!(written.len() > 10, "{written:?}");
        for line in written {
            let words = std::iter::once("dev").chain(line.words.iter().map(String::as_str));
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{}: {:?}: {error}", line.page.display(), line.words);
            }
        }
    }
}
