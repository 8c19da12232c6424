//! The demo page in a real browser, on a phone's screen and by keyboard, while a real rush runs.
//!
//! `FIRSTCOME_SCREENSHOTS=$PWD/docs/images ./dev test -p rig demo` takes the pictures anew.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use contract::ids::EventId;
use rig::check::mysql::Mysql;
use rig::rush::{Display, Plan, drive};
use rig::stack::{Handle, shared};

use crate::chromium::scenario;
use crate::files::{file, output, succeeded};
use crate::rush::{new_event, plan};

/// All of the scenario; it took 30 s here.
const SCENARIO_WITHIN: Duration = Duration::from_secs(180);
/// The event that opens while somebody looks at it does so after this.
const SOON: TimeDelta = TimeDelta::seconds(12);
/// A picture's most bytes.
const MOST_BYTES: u64 = 150_000;

/// An event, and what operators do with it afterwards.
async fn made(stack: &Handle, what: &str, opens_in: Option<TimeDelta>, then: &str) -> EventId {
    let event = new_event(what);
    let mut words = vec!["event", "create", event.as_str(), "--stock", "20", "--open"];
    let opens = opens_in.map(|wait| (Utc::now() + wait).to_rfc3339_opts(SecondsFormat::Secs, true));
    words.extend(opens.iter().flat_map(|at| ["--opens-at", at]));
    succeeded(&stack.persister(&words).await.unwrap());
    if !then.is_empty() {
        succeeded(&stack.persister(&["event", then, event.as_str()]).await.unwrap());
    }
    event
}

#[tokio::test]
async fn whoever_presses_the_button_in_a_rush_learns_the_truth() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let (open, far, paused, closed) = tokio::join!(
        made(&stack, "open", None, ""),
        made(&stack, "far", Some(TimeDelta::hours(1)), ""),
        made(&stack, "paused", None, "pause"),
        made(&stack, "closed", None, "close"),
    );
    let rushed = new_event("rushed");
    let plan = Plan { per_s: 400, ..plan(&stack, &rushed, 4_000, 1_500) };
    let rush = plan.prepare(&stack).await.unwrap();
    let soon = made(&stack, "soon", Some(SOON), "").await;

    let mut scenario = scenario("rig/tests/it/demo/demo.py").await;
    scenario.arg(format!("http://{}/demo", stack.nginx().unwrap())).arg(&stack.status().directory);
    for (name, event) in [
        ("RUSHED", &rushed),
        ("SOON", &soon),
        ("OPEN", &open),
        ("FAR", &far),
        ("PAUSED", &paused),
        ("CLOSED", &closed),
    ] {
        scenario.env(name, event.as_str());
    }
    let mut mysql = Mysql::new(&stack.mysql_url().unwrap()).unwrap();
    let looked = output(scenario, SCENARIO_WITHIN);
    let (driven, looked) = tokio::join!(drive(rush, &mut mysql, Display::Silent), looked);
    driven.unwrap();
    succeeded(&looked);
}

#[test]
fn pictures_of_the_page_load_quickly() {
    let pictures = std::fs::read_dir(file("docs/images")).unwrap();
    let mut seen = 0;
    for picture in pictures.map(|entry| entry.unwrap()) {
        if picture.file_name().to_str().unwrap().starts_with("demo-") {
            let bytes = picture.metadata().unwrap().len();
            assert!((1..MOST_BYTES).contains(&bytes), "{picture:?} has {bytes} bytes");
            seen += 1;
        }
    }
    assert!(seen >= 10, "a picture of each state: {seen}");
}
