//! The load scripts, run by the real k6 against the stack.

use std::time::Duration;

use rig::stack::{Handle, shared};
use tokio::process::Command;

use super::{file, output, succeeded, tool};

/// Some seconds of load, and k6's start.
const LOAD_WITHIN: Duration = Duration::from_secs(120);
const STOCK: &str = "40";

#[tokio::test]
async fn the_load_scripts_find_everything_as_it_must_be() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    for (script, settings) in [
        ("k6/rush.js", &[("USERS", "400"), ("SECONDS", "2"), ("STOCK", STOCK)][..]),
        ("k6/smoke.js", &[("RATE", "50"), ("DURATION", "1s")]),
    ] {
        let event = format!("k6-{}", uuid::Uuid::now_v7().simple());
        let made = stack.persister(&["event", "create", &event, "--stock", STOCK, "--open"]).await;
        succeeded(&made.unwrap());
        let mut command = Command::new(tool("k6").await);
        command
            .args(["run", "--quiet", "--no-usage-report", "--address", ""])
            .arg(file(script))
            .env("BASE_URL", format!("http://{}", stack.nginx().unwrap()))
            .env("EVENT", &event)
            .envs(settings.iter().copied());
        let said = succeeded(&output(command, LOAD_WITHIN).await);
        assert!(said.contains("claims_won") && said.contains("claims_sold_out"), "{said}");
    }
}
