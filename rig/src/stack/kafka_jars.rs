//! Kafka's jars: fetched once by Maven into the cache, then used by every stack.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::error::StackError;
use super::repository;
use super::step::Step;
use crate::config;

/// As in `ops/kafka/pom.xml`; part of the directory's name, so that another version is fetched anew.
const VERSION: &str = "4.1.0";
/// 54 MB; 6 s here.
const FETCH_WITHIN: Duration = Duration::from_secs(600);

/// The directory with the jars; fetches them if this machine has none yet.
pub(super) async fn directory(log: PathBuf) -> Result<PathBuf, StackError> {
    let cache = config::cache_directory();
    let jars = cache.join(format!("kafka-{VERSION}"));
    if jars.is_dir() {
        return Ok(jars);
    }
    eprintln!("fetching Kafka {VERSION} with Maven into {}", jars.display());
    // Fetched beside and renamed, so that a fetch cut short leaves no half set behind.
    let half = cache.join(format!("kafka-{VERSION}.{}", std::process::id()));
    fs::create_dir_all(&half).map_err(StackError::io(format!("make {}", half.display())))?;
    fetch(&half, log).await?;
    match fs::rename(&half, &jars) {
        // Another rig was faster.
        Err(_) if jars.is_dir() => {
            let _ = fs::remove_dir_all(&half);
            Ok(jars)
        }
        renamed => renamed
            .map(|()| jars.clone())
            .map_err(StackError::io(format!("make {}", jars.display()))),
    }
}

async fn fetch(to: &Path, log: PathBuf) -> Result<(), StackError> {
    let mut command = Command::new("mvn");
    command
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(repository::file("ops/kafka/pom.xml"))
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", to.display()));
    let step = Step {
        what: "mvn dependency:copy-dependencies, which fetches Kafka,".to_owned(),
        advice: "it needs Maven Central (or a mirror named in ~/.m2/settings.xml) once; run it again when that is reachable",
        within: FETCH_WITHIN,
        log,
    };
    step.run(command).await
}
