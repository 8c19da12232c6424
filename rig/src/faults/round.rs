//! One round: an event, a rush, a fault, healing, and the checker's word.

use std::path::Path;
use std::time::Duration;

use contract::event::Confirm;
use contract::ids::{CouponId, EventId};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::demands::unmet;
use super::error::FaultError;
use super::heal::{Silence, silence};
use super::kind::Kind;
use super::operation::Done;
use super::scene::{BACK_WITHIN, Scene, Stage, Without};
use crate::check::mysql::Mysql;
use crate::check::{History, Sources, Verdict};
use crate::rush::operation::Operated;
use crate::rush::{Display, Notes, Plan, Rush, RushError, Through, drive_beside};
use crate::stack::{Action, Handle, PartKind, PartState, Status};

/// Users of a hundred who ask more than once.
const DUPLICATES_PERCENT: u8 = 20;
/// Connections that the users share: more than arrive within a claim's deadline, so that a shard
/// that hangs does not keep others out.
const CONNECTIONS: usize = 256;
/// How long a user waits for a definite answer: longer than any fault lasts.
const PATIENCE: Duration = Duration::from_secs(90);
/// Requests of a user for one: within the patience about as many fit.
const TRIES: u16 = 400;
/// After the rush, for what is on its way: a relay, a persister that takes over, a re-arm.
const SETTLE_WITHIN: Duration = Duration::from_secs(60);

/// What came of a round.
#[derive(Debug)]
pub struct Outcome {
    /// When wins were told.
    pub confirm: Confirm,
    /// Which way users came.
    pub through: Through,
    /// For how long nothing new came, and how long claims waited.
    pub silence: Silence,
    /// The checker's word; `None` where there is none.
    pub verdict: Option<Verdict>,
    /// Claims that got no definite answer.
    pub unknown: u64,
    /// Different coupons that were told.
    pub told: u64,
    /// What is wrong besides.
    pub problems: Vec<String>,
    /// What the kind did, and when.
    pub said: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Nothing is broken, and everything is whole again.
    pub fn passes(&self) -> bool {
        self.problems.is_empty() && self.verdict.as_ref().is_some_and(Verdict::passes)
    }

    /// All that is wrong, a line each.
    pub fn wrong(&self) -> Vec<String> {
        let found = self.verdict.iter().flat_map(|verdict| verdict.findings.named());
        self.problems.iter().cloned().chain(found.map(ToString::to_string)).collect()
    }
}

/// What a round is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Play {
    /// The same kind and seed draw the same.
    pub seed: u64,
    /// What is taken out.
    pub without: Option<Without>,
}

/// Plays a round; the history is written to `history`.
pub async fn play(stack: &Handle, kind: &Kind, play: Play, history: &Path) -> Outcome {
    let began = Instant::now();
    let mut chance = SmallRng::seed_from_u64(play.seed);
    let confirm = if chance.random() { Confirm::Replica } else { Confirm::Log };
    let through = if chance.random() { Through::Nginx } else { Through::Edges };
    let mut outcome = Outcome {
        confirm: kind.confirm.unwrap_or(confirm),
        through: kind.through.unwrap_or(through),
        silence: Silence::default(),
        verdict: None,
        unknown: 0,
        told: 0,
        problems: Vec::new(),
        said: Vec::new(),
        took: Duration::ZERO,
    };
    if let Err(error) = go(stack, kind, play, history, &mut outcome).await {
        outcome.problems.push(error.to_string());
    }
    outcome.took = began.elapsed();
    outcome
}

async fn go(
    stack: &Handle,
    kind: &Kind,
    play: Play,
    history: &Path,
    outcome: &mut Outcome,
) -> Result<(), FaultError> {
    let plan = plan(kind, play.seed, history, outcome)?;
    let rush = plan.prepare(stack).await?;
    let (event, stock) = (rush.header.event.clone(), rush.header.stock);
    let mut sources = Sources::of(stack).await?;
    let (scene, stage) = Scene::new(stack.clone(), (event, stock), kind, play);

    let (struck, rushed) =
        tokio::join!(strike(kind, scene, outcome), run(rush, stage, &mut sources.mysql));
    let began = rushed?;
    if let Err(error) = whole(stack).await {
        outcome.problems.push(format!("not healed: {error}"));
    }
    let silence = struck.map(|struck| silence(history, struck.saturating_duration_since(began)));
    let silence = silence.transpose().map_err(FaultError::io(history.display().to_string()))?;
    let path = history.to_owned();
    let told = tokio::task::spawn_blocking(move || History::read(&path)).await;
    let told = told.map_err(|error| FaultError::io("read the history")(error.into()))??;
    let mut verdict = sources.judge(&told, SETTLE_WITHIN).await?;
    verdict.demand_answers(&told);
    outcome.problems.extend(unmet(&told, &verdict, silence.as_ref()));
    outcome.silence = Silence { wait: told.timing.longest_wait(), ..silence.unwrap_or_default() };
    outcome.unknown = verdict.counts.unknown;
    outcome.told = verdict.counts.told;
    let unjudged = verdict.order_not_judged;
    outcome.said.extend(unjudged.map(|why| format!("order not judged: {}", why.as_str())));
    outcome.verdict = Some(verdict);
    Ok(())
}

/// Strikes, and returns when; what goes wrong is noted, and the rush goes on.
async fn strike(kind: &Kind, mut scene: Scene, outcome: &mut Outcome) -> Option<Instant> {
    if let Err(error) = (kind.strike)(&mut scene).await {
        outcome.problems.push(error.to_string());
    }
    let (struck, said) = scene.end();
    outcome.said = said;
    struck
}

/// Runs the rush once it may begin, and returns when it did.
async fn run(rush: Rush, stage: Stage, mysql: &mut Mysql) -> Result<Instant, RushError> {
    let Stage { mut begin, began, mut operations } = stage;
    // The kind is done without a rush of its own: now it is time.
    let _ = begin.wait_for(|&begin| begin).await;
    let now = Instant::now();
    began.send_replace(Some(now));
    let note = async |notes: Notes| {
        while let Some(Done { operation, begun, ended }) = operations.recv().await {
            let begun_us = notes.us_at(begun.into_std());
            let ended_us = ended.map(|ended| notes.us_at(ended.into_std()));
            notes.operated(Operated { begun_us, ended_us, operation }).await;
        }
    };
    drive_beside(rush, mysql, Display::Silent, note).await?;
    Ok(now)
}

/// Every part is ready, those too that a kind which failed has left stopped. A broker is ready once
/// all are: they are waited for when all run.
async fn whole(stack: &Handle) -> Result<(), FaultError> {
    for part in &Status::read(&stack.status().directory)?.parts {
        stack.next_starts(&part.name, Vec::new()).await?;
        match part.state {
            PartState::Paused => stack.act(&part.name, Action::Resume).await?,
            PartState::Running => {
                // It may have stopped itself; one that has just ended refuses, and starts again.
                let _ = stack.act(&part.name, Action::Resume).await;
            }
            PartState::Down => stack.act(&part.name, Action::Start).await?,
            PartState::Restarting => {}
        }
        if part.kind != PartKind::Kafka {
            stack.ready(&part.name, BACK_WITHIN).await?;
        }
    }
    match stack.status().of_kind(PartKind::Kafka).next() {
        Some(broker) => Ok(stack.ready(&broker.name, BACK_WITHIN).await?),
        None => Ok(()),
    }
}

fn plan(kind: &Kind, seed: u64, history: &Path, outcome: &Outcome) -> Result<Plan, FaultError> {
    let unique = &CouponId::new().to_hex()[20..];
    let name = format!("{}-{unique}", kind.name);
    let event: EventId = name.parse().map_err(|_| FaultError::Failed {
        what: name.clone(),
        why: "cannot be an event's id".to_owned(),
    })?;
    let users = kind.crowd.users;
    Ok(Plan {
        connections: CONNECTIONS,
        duplicates_percent: DUPLICATES_PERCENT,
        tries: TRIES,
        patience: PATIENCE,
        per_s: kind.crowd.per_s,
        confirm: outcome.confirm,
        through: outcome.through,
        seed,
        ..Plan::new(users, event, u64::from(users) * 4 / 5, history.to_owned())
    })
}
