//! `./dev rush`: users against a running stack, and the verdict.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use contract::ids::EventId;
use rig::check::{SETTLE_WITHIN, Sources};
use rig::rush::{Display, Plan, Through, Wanted, drive};
use rig::stack::Handle;

use super::DEFAULT_STACK;
use super::told::Told;
use super::verdict::{conclude, history_path, judge};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The stack's name
    #[arg(long, visible_alias = "name", default_value = DEFAULT_STACK)]
    stack: String,
    #[command(flatten)]
    crowd: Crowd,
    /// An event that is there already; --stock is then what it has [default: a new one]
    #[arg(long, conflicts_with = "stock")]
    event: Option<EventId>,
    /// Requests of a user for one definite answer, at most
    #[arg(long, default_value_t = 100)]
    attempts: u16,
    /// Seconds that a user waits for one
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// The same seed gives the same crowd [default: another one each time]
    #[arg(long)]
    seed: Option<u32>,
    /// Where to write what was asked and answered [default: target/rush/history]
    #[arg(long)]
    history: Option<PathBuf>,
}

/// What a rush and the demo have in common.
#[derive(Debug, Args)]
pub(crate) struct Crowd {
    /// Users
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Coupons
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    stock: u64,
    /// Connections that the users share
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=8_192))]
    connections: u16,
    /// Users of a hundred who ask twice at once, and again later
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(..=100))]
    duplicates: u8,
    /// Requests that such a user has in flight at once, at most
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=16))]
    at_once: u8,
    /// Which way they go
    #[arg(long, default_value = "nginx")]
    through: Way,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// Through NGINX, as clients do
    Nginx,
    /// To the edges, in turn
    Edge,
}

impl Crowd {
    /// The plan of a rush for an event that is made for it.
    pub(crate) fn plan(&self, event: EventId, seed: u32, history: PathBuf) -> Plan {
        Plan {
            connections: usize::from(self.connections),
            duplicates_percent: self.duplicates,
            at_once: self.at_once,
            through: match self.through {
                Way::Nginx => Through::Nginx,
                Way::Edge => Through::Edges,
            },
            seed: u64::from(seed),
            ..Plan::new(self.users, event, self.stock, history)
        }
    }
}

/// Rushes and judges; told to end, it stops at once and judges nothing.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let stack = Handle::named(&arguments.stack)?;
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let event: EventId = match &arguments.event {
        Some(event) => event.clone(),
        None => format!("rush-{seed:x}-{}", std::process::id()).parse()?,
    };
    let mut plan =
        arguments.crowd.plan(event.clone(), seed, history_path(arguments.history.clone()));
    plan.tries = arguments.attempts;
    plan.patience = Duration::from_secs(arguments.patience);
    if arguments.event.is_some() {
        plan.wanted = Wanted::Existing(event);
    }
    let report = arguments.crowd.report.as_deref();
    let ended = Told::listen()?.unless(rush(&stack, &plan, report)).await;
    ended.unwrap_or(Ok(ExitCode::FAILURE))
}

/// The rush itself, from the event to the verdict.
pub(crate) async fn rush(
    stack: &Handle,
    plan: &Plan,
    report: Option<&std::path::Path>,
) -> Result<ExitCode, Box<dyn Error>> {
    let rush = plan.prepare(stack).await?;
    println!(
        "{} users ask for {} coupons of {} over {} connections {}; {} % ask more than once \
         (seed {})",
        plan.users,
        rush.header.stock,
        rush.header.event,
        plan.connections,
        match plan.through {
            Through::Nginx => "through NGINX",
            Through::Edges => "to the edges",
        },
        plan.duplicates_percent,
        plan.seed
    );
    let mut sources = Sources::of(stack).await?;
    drive(rush, &mut sources.mysql, Display::of_stdout()).await?;
    let (mut verdict, history) = judge(&plan.history, &mut sources, SETTLE_WITHIN).await?;
    verdict.demand_answers(&history);
    conclude(&verdict, &history, report)
}
