//! Grafana's dashboards, as far as that can be judged without Grafana.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{file, read, run};

/// All of them, by the name of the file without its ending.
pub(super) fn all() -> Vec<(String, Value)> {
    let files = fs::read_dir(file("ops/grafana/dashboards")).unwrap();
    let mut all: Vec<(String, Value)> = files
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&read(path)).unwrap())
        })
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["correctness", "pipeline", "rush"]);
    all
}

/// Every query, with a window where Grafana would put one in, behind its dashboard's name and its
/// panel's title.
pub(super) fn by_panel(name: &str, dashboard: &Value) -> Vec<(String, String, String)> {
    let query = |target: &Value| target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap().iter();
        targets.map(|target| (name.to_owned(), title.clone(), query(target))).collect::<Vec<_>>()
    };
    dashboard["panels"].as_array().unwrap().iter().flat_map(of_panel).collect()
}

#[test]
fn panels_say_what_they_show_in_which_unit_and_from_where() {
    let mut uids = BTreeSet::new();
    for (name, dashboard) in all() {
        assert!(uids.insert(dashboard["uid"].to_string()), "{name}: its uid is another's");
        for field in ["title", "description"] {
            assert!(!dashboard[field].as_str().unwrap().is_empty(), "{name}: no {field}");
        }
        assert!(dashboard["schemaVersion"].is_u64(), "{name}");
        let variable = &dashboard["templating"]["list"][0];
        assert_eq!(
            (variable["name"].as_str(), variable["type"].as_str()),
            (Some("source"), Some("datasource"))
        );
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{name}, {title}: its id is another's"
            );
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{name}, {title}");
            assert!(
                !panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap().is_empty(),
                "{title}"
            );
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${source}", "{name}, {title}");
            }
        }
    }
}

/// As recording rules, which promtool reads.
#[tokio::test]
async fn every_query_can_be_read() {
    let mut rules = "groups:\n  - name: queries\n    rules:\n".to_owned();
    for (name, dashboard) in all() {
        for (_, _, query) in by_panel(&name, &dashboard) {
            let number = rules.len();
            rules += &format!("      - record: query_{number}\n        expr: '{query}'\n");
        }
    }
    let path = std::env::temp_dir().join(format!("firstcome-queries-{}.yml", std::process::id()));
    fs::write(&path, rules).unwrap();
    run("promtool", &["check".as_ref(), "rules".as_ref(), path.as_os_str()]).await;
    fs::remove_file(&path).unwrap();
}
