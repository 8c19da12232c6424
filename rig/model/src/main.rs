//! `model`: checks the protocol, or shows what breaks without one of its steps.

use std::process::ExitCode;

use clap::Parser;
use model::bound::Bound;
use model::bounds::{DEEP, QUICK};
use model::invariants::Set;
use model::machine::{Found, Protocol};
use model::removals::{self, NOTHING_FOUND, Removal};
use model::steps::{ALL, Step, Steps};
use model::trace;

/// States generated at most by one search, repeats included: about 4 GB.
const LIMIT: usize = 60_000_000;

/// Explores every interleaving of the protocol within bounds.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Shows the shortest way to a broken invariant without these steps (see --list).
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = parse_step)]
    without: Vec<Step>,
    /// Lists the steps, why each is there, and what breaks without it.
    #[arg(long)]
    list: bool,
    /// Searches the larger bounds, too: minutes, and more than a gigabyte.
    #[arg(long)]
    deep: bool,
    /// Searches only the bound of this name.
    #[arg(long, value_name = "NAME")]
    bound: Option<String>,
    /// States that one search generates at most, repeats included.
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: usize,
    /// Threads; with more than one a counterexample may not be the shortest.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

fn parse_step(name: &str) -> Result<Step, UnknownStep> {
    Step::named(name).ok_or(UnknownStep)
}

/// Not a step of the protocol.
#[derive(Debug, thiserror::Error)]
#[error("no such step; --list names them")]
struct UnknownStep;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        ExitCode::SUCCESS
    } else if arguments.without.is_empty() {
        check_all(&arguments)
    } else {
        show_without(&arguments)
    }
}

fn bounds(arguments: &Arguments) -> Vec<Bound> {
    let deep = if arguments.deep || arguments.bound.is_some() { DEEP } else { &[] };
    let wanted = |bound: &&Bound| arguments.bound.as_deref().is_none_or(|name| name == bound.name);
    QUICK.iter().chain(deep).filter(wanted).copied().collect()
}

fn check_all(arguments: &Arguments) -> ExitCode {
    let (mut searched, mut sound) = (0, true);
    for bound in bounds(arguments) {
        let protocol = Protocol { bound, steps: Steps::all(), watch: Set::ALL };
        let found = protocol.search(arguments.threads, arguments.limit);
        println!("{}", figures(&bound, &found));
        if let Some(counterexample) = &found.counterexample {
            println!("{}", trace::story(counterexample));
        }
        searched += 1;
        sound &= found.counterexample.is_none();
    }
    println!("{searched} bounds searched, {}", if sound { "no violation" } else { "VIOLATION" });
    if sound && searched > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn figures(bound: &Bound, found: &Found) -> String {
    format!(
        "{:<20} {:>9} states, depth {:>2}, {:>5.1} s, {}",
        bound.name,
        found.states,
        found.depth,
        found.took.as_secs_f32(),
        match (&found.counterexample, found.whole) {
            (Some(counterexample), _) => format!("breaks {:?}", counterexample.invariant),
            (None, true) => "all seen, no violation".to_owned(),
            (None, false) => "no violation up to the limit".to_owned(),
        }
    )
}

fn show_without(arguments: &Arguments) -> ExitCode {
    let steps = Steps::without(&arguments.without);
    for step in &arguments.without {
        println!("without {}: {}", step.name(), step.why());
    }
    let known = removals::of(&arguments.without).map(|removal| removal.breaks);
    let searches: Vec<Protocol> = match known {
        Some(breaks) if arguments.bound.is_none() => breaks
            .iter()
            .map(|(invariant, bound)| Protocol {
                bound: *bound,
                steps,
                watch: Set::only(*invariant),
            })
            .collect(),
        _ => bounds(arguments)
            .into_iter()
            .map(|bound| Protocol { bound, steps, watch: Set::ALL })
            .collect(),
    };
    let mut any = false;
    for protocol in searches {
        let found = protocol.search(arguments.threads, arguments.limit);
        println!("\n{}", figures(&protocol.bound, &found));
        if let Some(counterexample) = &found.counterexample {
            println!("{}", trace::story(counterexample));
            any = true;
        }
    }
    if !any {
        println!("nothing found");
    }
    ExitCode::SUCCESS
}

fn list() {
    for (step, name, why) in ALL {
        let alone = NOTHING_FOUND.iter().find(|(its, _)| its == step);
        let verdict = match (removals::of(&[*step]), alone) {
            (Some(removal), _) => format!("breaks {}", broken(removal)),
            (None, Some((_, note))) => format!("nothing found alone: {note}"),
            (None, None) => "not tried".to_owned(),
        };
        println!("{name:<26} {why}\n{:<26} without it: {verdict}", "");
    }
    for removal in removals::BREAKING.iter().filter(|removal| removal.steps.len() > 1) {
        let names: Vec<_> = removal.steps.iter().map(|step| step.name()).collect();
        println!("{}\n{:<26} without both: breaks {}", names.join(","), "", broken(removal));
    }
}

fn broken(removal: &Removal) -> String {
    let mut names: Vec<_> =
        removal.breaks.iter().map(|(invariant, _)| format!("{invariant:?}")).collect();
    names.dedup();
    names.join(", ")
}
