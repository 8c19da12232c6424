//! What reconcile costs Redis while claims come: CPU of master and replica for a claim, without a run
//! and with one that walks as the leader's own ones do, through an event of many winners on the same
//! shard.
//!
//! A run of the leader's does not begin where a shard is in a rush; one that is under way when a rush
//! comes goes on. This is what that one costs.

use std::process::Stdio;
use std::time::Duration;

use contract::event::Confirm;
use contract::ids::EventId;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::time::{Instant, timeout};

use super::cpu;
use super::error::BenchError;
use super::figures::{RowReport, median, spread};
use super::ground::{Carried, ENDLESS, Ground};
use super::growth::sell_out;
use super::open_loop::OpenLoop;
use super::plan::Effort;
use crate::faults::command::redis_cli;
use crate::stack::wait_until;

/// Claims a second: what two cores answer with everything at work, so that no queue forms.
const PER_S: u32 = 4_000;
/// Connections.
const CONNECTIONS: u16 = 64;
/// A claim costs Redis some 30 µs and a clock tick is 10 ms, so a window here lasts so many of the
/// usual ones.
const WINDOWS: u32 = 5;
/// Names that are tried for an event on the shard of the winners; it has a third of all.
const NAMES_TRIED: u16 = 64;
/// A run that was begun has waited for what was on its way, and walks, within this.
const WALKS_WITHIN: Duration = Duration::from_secs(60);
/// For one that is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A round.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Round {
    /// Microseconds of master and replica a claim.
    without_us: f64,
    /// The same beside a run.
    with_us: f64,
    /// Pages of winners that the run looked at, a second.
    pages_per_s: f64,
}

/// The two events.
struct Events {
    /// Many winners, reconciled.
    winners: Carried,
    /// Claimed.
    claimed: EventId,
}

/// Its row.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    eprintln!("reconcile: {} winners", effort.reconciled);
    let winners = ground.create("bench-reconciled", effort.reconciled, Confirm::Replica).await?;
    Box::pin(sell_out(ground, &winners, effort.reconciled)).await?;
    let claimed = Box::pin(beside(ground, &winners)).await?;
    let events = Events { winners, claimed };
    let (mut rounds, mut errors) = (Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        eprintln!("round {number}: reconcile");
        let round = Box::pin(round(ground, effort, &events, number)).await;
        match round.map(Ok).or_else(BenchError::of_window)? {
            Ok(round) => rounds.push(round),
            Err(why) => errors.push(format!("round {number}: {why}")),
        }
    }
    Ok(vec![report(&rounds, errors)])
}

/// An event whose stock never ends on the same shard.
async fn beside(ground: &Ground<'_>, other: &Carried) -> Result<EventId, BenchError> {
    for number in 0..NAMES_TRIED {
        let event: EventId = format!("bench-beside-{number}").parse()?;
        if ground.shard(&event).await? == other.shard {
            return Ok(ground.create(event.as_str(), ENDLESS, Confirm::Replica).await?.event);
        }
    }
    Err(BenchError::Silent(format!("no name for an event on {}", other.shard.master)))
}

/// Both windows; which of them comes first changes from round to round.
async fn round(
    ground: &mut Ground<'_>,
    effort: &Effort,
    events: &Events,
    number: u16,
) -> Result<Round, BenchError> {
    let (without_us, (with_us, pages_per_s)) = if number.is_multiple_of(2) {
        let with = Box::pin(beside_a_run(ground, effort, events)).await?;
        (Box::pin(window(ground, effort, events)).await?, with)
    } else {
        let without = Box::pin(window(ground, effort, events)).await?;
        (without, Box::pin(beside_a_run(ground, effort, events)).await?)
    };
    Ok(Round { without_us, with_us, pages_per_s })
}

/// A window while a run walks, and the pages that it looked at, a second.
async fn beside_a_run(
    ground: &mut Ground<'_>,
    effort: &Effort,
    events: &Events,
) -> Result<(f64, f64), BenchError> {
    let mut run = Box::pin(begin(ground, events)).await?;
    let (began, before) = (Instant::now(), pages(ground, events).await?);
    let with = Box::pin(window(ground, effort, events)).await;
    let walked = pages(ground, events).await? - before;
    let pages_per_s = walked as f64 / began.elapsed().as_secs_f64();
    still_running(&mut run).await?;
    run.kill().await.map_err(BenchError::io("end reconcile"))?;
    Ok((with?, pages_per_s))
}

/// Claims for a while, and what each cost the shard, in microseconds.
async fn window(
    ground: &mut Ground<'_>,
    effort: &Effort,
    events: &Events,
) -> Result<f64, BenchError> {
    let open_loop = OpenLoop {
        target: ground.edge()?.address,
        event: events.claimed.clone(),
        crowd: ground.crowd(),
        per_s: PER_S,
        connections: CONNECTIONS,
        lasts: effort.window * WINDOWS,
        status: 200,
    };
    let status = ground.status();
    let before = cpu::times(status.parts.iter());
    let run = tokio::task::spawn_blocking(move || open_loop.run()).await;
    let spent = cpu::spent(&before, &cpu::times(status.parts.iter()));
    // The rows of this window are none of the next one's business.
    ground.settled().await?;
    let claims = run.unwrap_or_else(|error| Err(error.to_string())).map_err(BenchError::Silent)?;
    let shard = &events.winners.shard;
    let us: f64 = [&shard.master, &shard.replica].into_iter().filter_map(|it| spent.get(it)).sum();
    Ok(us / claims.len() as f64)
}

/// Begins a run, as slow as the leader's own ones; returns when it walks.
async fn begin(ground: &Ground<'_>, events: &Events) -> Result<Child, BenchError> {
    let before = pages(ground, events).await?;
    let event = events.winners.event.as_str();
    let mut command =
        ground.handle().persister_command(&["reconcile", "--gently", "--event", event])?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().map_err(BenchError::io("start reconcile"))?;
    let walks = wait_until(WALKS_WITHIN, "a run that walks", || async {
        match pages(ground, events).await {
            Ok(now) if now > before => Ok(()),
            Ok(_) => Err("it has looked at nothing".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    let walks = walks.await;
    still_running(&mut run).await?;
    walks?;
    Ok(run)
}

/// What ended says why; a window beside nothing is worthless.
async fn still_running(run: &mut Child) -> Result<(), BenchError> {
    if run.try_wait().map_err(BenchError::io("look at reconcile"))?.is_none() {
        return Ok(());
    }
    let said = timeout(ENDS_WITHIN, said(run)).await.unwrap_or_default();
    Err(BenchError::Silent(format!("reconcile ended: {said}")))
}

async fn said(run: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stdout) = &mut run.stdout {
        let _ = stdout.read_to_string(&mut text).await;
    }
    if let Some(stderr) = &mut run.stderr {
        let _ = stderr.read_to_string(&mut text).await;
    }
    text.trim().to_owned()
}

/// Pages of hashes that the shard's master has brought since its start.
async fn pages(ground: &Ground<'_>, events: &Events) -> Result<u64, BenchError> {
    let status = ground.status();
    let master = status.part(&events.winners.shard.master)?.address;
    let info = redis_cli(master, &["INFO", "commandstats"]).await?;
    Ok(calls(&info, "hscan"))
}

fn calls(info: &str, command: &str) -> u64 {
    let name = format!("cmdstat_{command}:calls=");
    let line = info.lines().find_map(|line| line.strip_prefix(name.as_str()));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// Medians of the rounds, and of the ratio within each.
fn report(rounds: &[Round], errors: Vec<String>) -> RowReport {
    let mut row = RowReport {
        name: "reconcile".to_owned(),
        connections: CONNECTIONS,
        errors,
        ..RowReport::default()
    };
    if !row.errors.is_empty() {
        return row;
    }
    let of = |value: fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(value).collect() };
    let ratio = |round: &Round| round.with_us / round.without_us;
    let figures = [
        ("redis_without_us", median(of(|round| round.without_us))),
        ("redis_with_us", median(of(|round| round.with_us))),
        ("redis_ratio", median(of(ratio))),
        ("redis_ratio_spread", spread(of(ratio))),
        ("pages_a_second", median(of(|round| round.pages_per_s))),
    ];
    row.figures
        .extend(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(without_us: f64, with_us: f64) -> Round {
        Round { without_us, with_us, pages_per_s: 10.0 }
    }

    #[test]
    fn the_ratio_is_one_within_a_round() {
        let row = report(&[round(20.0, 21.0), round(40.0, 40.4), round(30.0, 36.0)], Vec::new());
        assert_eq!((row.figures["redis_ratio"], row.figures["redis_without_us"]), (1.05, 30.0));
        assert_eq!(row.figures["pages_a_second"], 10.0);
    }

    #[test]
    fn a_round_that_erred_takes_all_figures() {
        let row = report(&[round(20.0, 21.0)], vec!["round 2: reconcile ended: ".to_owned()]);
        assert!(row.figures.is_empty(), "{row:?}");
    }

    #[test]
    fn calls_of_a_command_are_counted() {
        let info =
            "# Commandstats\r\ncmdstat_hscan:calls=42,usec=9\r\ncmdstat_hset:calls=7,usec=1\r\n";
        assert_eq!((calls(info, "hscan"), calls(info, "sscan")), (42, 0));
    }
}
