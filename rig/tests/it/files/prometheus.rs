//! Prometheus and Alertmanager, asked by their own tools; alerts, their tests and their runbooks.

use std::collections::BTreeSet;
use std::fs;

use super::{file, read, run};

/// How a case of `promtool test rules` says that an alert stays silent.
const SILENT: &str = "exp_alerts: []";
const TESTS: [&str; 3] = [
    "ops/prometheus/alerts.test.yml",
    "ops/prometheus/servers.test.yml",
    "ops/prometheus/shares.test.yml",
];
/// How the names of metrics end; a word of a runbook that ends so is one.
const ENDINGS: [&str; 9] = [
    "_total",
    "_seconds",
    "_bytes",
    "_records",
    "_wins",
    "_events",
    "_entries",
    "_buffered",
    "_partitions",
];

#[tokio::test]
async fn prometheus_and_alertmanager_take_their_files() {
    run("promtool", &["check", "config", "ops/prometheus/prometheus.yml"]).await;
    run("amtool", &["check-config", "ops/alertmanager/alertmanager.yml"]).await;
}

#[tokio::test]
async fn alerts_fire_where_they_must_and_nowhere_else() {
    run("promtool", &[&["test", "rules"], &TESTS[..]].concat()).await;
}

#[test]
fn each_alert_has_a_case_that_fires_one_that_does_not_and_a_runbook() {
    let alerts = read("ops/prometheus/alerts.yml");
    let tests = TESTS.map(read).concat();
    let cases: Vec<&str> = tests.split("alertname: ").skip(1).collect();
    let mut pages = BTreeSet::new();
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        let of_it = || cases.iter().filter(|case| case.lines().next() == Some(name));
        assert!(of_it().any(|case| case.contains(SILENT)), "{name} has no near miss");
        assert!(of_it().any(|case| !case.contains(SILENT)), "{name} never fires");
        let page = alert.lines().find_map(|line| line.trim().strip_prefix("runbook: ")).unwrap();
        assert!(read(page).contains(name), "{page} does not speak of {name}");
        pages.insert(file(page));
    }
    let index = read("ops/runbooks/README.md");
    let without_alert: Vec<&str> =
        index.lines().take_while(|line| !line.starts_with("| alert |")).collect();
    for page in fs::read_dir(file("ops/runbooks")).unwrap() {
        let page = page.unwrap().path();
        let link = format!("({})", page.file_name().unwrap().to_str().unwrap());
        let needs_none =
            page.ends_with("README.md") || without_alert.iter().any(|line| line.contains(&link));
        assert!(needs_none || pages.contains(&page), "{} belongs to no alert", page.display());
    }
}

#[test]
fn every_metric_that_is_asked_for_is_one_of_the_programs() {
    let sources = read("edge/src/metrics.rs") + &read("persister/src/metrics.rs");
    let dashboards = fs::read_dir(file("ops/grafana/dashboards")).unwrap();
    let dashboards = dashboards.map(|entry| read(entry.unwrap().path()));
    let asked: String = ["ops/prometheus/rules.yml", "ops/prometheus/alerts.yml"]
        .into_iter()
        .map(read)
        .chain(TESTS.map(read))
        .chain(dashboards)
        .collect();
    let asked: BTreeSet<&str> = words(&asked).collect();
    assert!(asked.len() > 40, "{asked:?}");
    let rules = read("ops/prometheus/rules.yml");
    for metric in asked {
        if metric.starts_with("firstcome:") {
            assert!(rules.contains(&format!("- record: {metric}\n")), "{metric} is not recorded");
        } else if metric.starts_with("firstcome_") {
            assert!(is_known(&sources, metric), "{metric} is no metric of ours");
        }
    }
}

/// Pages leave the prefix out where it is plain.
#[test]
fn every_metric_of_a_runbook_is_one_of_the_programs() {
    let sources = read("edge/src/metrics.rs") + &read("persister/src/metrics.rs");
    let rules = read("ops/prometheus/rules.yml");
    let mut found = 0;
    for page in fs::read_dir(file("ops/runbooks")).unwrap() {
        let page = page.unwrap().path();
        let text = read(&page);
        for metric in text.split('`').skip(1).step_by(2).flat_map(words) {
            let full = metric.starts_with("firstcome_");
            let known = if metric.starts_with("firstcome:") {
                rules.contains(&format!("- record: {metric}\n"))
            } else if full || ENDINGS.iter().any(|ending| metric.ends_with(ending)) {
                let prefixes: &[&str] =
                    if full { &[""] } else { &["firstcome_edge_", "firstcome_persister_"] };
                prefixes.iter().any(|prefix| is_known(&sources, &format!("{prefix}{metric}")))
            } else {
                continue;
            };
            assert!(known, "{}: {metric} is no metric of ours", page.display());
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
}

fn is_known(sources: &str, metric: &str) -> bool {
    let known = |name: &str| sources.contains(&format!("\"{name}\""));
    let of_histogram = ["_bucket", "_count", "_sum"]
        .iter()
        .any(|part| metric.strip_suffix(part).is_some_and(known));
    // What a page greps for may be the beginning of several.
    let begins = metric.ends_with('_') && sources.contains(&format!("\"{metric}"));
    known(metric) || of_histogram || begins
}
