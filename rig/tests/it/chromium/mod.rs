//! Scenarios in a real browser: Python scripts that share `chromium.py`.

use tokio::process::Command;

use crate::files::{file, tool};

/// A scenario, by its path from the root of the repository.
pub(crate) async fn scenario(script: &str) -> Command {
    let mut command = Command::new(tool("python").await);
    command
        .arg(file(script))
        .env("PYTHONPATH", file("rig/tests/it/chromium"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
