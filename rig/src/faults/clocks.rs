//! Clocks that jump by an hour, ahead or back, while users come; and back again.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use super::command::output;
use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::{Shard, shard};
use crate::stack::{Action, NextStart, PartKind, repository_root, wait_until};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("clock-edge", "an edge's clock jumps by an hour, and back", |scene| {
        Box::pin(edge(scene))
    }),
    Kind::new("clock-persister", "all persisters' clocks jump by an hour, and back", |scene| {
        Box::pin(persister(scene))
    }),
    Kind::new("clock-redis", "the clocks of a shard's nodes jump by an hour, and back", |scene| {
        Box::pin(redis(scene))
    })
    .crowd(5_000, 400),
];

/// How long a clock is wrong.
const WRONG: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];
/// A process that is ready has asked for the time within this.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// Seconds by which a clock can be wrong.
const JUMPS: [i64; 2] = [3_600, -3_600];
/// A clock that is right.
const RIGHT: i64 = 0;
/// What a process with such a clock loads.
const SOURCE: &str = "rig/clock.c";
/// In its environment: the file with its clock's error.
const VARIABLE: &str = "FIRSTCOME_CLOCK";

/// The clock of one part: the file that its process reads whenever it asks for the time.
#[derive(Debug)]
struct Clock {
    part: String,
    file: PathBuf,
}

impl Clock {
    /// Starts a part once more, with a clock that can be set.
    async fn start(scene: &mut Scene, part: &str) -> Result<Self, FaultError> {
        let file = scene.stack.status().directory.join(format!("clock-{part}"));
        let clock = Self { part: part.to_owned(), file };
        clock.write(RIGHT)?;
        let library = library(scene).await?.display().to_string();
        let file = clock.file.display().to_string();
        let environment = vec![("LD_PRELOAD".to_owned(), library), (VARIABLE.to_owned(), file)];
        let next = NextStart { program: None, environment };
        scene.stack.next_starts(part, vec![next]).await?;
        scene.quietly(part, Action::Restart).await?;
        scene.ready(part).await?;
        clock.is_read(scene).await?;
        Ok(clock)
    }

    /// Waits until the part's process has the file before its eyes: it asks for the time.
    async fn is_read(&self, scene: &Scene) -> Result<(), FaultError> {
        let what = format!("{} reads its clock", self.part);
        let file = self.file.display().to_string();
        let read = wait_until(READ_WITHIN, &what, || async {
            let pid = scene.stack.part(&self.part).map_err(|error| error.to_string())?.pid;
            let pid = pid.ok_or_else(|| "it has no process".to_owned())?;
            let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"));
            let maps = maps.map_err(|error| error.to_string())?;
            if maps.contains(&file) { Ok(()) } else { Err("it does not".to_owned()) }
        });
        Ok(read.await?)
    }

    /// Eight bytes that are there already change at once.
    fn write(&self, seconds: i64) -> Result<(), FaultError> {
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&self.file);
        let written = open.and_then(|mut file| file.write_all(&seconds.to_ne_bytes()));
        written.map_err(FaultError::io(self.file.display().to_string()))
    }

    fn set(&self, scene: &mut Scene, seconds: i64) -> Result<(), FaultError> {
        scene.strikes(format!("{} is wrong by {seconds} s", self.part));
        self.write(seconds)
    }

    /// Starts the part with the machine's own clock.
    async fn end(self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.quietly(&self.part, Action::Restart).await?;
        scene.ready(&self.part).await
    }
}

/// Builds the library into the stack's directory.
async fn library(scene: &Scene) -> Result<PathBuf, FaultError> {
    let library = scene.stack.status().directory.join("clock.so");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library);
    compile.arg(repository_root().join(SOURCE));
    output(compile, SOURCE).await?;
    Ok(library)
}

async fn edge(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    jump(scene, &[part]).await
}

async fn persister(scene: &mut Scene) -> Result<(), FaultError> {
    let parts = scene.parts(PartKind::Persister);
    jump(scene, &parts).await
}

/// One node or both; each may be wrong in its own way.
async fn redis(scene: &mut Scene) -> Result<(), FaultError> {
    let Shard { master, replica } = shard(scene).await?;
    let both = vec![replica.clone(), master.clone()];
    let parts = scene.pick(&[&vec![master], &vec![replica], &both]).clone();
    jump(scene, &parts).await
}

/// The parts' clocks jump, and jump back.
async fn jump(scene: &mut Scene, parts: &[String]) -> Result<(), FaultError> {
    let mut clocks = Vec::new();
    for part in parts {
        clocks.push(Clock::start(scene, part).await?);
    }
    scene.moment().await;
    for clock in &clocks {
        let seconds = scene.pick(&JUMPS);
        clock.set(scene, seconds)?;
    }
    scene.hold(WRONG[0], WRONG[1]).await;
    for clock in &clocks {
        clock.set(scene, RIGHT)?;
    }
    for clock in clocks {
        clock.end(scene).await?;
    }
    Ok(())
}
