//! A real Prometheus with the repository's configuration, and the stack's programs as its targets; and
//! a real Alertmanager.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use rig::alerts::{Alertmanager, Pace, Prometheus, Reached};
use rig::stack::{Handle, PartKind, shared, wait_until};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::{dashboards, read, succeeded};
use crate::http;

/// Its start, some scrapes, and claims that become rows.
const WATCHES_WITHIN: Duration = Duration::from_secs(90);
/// Alertmanager has taken in what it was told.
const KNOWS_WITHIN: Duration = Duration::from_secs(30);
/// Claims of one look; each is another user's.
const CLAIMS: u32 = 5;
/// Panels that only a fault fills, by their dashboard and title: their queries are asked, and find
/// nothing or no number.
const OF_FAULTS: [(&str, &str); 1] = [("correctness", "Time of arming an event again")];

#[tokio::test]
async fn prometheus_finds_the_programs_and_every_panel_has_data() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    for address in [stack.metrics(PartKind::Edge), stack.metrics(PartKind::Persister)].concat() {
        names_and_units_are_as_prometheus_wants_them(address).await;
    }
    let event = format!("panels-{}", std::process::id());
    let create = ["event", "create", &event, "--stock", "100000", "--open", "--wait-s", "60"];
    let created = stack.persister(&create).await.unwrap();
    assert!(created.status.success(), "{created:?}");
    // A session of the API, whose panel begins with the first one.
    let admin = stack.addresses(PartKind::Persister);
    for address in admin {
        let token = stack.admin_token(rig::stack::AdminRole::Viewer).unwrap();
        let head = format!("Authorization: Bearer {token}\r\n");
        assert_eq!(http::get_with(address, "/admin/v1/events", &head).await.status, 200);
    }

    let prometheus = Prometheus::start(&stack, Pace::AS_WRITTEN, None).await.unwrap();
    let queries: Vec<(String, String, String)> = dashboards::all()
        .iter()
        .flat_map(|(name, dashboard)| dashboards::by_panel(name, dashboard))
        .collect();
    assert!(queries.len() > 40, "{queries:?}");
    let asked = std::sync::atomic::AtomicU32::new(0);
    let filled = wait_until(WATCHES_WITHIN, "data in every panel", || async {
        for edge in stack.addresses(PartKind::Edge) {
            for _ in 0..CLAIMS {
                let user = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                claim(edge, &event, user).await;
            }
        }
        let mut empty = Vec::new();
        for (dashboard, panel, query) in &queries {
            let found = prometheus.query(query).await.map_err(|error| error.to_string())?;
            let of_faults = OF_FAULTS.contains(&(dashboard.as_str(), panel.as_str()));
            if !of_faults && !found.iter().any(|sample| sample.value.is_finite()) {
                empty.push(format!("{dashboard}, {panel}: {query}"));
            }
        }
        if empty.is_empty() { Ok(()) } else { Err(empty.join("\n")) }
    });
    filled.await.unwrap();
    for (dashboard, panel) in OF_FAULTS {
        assert!(
            queries
                .iter()
                .any(|(of, title, _)| (of.as_str(), title.as_str()) == (dashboard, panel))
        );
    }

    let rules = http::get_whole(prometheus.address(), "/api/v1/rules").await.json();
    let rules: Vec<&Value> = rules["data"]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    let alerts = read("ops/prometheus/alerts.yml").matches("- alert: ").count();
    assert_eq!(rules.iter().filter(|rule| rule["type"] == "alerting").count(), alerts);
    for rule in rules {
        assert_ne!(rule["health"], "err", "{rule}");
    }
}

async fn claim(edge: SocketAddr, event: &str, user: u32) {
    let body = format!(r#"{{"event_id":"{event}","user_id":"user-{user}"}}"#);
    let answer = http::post(edge, "/api/v1/coupons/issue", "", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn names_and_units_are_as_prometheus_wants_them(program: SocketAddr) {
    let page = std::env::temp_dir().join(format!("firstcome-metrics-{}", std::process::id()));
    fs::write(&page, http::get_whole(program, "/metrics").await.body).unwrap();
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(fs::File::open(&page).unwrap()).kill_on_drop(true);
    let checked = timeout(WATCHES_WITHIN, check.output()).await.unwrap().unwrap();
    fs::remove_file(&page).unwrap();
    succeeded(&checked);
}

#[tokio::test]
async fn alertmanager_says_which_alert_another_one_speaks_for() {
    let alertmanager = Alertmanager::start().await.unwrap();
    let expected = BTreeMap::from([
        ("ClaimsFailing".to_owned(), Reached::Yes),
        ("ClaimsFailingSlowly".to_owned(), Reached::Inhibited),
        ("PartDown".to_owned(), Reached::Yes),
    ]);
    let alerts: Vec<Value> =
        expected.keys().map(|name| json!({"labels": {"alertname": name}})).collect();
    let alerts = Value::from(alerts).to_string();
    let taken = http::post(alertmanager.address(), "/api/v2/alerts", "", &alerts).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let known = wait_until(KNOWS_WITHIN, "three alerts, one of them inhibited", || async {
        let known = alertmanager.known().await.map_err(|error| error.to_string())?;
        if known == expected { Ok(()) } else { Err(format!("{known:?}")) }
    });
    known.await.unwrap();
}
