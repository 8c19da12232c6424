//! The console in a real browser, with real clicks in the middle of a real rush.
//!
//! `FIRSTCOME_SCREENSHOTS=$PWD/docs/images ./dev test -p rig console` takes the README's pictures anew.

use std::process::Stdio;
use std::time::Duration;

use contract::ids::EventId;
use contract::topics::{COUPON_ISSUED, HEADER_EVENT};
use links::kafka::{Kafka, NewRecord};
use rig::check::mysql::Mysql;
use rig::rush::{Display, Plan, drive};
use rig::stack::{Action, AdminRole, Away, Handle, PartKind, exclusive, shared, wait_until};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::chromium;
use crate::files::{file, output, read, succeeded};
use crate::rush::{new_event, plan};

/// All of a scenario; it took 46 s on two cores that had other work.
const SCENARIO_WITHIN: Duration = Duration::from_secs(240);
/// A rush that lasts for longer than that, and is not sold out before.
const PER_S: u32 = 300;
const USERS: u32 = 100_000;
const STOCK: u64 = 90_000;
/// A part that was stopped is back within this.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// Kafka takes a record within this.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// The README's pictures, and the most bytes of one.
const PICTURES: [&str; 3] = ["console-light.png", "console-dark.png", "console-phone.png"];
const MOST_BYTES: u64 = 200_000;

/// A scenario, with the tokens that it signs in with.
async fn scenario(stack: &Handle, name: &str, arguments: &[String]) -> Command {
    let mut command = chromium::scenario(&format!("rig/tests/it/console/{name}")).await;
    command.args(arguments);
    for (variable, role) in [
        ("VIEWER", AdminRole::Viewer),
        ("OPERATOR", AdminRole::Operator),
        ("SECOND", AdminRole::SecondOperator),
    ] {
        command.env(variable, stack.admin_token(role).unwrap());
    }
    command
}

fn consoles(stack: &Handle) -> Vec<String> {
    let persisters = stack.addresses(PartKind::Persister);
    persisters.iter().map(|address| format!("http://{address}/console/")).collect()
}

/// A record that becomes a dead letter of the event.
async fn unreadable_record(stack: &Handle, event: &EventId) {
    let brokers = stack.addresses(PartKind::Kafka).iter().map(ToString::to_string).collect();
    let partition = Kafka::plain(brokers).partition(COUPON_ISSUED, 0);
    let record = NewRecord {
        key: event.as_str().into(),
        value: Some(b"no record of ours".to_vec()),
        headers: [(HEADER_EVENT.to_owned(), event.as_str().into())].into(),
    };
    let produce = || partition.produce(vec![record.clone()]);
    wait_until(TAKEN_WITHIN, "a produce", produce).await.unwrap();
}

#[tokio::test]
async fn operators_watch_and_steer_a_rush_in_their_browser() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("console");
    let plan = Plan { per_s: PER_S, ..plan(&stack, &event, USERS, STOCK) };
    let rush = plan.prepare(&stack).await.unwrap();
    unreadable_record(&stack, &event).await;
    let mut mysql = Mysql::new(&stack.mysql_url().unwrap()).unwrap();
    let console = consoles(&stack).pop().unwrap();
    let pictures = stack.status().directory.display().to_string();
    let words = [console, event.to_string(), pictures];
    let command = scenario(&stack, "rush.py", &words).await;
    // The rush lasts for longer than the clicks, however slow this machine is, and ends with them.
    tokio::select! {
        driven = drive(rush, &mut mysql, Display::Silent) => {
            panic!("the rush ended before the clicks: {:?}", driven.err());
        }
        clicked = output(command, SCENARIO_WITHIN) => drop(succeeded(&clicked)),
    }
}

#[tokio::test]
async fn a_console_whose_persister_hangs_says_that_its_data_is_old() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let mut command = scenario(&stack, "stale.py", &consoles(&stack)).await;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut browser = command.kill_on_drop(true).spawn().unwrap();
    says(&mut browser, "fresh").await;
    let away = Away::take(&stack, "persister-1", Action::Pause).await.unwrap();
    answer(&mut browser).await;
    says(&mut browser, "stale").await;
    away.back(BACK_WITHIN).await.unwrap();
    answer(&mut browser).await;
    let ended = timeout(SCENARIO_WITHIN, browser.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
}

async fn says(browser: &mut Child, word: &str) {
    let mut line = String::new();
    let mut said = BufReader::new(browser.stdout.as_mut().unwrap());
    timeout(SCENARIO_WITHIN, said.read_line(&mut line)).await.unwrap().unwrap();
    assert_eq!(line.trim(), word);
}

async fn answer(browser: &mut Child) {
    browser.stdin.as_mut().unwrap().write_all(b"done\n").await.unwrap();
}

#[test]
fn the_readme_shows_pictures_that_load_quickly() {
    let readme = read("README.md");
    for picture in PICTURES {
        let path = format!("docs/images/{picture}");
        assert!(readme.contains(&path), "{path}");
        let bytes = std::fs::metadata(file(&path)).unwrap().len();
        assert!((1..MOST_BYTES).contains(&bytes), "{path} has {bytes} bytes");
    }
}
