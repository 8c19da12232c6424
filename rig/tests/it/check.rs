//! The checker as people run it, on a history of a real rush; then on stores that somebody broke.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use contract::ids::EventId;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use rig::stack::{Handle, shared};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::rush::{new_event, plan, report_path, rush};

/// A check takes about a second.
const CHECK_WITHIN: Duration = Duration::from_secs(60);

async fn check(stack: &Handle, event: &EventId, history: &Path) -> (Output, Value) {
    let report = report_path(stack, event);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rig"));
    command
        .args(["check", "--stack", &stack.status().name, "--event", event.as_str()])
        // The rush has settled before; what is broken afterwards does not come back.
        .args(["--settle", "1"])
        .arg("--history")
        .arg(history)
        .arg("--report")
        .arg(&report)
        .kill_on_drop(true);
    let output = timeout(CHECK_WITHIN, command.output()).await.unwrap().unwrap();
    let report = std::fs::read(report).unwrap();
    (output, serde_json::from_slice(&report).unwrap())
}

async fn change(stack: &Handle, statement: &str, event: &EventId) {
    let opts = Opts::from_url(&stack.mysql_url().unwrap()).unwrap();
    let mut conn = Conn::new(opts).await.unwrap();
    conn.exec_drop(statement, (event.as_str(),)).await.unwrap();
    conn.disconnect().await.unwrap();
}

#[tokio::test]
async fn a_rush_passes_until_somebody_takes_a_row_away() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("checked");
    let plan = plan(&stack, &event, 500, 20);
    let (verdict, _) = rush(&stack, &plan, async {}).await;
    assert!(verdict.passes(), "{verdict}");

    let (output, report) = check(&stack, &event, &plan.history).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let line = "told wins 20 · rows 20 · in Redis 20 · doubled 0 · oversold 0 · \
                told but missing 0 · unknown 0     PASS";
    assert!(text.contains(line), "{text}");
    assert_eq!((&report["verdict"], &report["told"]), (&"pass".into(), &20.into()));
    assert!(report["claims_per_s"].as_f64().unwrap() > 0.0, "{report}");
    assert!(report["last_row_s"].is_f64(), "{report}");

    change(&stack, "DELETE FROM coupons WHERE event_id = ? AND sequence = 7", &event).await;
    let (output, report) = check(&stack, &event, &plan.history).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("told but missing 1") && text.contains("number 7"), "{text}");
    assert_eq!((&report["verdict"], &report["missing"]), (&"fail".into(), &1.into()));
}

#[tokio::test]
async fn of_an_archived_event_the_rows_are_judged() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("put-away");
    let plan = plan(&stack, &event, 200, 10);
    let (verdict, _) = rush(&stack, &plan, async {}).await;
    assert!(verdict.passes(), "{verdict}");
    for verb in ["close", "archive"] {
        let done = stack.persister(&["event", verb, event.as_str(), "--wait-s", "60"]).await;
        assert!(done.as_ref().unwrap().status.success(), "{verb}: {done:?}");
    }
    let (output, report) = check(&stack, &event, &plan.history).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!((&report["verdict"], &report["told"]), (&"pass".into(), &10.into()));
    change(&stack, "DELETE FROM coupons WHERE event_id = ? AND sequence = 7", &event).await;
    let (output, report) = check(&stack, &event, &plan.history).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!((&report["verdict"], &report["missing"]), (&"fail".into(), &1.into()));
}

#[tokio::test]
async fn a_rush_from_the_command_line_ends_with_the_verdict_and_a_report() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("command-line");
    let (history, report) = (plan(&stack, &event, 1, 1).history, report_path(&stack, &event));
    let mut command = Command::new(env!("CARGO_BIN_EXE_rig"));
    command
        .args(["rush", "--stack", &stack.status().name, "--users", "400", "--stock", "10"])
        .args(["--connections", "16", "--duplicates", "50", "--history"])
        .arg(&history)
        .arg("--report")
        .arg(&report)
        .kill_on_drop(true);
    let output = timeout(CHECK_WITHIN, command.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    // A pipe gets plain lines: the last one has all that was counted.
    assert!(text.contains(" · won 10 · ") && !text.contains('\r'), "{text}");
    assert!(text.contains("told wins 10 · rows 10 · in Redis 10"), "{text}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!((&report["verdict"], &report["unknown"]), (&"pass".into(), &0.into()));
    assert!(report["requests"].as_u64().unwrap() > 400, "{report}");
}

#[tokio::test]
async fn rows_of_somebody_else_are_found() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("swapped");
    let plan = plan(&stack, &event, 200, 10);
    let (verdict, _) = rush(&stack, &plan, async {}).await;
    assert!(verdict.passes(), "{verdict}");
    let statement = "UPDATE coupons SET user_id = 'mallory' WHERE event_id = ? AND sequence = 3";
    change(&stack, statement, &event).await;
    let (output, report) = check(&stack, &event, &plan.history).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("it is mallory's, number 3"), "{text}");
    assert_eq!(report["verdict"], "fail");
}

#[tokio::test]
async fn a_history_that_is_not_there_is_no_pass() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rig"));
    command.args(["check", "--stack", &stack.status().name, "--history", "/nowhere"]);
    let output = timeout(CHECK_WITHIN, command.output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot read the history /nowhere"), "{text}");
}
