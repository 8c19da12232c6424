//! The load scripts, run by `k6/run` with the real k6 on the stack, and judged by the checker.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use rig::stack::{Handle, shared};
use tokio::process::Command;

use super::{file, output, succeeded};

/// Some seconds of load, k6's start and the checker's patience.
const RUN_WITHIN: Duration = Duration::from_secs(240);
/// How fast a busy machine answers is not for a test to judge.
const SLOW: [&str; 2] = ["P95_MS=60000", "P99_MS=60000"];

async fn run(words: &[&str]) -> Output {
    let stack = Handle::from_env().unwrap();
    let kept_in = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::now_v7().to_string());
    let mut command = Command::new(file("k6/run"));
    command
        .args(words)
        .arg(format!("STACK={}", stack.status().name))
        .env("RIG", env!("CARGO_BIN_EXE_rig"))
        .env("KEPT_IN", kept_in);
    output(command, RUN_WITHIN).await
}

#[tokio::test]
async fn the_load_scripts_find_everything_as_it_must_be() {
    let _guard = shared().await;
    for words in [&["smoke", "RATE=40", "DURATION=2s"][..], &["storm", "SCALE=0.0008", "SECONDS=2"]]
    {
        let said = succeeded(&run(&[words, &SLOW].concat()).await);
        assert!(said.contains("claims_won") && said.contains("told wins"), "{said}");
        assert!(said.contains(&format!("k6 {}: PASS", words[0])), "{said}");
    }
}

#[tokio::test]
async fn a_script_whose_thresholds_do_not_hold_does_not_pass() {
    let _guard = shared().await;
    // Nobody is answered within no time.
    let ended = run(&["smoke", "RATE=20", "DURATION=1s", "P99_MS=0"]).await;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(!ended.status.success() && said.contains("a threshold does not hold"), "{said}");
    // The answers themselves were right.
    assert!(!said.contains("the checker does not pass it"), "{said}");
}
