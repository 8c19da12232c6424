//! MySQL: killed, restarted, read-only.

use std::time::Duration;

use tokio::process::Command;

use super::command::output;
use super::error::FaultError;
use super::kind::Kind;
use super::persister::stop_before_commit;
use super::scene::Scene;
use crate::stack::Action;

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("mysql-killed", "the database is killed", |scene| {
        Box::pin(struck(scene, Action::Kill))
    }),
    Kind::new("mysql-restarted", "the database is restarted", |scene| {
        Box::pin(struck(scene, Action::Restart))
    }),
    Kind::new(
        "mysql-killed-in-commit",
        "the database is killed before a commit reaches it",
        |scene| Box::pin(killed_in_commit(scene)),
    )
    .at_points(&["before-commit"]),
    Kind::new("mysql-read-only", "the database takes no writes for a while", |scene| {
        Box::pin(read_only(scene))
    })
    .as_root(CLIENT),
];

/// Root logs in to the database through its socket.
pub(super) const CLIENT: &[&str] = &["mariadb"];
/// The one database.
pub(super) const PART: &str = "mysql-1";
/// How long it takes no writes.
const READ_ONLY: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];

async fn struck(scene: &mut Scene, action: Action) -> Result<(), FaultError> {
    scene.moment().await;
    scene.act(PART, action).await?;
    scene.ready(PART).await
}

async fn killed_in_commit(scene: &mut Scene) -> Result<(), FaultError> {
    let persister = stop_before_commit(scene).await?;
    scene.act(PART, Action::Kill).await?;
    scene.quietly(&persister, Action::Resume).await?;
    scene.ready(PART).await?;
    scene.ready(&persister).await
}

async fn read_only(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment().await;
    scene.strikes("read-only");
    as_root(scene, "SET GLOBAL read_only = 1").await?;
    scene.hold(READ_ONLY[0], READ_ONLY[1]).await;
    as_root(scene, "SET GLOBAL read_only = 0").await?;
    Ok(())
}

/// As the server's root, who logs in through its socket alone; what the server answers, a row a line.
pub(super) async fn as_root(scene: &Scene, statement: &str) -> Result<String, FaultError> {
    let socket = scene.stack.status().directory.join(PART).join("sock");
    let mut command = Command::new("mariadb");
    command.arg("--no-defaults").arg(format!("--socket={}", socket.display())).args([
        "--user=root",
        "--execute",
        statement,
    ]);
    output(command, statement).await
}
