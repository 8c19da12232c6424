//! The database is lost and comes back from a real backup: what `ops/runbooks/restoring.md` says,
//! step by step, while users ask. `./dev drill restore` plays it.

use std::fs;
use std::path::Path;

use tokio::process::Command;
use tokio::time::Instant;

use super::command::output;
use super::error::FaultError;
use super::halts::{
    ABOVE, APART, FIRST_EPOCH, armed_above, event_halted, raise_epochs, reconciled,
};
use super::kind::Kind;
use super::mysql::PART as MYSQL;
use super::scene::Scene;
use super::shard::{fail_over, shard};
use crate::stack::{Action, PartKind, install_mysql};

/// The kind that `./dev drill restore` plays.
pub const DRILL: &str = "mysql-restored-from-a-dump";

/// The table.
pub(super) const KINDS: &[Kind] = &[Kind::new(
    DRILL,
    "a dump from before an arming is loaded into a new database: halts, and says so",
    |scene| Box::pin(restored(scene)),
)
.as_root(&["mariadb", "mariadb-dump", "mariadb-install-db"])
.crowd(8_000, 400)];

async fn restored(scene: &mut Scene) -> Result<(), FaultError> {
    let home = scene.stack.status().directory.join(MYSQL);
    let (dump, persisters) = (home.join("dump.sql"), scene.parts(PartKind::Persister));
    scene.moment_between(0.05, 0.15).await;
    let began = Instant::now();
    back_up(&home, &dump).await?;
    took(scene, "mariadb-dump --single-transaction", began);

    // What the backup will lack: an arming, and wins.
    let began = Instant::now();
    let shard = shard(scene).await?;
    fail_over(scene, &shard).await?;
    armed_above(scene, FIRST_EPOCH).await?;
    took(scene, "the shard failed over, and its event was armed again", began);
    scene.hold(APART[0], APART[1]).await;

    scene.act(MYSQL, Action::KillStayDown).await?;
    fs::remove_dir_all(home.join("data")).map_err(FaultError::io("lose the database"))?;
    scene.strikes("the database is lost");
    let began = Instant::now();
    for persister in &persisters {
        scene.quietly(persister, Action::Stop).await?;
    }
    took(scene, "runbook 1: persisters stopped", began);

    let began = Instant::now();
    output(install_mysql(&home.join("data")), "mariadb-install-db").await?;
    scene.quietly(MYSQL, Action::Start).await?;
    scene.ready(MYSQL).await?;
    load(&home, &dump).await?;
    took(scene, "runbook 2: a new database with the newest dump in it", began);

    let began = Instant::now();
    let migrated = scene.stack.persister(&["migrate"]).await?;
    if !migrated.status.success() {
        let why = String::from_utf8_lossy(&migrated.stderr).trim().to_owned();
        return Err(FaultError::Failed { what: "persister migrate".to_owned(), why });
    }
    for persister in &persisters {
        scene.quietly(persister, Action::Start).await?;
    }
    for persister in &persisters {
        scene.ready(persister).await?;
    }
    took(scene, "runbook 3: persister migrate, persisters started", began);

    let began = Instant::now();
    event_halted(scene).await?;
    took(scene, "runbook 4: the event says that it halted, and why", began);
    let began = Instant::now();
    raise_epochs(scene).await?;
    armed_above(scene, ABOVE).await?;
    took(scene, "runbook 5: epochs raised, the event is armed again", began);
    let began = Instant::now();
    reconciled(scene).await?;
    took(scene, "runbook 6: reconcile finds no difference", began);
    fs::remove_file(&dump).map_err(FaultError::io("remove the dump"))
}

fn took(scene: &mut Scene, what: &str, began: Instant) {
    scene.strikes(format!("{what}: took {:.1} s", began.elapsed().as_secs_f64()));
}

async fn back_up(home: &Path, dump: &Path) -> Result<(), FaultError> {
    let mut command = as_root(home, "mariadb-dump");
    command.args(["--single-transaction", "--databases", "firstcome"]);
    command.arg(format!("--result-file={}", dump.display()));
    output(command, "mariadb-dump").await?;
    Ok(())
}

async fn load(home: &Path, dump: &Path) -> Result<(), FaultError> {
    let mut command = as_root(home, "mariadb");
    command.arg(format!("--execute=source {}", dump.display()));
    output(command, "load the dump").await?;
    Ok(())
}

/// A client of the server's root, who logs in through its socket alone.
fn as_root(home: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("--no-defaults").arg(format!("--socket={}", home.join("sock").display()));
    command.arg("--user=root");
    command
}
