//! Programs that are run to their end.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::error::FaultError;

/// For one statement or command: a tool that starts a JVM, or a copy of the database, beside a rush.
const WITHIN: Duration = Duration::from_secs(60);

/// Runs it and returns what it printed; it must succeed.
pub(super) async fn output(command: Command, what: &str) -> Result<String, FaultError> {
    output_within(command, what, WITHIN).await
}

/// The same with another deadline.
pub(crate) async fn output_within(
    mut command: Command,
    what: &str,
    within: Duration,
) -> Result<String, FaultError> {
    let run = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(within, run).await.unwrap_or_else(|late| Err(late.into()));
    let output = output.map_err(FaultError::io(what))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // Some tell on standard output what is wrong.
    let said = [&output.stderr[..], b" ", &output.stdout].concat();
    let why = String::from_utf8_lossy(&said).trim().to_owned();
    Err(FaultError::Failed { what: what.to_owned(), why })
}

/// One command to one Redis node; what it answers, which may be no error.
pub(crate) async fn redis_cli(node: SocketAddr, words: &[&str]) -> Result<String, FaultError> {
    let mut command = Command::new("redis-cli");
    command.args(["-e", "-h", &node.ip().to_string(), "-p", &node.port().to_string()]).args(words);
    output(command, &format!("redis-cli {}", words.join(" "))).await
}
