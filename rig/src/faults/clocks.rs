//! Clocks that jump by an hour, ahead or back, while users come; and back again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use crate::stack::{Action, NextStart, PartKind};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("clock-edge", "an edge's clock jumps by an hour, and back", |scene| {
        Box::pin(edge(scene))
    }),
    Kind::new("clock-persister", "all persisters' clocks jump by an hour, and back", |scene| {
        Box::pin(persister(scene))
    }),
];

/// How long a clock is wrong.
const WRONG: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];
/// How a clock can be wrong.
const JUMPS: [&str; 2] = ["+3600", "-3600"];
/// A clock that is right.
const RIGHT: &str = "+0";
/// Where Debian puts the library, below a directory for each architecture.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The clock of one part: the file that its process reads once a second.
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
        let environment = [
            ("LD_PRELOAD", library()?.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", clock.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            // Only the clock of the wall jumps.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
        let next = NextStart { program: None, environment };
        scene.stack.next_starts(part, vec![next]).await?;
        scene.quietly(part, Action::Restart).await?;
        scene.ready(part).await?;
        Ok(clock)
    }

    fn write(&self, offset: &str) -> Result<(), FaultError> {
        let written = std::fs::write(&self.file, offset);
        written.map_err(FaultError::io(self.file.display().to_string()))
    }

    fn set(&self, scene: &mut Scene, offset: &str) -> Result<(), FaultError> {
        scene.strikes(format!("{} {offset} s", self.part));
        self.write(offset)
    }

    /// Starts the part with the machine's own clock.
    async fn end(self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.quietly(&self.part, Action::Restart).await?;
        scene.ready(&self.part).await
    }
}

fn library() -> Result<PathBuf, FaultError> {
    let folders = std::fs::read_dir(LIBRARIES).map_err(FaultError::io(LIBRARIES))?;
    let mut found = folders.flatten().map(|folder| folder.path().join(LIBRARY));
    found.find(|path| Path::exists(path)).ok_or_else(|| FaultError::Failed {
        what: LIBRARY.to_owned(),
        why: "is not installed; ./dev installs it".to_owned(),
    })
}

async fn edge(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    jump(scene, &[part]).await
}

async fn persister(scene: &mut Scene) -> Result<(), FaultError> {
    let parts = scene.parts(PartKind::Persister);
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
        let offset = scene.pick(&JUMPS);
        clock.set(scene, offset)?;
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
