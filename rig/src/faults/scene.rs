//! What a kind works with: the stack, the round's event, chance, and the beginning of the rush.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use contract::ids::EventId;
use links::kafka::Kafka;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::error::FaultError;
use super::kind::Kind;
use super::operation::{Done, operation};
use super::points::{self, At};
use super::round::Play;
use crate::check::MysqlSnapshot;
use crate::check::mysql::Mysql;
use crate::stack::{Action, Handle, PartKind, PartState, PartStatus, Status, wait_until};

/// A part that was killed, stopped or restarted is ready again within this: a Redis node that was
/// master may wait 30 s for its replica, a broker recovers its log.
pub(super) const BACK_WITHIN: Duration = Duration::from_secs(90);
/// A failpoint that is on the way of every claim or batch is reached within this.
const REACHED_WITHIN: Duration = Duration::from_secs(30);
/// A persister says that it leads within this: a lease of 6 s, and its first batch.
const LEADS_WITHIN: Duration = Duration::from_secs(20);

/// A safety step that is taken out, to show that the suite sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Without {
    /// A Redis master that was killed starts at once.
    RedisWait,
}

/// What operators did, on its way into the history.
const OPERATIONS: usize = 64;

/// A round, as its kind sees it.
pub struct Scene {
    /// The stack.
    pub stack: Handle,
    /// The event that is asked for.
    pub event: EventId,
    /// What is taken out.
    pub without: Option<Without>,
    /// Its units, as far as operators have raised or lowered them.
    pub(super) stock: u64,
    /// The failpoints that its kind sets.
    points: &'static [&'static str],
    chance: SmallRng,
    /// How long users arrive.
    span: Duration,
    begin: watch::Sender<bool>,
    began: watch::Receiver<Option<Instant>>,
    struck: Option<Instant>,
    said: Vec<String>,
    operations: mpsc::Sender<Done>,
    /// Where the logs of the parts began that were started at failpoints.
    logs_from: HashMap<String, u64>,
}

/// The other side of a [`Scene`], for whoever runs the rush.
pub(super) struct Stage {
    /// Turns true, or its sender goes, when users may come.
    pub(super) begin: watch::Receiver<bool>,
    /// Takes the moment at which they do.
    pub(super) began: watch::Sender<Option<Instant>>,
    /// What operators did; it ends with the scene.
    pub(super) operations: mpsc::Receiver<Done>,
}

impl Scene {
    pub(super) fn new(
        stack: Handle,
        (event, stock): (EventId, u64),
        kind: &Kind,
        play: Play,
    ) -> (Self, Stage) {
        let span = Duration::from_secs(u64::from(kind.crowd.users)) / kind.crowd.per_s.max(1);
        let (begin, may_begin) = watch::channel(false);
        let (begun, began) = watch::channel(None);
        let (operations, operated) = mpsc::channel(OPERATIONS);
        let scene = Self {
            stack,
            event,
            stock,
            without: play.without,
            points: kind.points(),
            chance: SmallRng::seed_from_u64(play.seed),
            span,
            begin,
            began,
            struck: None,
            said: Vec::new(),
            operations,
            logs_from: HashMap::new(),
        };
        (scene, Stage { begin: may_begin, began: begun, operations: operated })
    }

    /// When the fault struck, and what was done.
    pub(super) fn end(self) -> (Option<Instant>, Vec<String>) {
        (self.struck, self.said)
    }

    /// Lets users come and waits for a drawn moment while they arrive. Without it they come when the
    /// kind has done all it does.
    pub async fn moment(&mut self) {
        self.moment_between(0.15, 0.55).await;
    }

    /// The same between two shares of the time in which users arrive.
    pub async fn moment_between(&mut self, least: f64, most: f64) {
        self.rush_begins().await;
        let share = self.chance.random_range(least..most);
        let began = self.began.borrow().unwrap_or_else(Instant::now);
        sleep_until(began + self.span.mul_f64(share)).await;
    }

    /// Lets users come.
    pub async fn rush_begins(&mut self) {
        self.begin.send_replace(true);
        // Gone only where the rush has ended, and then it has begun.
        let _ = self.began.wait_for(Option::is_some).await;
    }

    /// The fault strikes now: from here on time to heal is counted.
    pub fn strikes(&mut self, what: impl Into<String>) {
        let now = Instant::now();
        let first = *self.struck.get_or_insert(now);
        self.say(format!("+{:.2} s {}", (now - first).as_secs_f64(), what.into()));
    }

    /// Notes something for whoever has to understand the round.
    pub fn say(&mut self, what: impl Into<String>) {
        self.said.push(what.into());
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.random_range(0..of.len())]
    }

    /// All of these in a drawn order.
    pub fn shuffled<T: Copy>(&mut self, of: &[T]) -> Vec<T> {
        let mut all = of.to_vec();
        rand::seq::SliceRandom::shuffle(all.as_mut_slice(), &mut self.chance);
        all
    }

    /// A number from the first to the last.
    pub fn number(&mut self, first: u64, last: u64) -> u64 {
        self.chance.random_range(first..=last)
    }

    /// Waits a drawn time between these.
    pub async fn hold(&mut self, least: Duration, most: Duration) {
        let time = self.chance.random_range(least..=most);
        sleep(time).await;
    }

    /// Strikes a part.
    pub async fn act(&mut self, part: &str, action: Action) -> Result<(), FaultError> {
        self.strikes(format!("{part} {action:?}"));
        Ok(self.stack.act(part, action).await?)
    }

    /// Undoes, or prepares: nothing that is counted.
    pub async fn quietly(&mut self, part: &str, action: Action) -> Result<(), FaultError> {
        Ok(self.stack.act(part, action).await?)
    }

    /// Waits until a part is ready.
    pub async fn ready(&self, part: &str) -> Result<(), FaultError> {
        Ok(self.stack.ready(part, BACK_WITHIN).await?)
    }

    /// Names of the parts of a kind.
    pub fn parts(&self, kind: PartKind) -> Vec<String> {
        self.stack.status().of_kind(kind).map(|part| part.name.clone()).collect()
    }

    /// One of the parts of a kind.
    pub fn one_of(&mut self, kind: PartKind) -> String {
        let parts = self.parts(kind);
        parts[self.chance.random_range(0..parts.len())].clone()
    }

    /// Where a part serves.
    pub fn address(&self, part: &str) -> Result<SocketAddr, FaultError> {
        Ok(self.stack.status().part(part)?.address)
    }

    /// Where a part says how it stands.
    pub fn private(&self, part: &str) -> Result<SocketAddr, FaultError> {
        Ok(self.stack.status().part(part)?.private())
    }

    /// Starts a part once more, with this set at its failpoints: one after another, each in the
    /// process that the one before it left.
    pub async fn start_at(&mut self, part: &str, set: &[(&str, At)]) -> Result<(), FaultError> {
        self.start_with(part, set, None).await
    }

    /// The same, where only what is done for the round's event counts.
    pub async fn start_at_own(&mut self, part: &str, set: &[(&str, At)]) -> Result<(), FaultError> {
        let event = self.event.clone();
        self.start_with(part, set, Some(&event)).await
    }

    async fn start_with(
        &mut self,
        part: &str,
        set: &[(&str, At)],
        event: Option<&EventId>,
    ) -> Result<(), FaultError> {
        let program = part.rsplit_once('-').map_or(part, |(program, _)| program);
        let next: Result<Vec<_>, _> =
            set.iter().map(|&one| points::start(program, one, event)).collect();
        if let Some((point, _)) = set.iter().find(|(point, _)| !self.points.contains(point)) {
            let what = format!("{part} at {point}");
            return Err(FaultError::Failed { what, why: "the kind does not name it".to_owned() });
        }
        self.say(format!("{part} starts with {set:?}"));
        let log = self.stack.status().part(part)?.log.clone();
        let from = std::fs::metadata(&log).map_or(0, |log| log.len());
        self.logs_from.insert(part.to_owned(), from);
        self.stack.next_starts(part, next?).await?;
        self.quietly(part, Action::Restart).await?;
        self.ready(part).await
    }

    /// Waits until a part that [`Scene::start_at`] started says that it has reached a failpoint.
    pub async fn reached(&mut self, part: &str, point: &str) -> Result<(), FaultError> {
        let log = self.stack.status().part(part)?.log.clone();
        let from = self.logs_from.get(part).copied().unwrap_or(0);
        let said = format!("failpoint {point}:");
        let what = format!("{part} reaches {point}");
        let reached = wait_until(REACHED_WITHIN, &what, || async {
            let bytes = std::fs::read(&log).map_err(|error| error.to_string())?;
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
            let found = String::from_utf8_lossy(&bytes[from..]).contains(&said);
            if found { Ok(()) } else { Err("it has not".to_owned()) }
        });
        reached.await?;
        self.strikes(format!("{part} reached {point}"));
        Ok(())
    }

    /// Kills a part at points, one after another, while users come.
    pub async fn die_at(
        &mut self,
        part: &str,
        all: &[&'static str],
        latest: u64,
    ) -> Result<(), FaultError> {
        let mut set = Vec::new();
        for point in self.shuffled(all) {
            set.push((point, At::Kill(self.number(1, latest))));
        }
        self.start_at(part, &set).await?;
        self.rush_begins().await;
        for (point, _) in set {
            self.reached(part, point).await?;
        }
        self.ready(part).await
    }

    /// Waits until a part has stopped itself.
    pub async fn stopped_itself(&mut self, part: &str, why: &str) -> Result<(), FaultError> {
        let what = format!("{part} stops itself {why}");
        let stopped = wait_until(REACHED_WITHIN, &what, || async {
            let pid = self.stack.part(part).map_err(|error| error.to_string())?.pid;
            let pid = pid.ok_or_else(|| "it has no process".to_owned())?;
            match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) if is_stopped(&stat) => Ok(()),
                Ok(_) => Err("it runs".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        });
        stopped.await?;
        self.strikes(format!("{part} stopped itself {why}"));
        Ok(())
    }

    /// The persister that leads.
    pub async fn leader(&self) -> Result<String, FaultError> {
        let found = wait_until(LEADS_WITHIN, "a persister that leads", || async {
            let now = Status::read(&self.stack.status().directory);
            let now = now.map_err(|error| error.to_string())?;
            let running = |part: &&PartStatus| part.state == PartState::Running;
            for part in now.of_kind(PartKind::Persister).filter(running) {
                let health = super::http::get(part.private(), "/health").await;
                if health.is_ok_and(|body| body.contains("\"leader\"")) {
                    return Ok(part.name.clone());
                }
            }
            Err("none says so".to_owned())
        });
        Ok(found.await?)
    }

    /// What MySQL has of the event.
    pub async fn rows(&self) -> Result<MysqlSnapshot, FaultError> {
        Ok(Mysql::new(&self.stack.mysql_url()?)?.snapshot(&self.event).await?)
    }

    /// Kafka, as the programs reach it.
    pub fn kafka(&self) -> Kafka {
        let brokers = self.stack.addresses(PartKind::Kafka);
        Kafka::plain(brokers.iter().map(ToString::to_string).collect())
    }

    /// An operator adds so many units at most.
    pub async fn raise(&mut self, most: u64) -> Result<(), FaultError> {
        let to = (self.stock + self.number(1, most)).to_string();
        let event = self.event.to_string();
        self.operator(&["event", "stock", &event, "--to", &to]).await
    }

    /// Runs a subcommand of the persister; it must succeed.
    pub async fn operator(&mut self, arguments: &[&str]) -> Result<(), FaultError> {
        self.strikes(format!("persister {}", arguments.join(" ")));
        let begun = Instant::now();
        let output = self.stack.persister(arguments).await?;
        if let Some(operation) = operation(arguments, self.stock) {
            self.stock = operation.stock_after(self.stock);
            let ended = output.status.success().then(Instant::now);
            // Gone only where the rush could not be run.
            let _ = self.operations.send(Done { operation, begun, ended }).await;
        }
        if output.status.success() {
            return Ok(());
        }
        Err(FaultError::Failed {
            what: format!("persister {}", arguments.join(" ")),
            why: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

/// A line of /proc/PID/stat: `pid (name) state …`.
fn is_stopped(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_process_is_known_by_its_state() {
        assert!(is_stopped("12 (edge) T 1 2"));
        assert!(is_stopped("12 (a) R) T 1 2"));
        assert!(!is_stopped("12 (T) S 1 2"));
    }
}
