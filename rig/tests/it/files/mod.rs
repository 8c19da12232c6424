//! The files that no Rust compiler reads: compose and the Dockerfile, scripts, the client,
//! Prometheus, k6. Each is given to the program that reads it in earnest, as far as that runs here.

mod client;
mod commands;
mod compose;
mod dashboards;
mod image;
mod k6;
mod project;
mod prometheus;
mod scripts;
mod variables;
mod watched;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rig::stack::repository_root;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// The first time on a machine it fetches packages and compiles.
const INSTALL_WITHIN: Duration = Duration::from_secs(600);
/// promtool takes 7 s of CPU for the tests of alerts.
const RUN_WITHIN: Duration = Duration::from_secs(300);

/// A file of the repository, by its path from the root.
pub(crate) fn file(path: &str) -> PathBuf {
    repository_root().join(path)
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = repository_root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A program that `ops/checks/install.sh` installs.
pub(crate) async fn tool(name: &str) -> PathBuf {
    static TOOLS: OnceCell<PathBuf> = OnceCell::const_new();
    let tools = TOOLS.get_or_init(|| async {
        let install = Command::new(file("ops/checks/install.sh"));
        let printed = output(install, INSTALL_WITHIN).await;
        PathBuf::from(succeeded(&printed).trim())
    });
    tools.await.join(name)
}

pub(crate) async fn output(mut command: Command, within: Duration) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = timeout(within, command.output()).await;
    let ended = ended.unwrap_or_else(|_| panic!("{command:?} did not end"));
    ended.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What the command prints; it must succeed.
async fn run<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[A]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(repository_root());
    succeeded(&output(command, RUN_WITHIN).await)
}

#[track_caller]
pub(crate) fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out
}
