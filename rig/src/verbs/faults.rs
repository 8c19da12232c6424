//! `./dev faults`: the real system is broken on purpose, heals, and is judged.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use rig::faults::kind::{self, Needs};
use rig::faults::seeds::Deal;
use rig::faults::summary::{Ended, Line, Summary};
use rig::faults::{Kind, Play, Without, keep, play, programs, why_not};
use rig::stack::{Stack, StackError, StackOptions, repository_root};

use super::test::cargo;
use super::told::Told;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these kinds; --kind help lists them [default: all]
    #[arg(long, value_delimiter = ',')]
    kind: Vec<String>,
    /// Kinds, moments and crowds are drawn from it [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds [default: each kind once, or as many as --minutes allow]
    #[arg(long)]
    rounds: Option<u64>,
    /// No round begins after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// Take a safety step out, and play what shows it to be needed: the run is expected to fail
    #[arg(long)]
    without: Option<Without>,
    /// Write what came out as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

/// The exit code where a kind was named that cannot be played here.
pub(super) const CANNOT: u8 = 2;

/// When there are rounds enough.
struct Enough {
    rounds: Option<u64>,
    until: Option<Instant>,
}

impl Enough {
    fn of(arguments: &Arguments, kinds: usize) -> Self {
        let minutes = arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        let all = minutes.is_none().then_some(kinds as u64);
        Self {
            rounds: arguments.rounds.or(all),
            until: minutes.map(|minutes| Instant::now() + minutes),
        }
    }

    fn reached(&self, rounds: u64) -> bool {
        self.rounds.is_some_and(|most| rounds >= most)
            || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// Plays rounds; exit code 1 when one failed.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut kinds = match chosen(&arguments.kind) {
        Ok(kinds) => kinds,
        Err(name) => {
            println!("kinds:\n{}", kind::listed());
            if name == "help" {
                return Ok(ExitCode::SUCCESS);
            }
            eprintln!("error: no kind is named {name:?}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut summary = Summary::default();
    kinds.retain(|kind| match why_not(kind, arguments.without) {
        None => true,
        Some(why) => {
            summary.not_played.insert(kind.name, why);
            false
        }
    });
    if !arguments.kind.is_empty() && !summary.not_played.is_empty() {
        eprintln!("error: cannot be played: {}", listed(&summary.not_played));
        return Ok(ExitCode::from(CANNOT));
    }
    if !summary.not_played.is_empty() && arguments.without.is_none() {
        println!("not played here: {}", listed(&summary.not_played));
    }
    let mut told = Told::listen()?;
    if kinds.iter().any(|kind| matches!(kind.needs, Needs::Failpoints(_)))
        && !cargo(programs::cargo_arguments()?, None).await?
    {
        return Ok(ExitCode::FAILURE);
    }
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let enough = Enough::of(&arguments, kinds.len());
    println!("seed {seed}, {} kinds", kinds.len());
    let run = Run { without: arguments.without, report: arguments.report, enough };
    let ended = told.unless(run.rounds(Deal::new(kinds, seed), &mut summary)).await;
    summary.end(match &ended {
        None => Ended::Interrupted,
        Some(Ok(())) => Ended::Complete,
        Some(Err(error)) => Ended::Failed(error.to_string()),
    });
    println!("\n{}", summary.table());
    run.write(&summary)?;
    ended.transpose()?;
    Ok(if summary.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The kinds of these names, all where there are none; or the first name that is no kind's.
fn chosen(names: &[String]) -> Result<Vec<&'static Kind>, &str> {
    if names.is_empty() {
        return Ok(kind::all().collect());
    }
    names.iter().map(|name| kind::named(name).ok_or(name.as_str())).collect()
}

/// Kinds, with why they are not played.
fn listed(not_played: &BTreeMap<&'static str, String>) -> String {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, why) in not_played {
        by_reason.entry(why).or_default().push(kind);
    }
    let lines = by_reason.into_iter().map(|(why, kinds)| format!("{} ({why})", kinds.join(", ")));
    lines.collect::<Vec<_>>().join("; ")
}

/// How rounds are played, and for how long.
struct Run {
    without: Option<Without>,
    report: Option<PathBuf>,
    enough: Enough,
}

impl Run {
    /// One stack for many rounds; another one after a round that failed.
    async fn rounds(&self, mut deal: Deal, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
        let mut stack: Option<Stack> = None;
        while !self.enough.reached(summary.rounds.len() as u64) {
            let Some((kind, seed)) = deal.next_round() else {
                break;
            };
            let on = match stack.take() {
                Some(stack) => stack,
                None => start().await?,
            };
            let line = round(&on, kind, Play { seed, without: self.without }).await?;
            let passed = line.wrong.is_empty();
            summary.add(line);
            // What comes after it may fail, or be killed.
            self.write(summary)?;
            if passed {
                stack = Some(on);
            } else {
                on.stop().await?;
            }
        }
        if let Some(stack) = stack {
            stack.stop().await?;
        }
        Ok(())
    }

    fn write(&self, summary: &Summary) -> Result<(), String> {
        let Some(path) = &self.report else {
            return Ok(());
        };
        summary.write(path).map_err(|error| format!("{}: {error}", path.display()))
    }
}

async fn start() -> Result<Stack, StackError> {
    Stack::start(StackOptions::new(format!("faults-{}", std::process::id()))).await
}

async fn round(stack: &Stack, kind: &'static Kind, drawn: Play) -> Result<Line, Box<dyn Error>> {
    let handle = stack.handle();
    let history = handle.status().directory.join("history");
    let outcome = play(&handle, kind, drawn, &history).await;
    let more = match drawn.without {
        Some(Without::RedisWait) => " --without redis-wait",
        None => "",
    };
    let line = Line::new(kind, drawn.seed, &outcome, more);
    println!("{}", line.text());
    if !outcome.passes() {
        let kept = keep::keep(&kept_in(), &handle, &line, &outcome, &history)?;
        println!(
            "  {}\n  kept in {}\n  again: {}",
            line.wrong.join("\n  "),
            kept.display(),
            line.again
        );
    }
    Ok(line)
}

/// Where failed rounds are kept.
pub(super) fn kept_in() -> PathBuf {
    Path::new(repository_root()).join("target/faults")
}
