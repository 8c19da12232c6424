//! A real Prometheus with the repository's configuration, and the stack's programs as its targets.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rig::stack::{Handle, PartKind, shared, wait_until};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{dashboards, file, read, succeeded};
use crate::http;

/// Its start, and a scrape or two.
const WATCHES_WITHIN: Duration = Duration::from_secs(60);
/// The rules that say when somebody is told.
const FILES: [&str; 3] = ["prometheus.yml", "rules.yml", "alerts.yml"];

/// Ends with the value.
struct Prometheus {
    address: SocketAddr,
    home: PathBuf,
    _child: Child,
}

impl Prometheus {
    async fn start(stack: &Handle) -> Self {
        let home =
            std::env::temp_dir().join(format!("firstcome-prometheus-{}", std::process::id()));
        fs::create_dir_all(home.join("targets")).unwrap();
        for name in FILES {
            fs::copy(file("ops/prometheus").join(name), home.join(name)).unwrap();
        }
        for (kind, name) in [(PartKind::Edge, "edge"), (PartKind::Persister, "persister")] {
            let targets: Vec<String> =
                stack.metrics(kind).iter().map(|address| format!("\"{address}\"")).collect();
            let path = home.join(format!("targets/{name}.yml"));
            fs::write(path, format!("- targets: [{}]\n", targets.join(", "))).unwrap();
        }
        fs::write(home.join("targets/alertmanager.yml"), "[]\n").unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", home.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { address, home, _child: child }
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        tokio::net::TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let answer = http::get_whole(self.address, path).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
    }

    /// How many series a query finds.
    async fn ask(&self, query: &str) -> Result<usize, String> {
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={query}")).await?;
        answer["data"]["result"].as_array().map(Vec::len).ok_or_else(|| answer.to_string())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

#[tokio::test]
async fn prometheus_finds_the_programs_and_answers_every_panel() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    for address in [stack.metrics(PartKind::Edge), stack.metrics(PartKind::Persister)].concat() {
        names_and_units_are_as_prometheus_wants_them(address).await;
    }
    let prometheus = Prometheus::start(&stack).await;
    let programs = stack.metrics(PartKind::Edge).len() + stack.metrics(PartKind::Persister).len();
    // Two scrapes: a rate needs both.
    let watched = wait_until(WATCHES_WITHIN, "two scrapes of every program", || async {
        match prometheus.ask("count_over_time(up[1m]) > 1 and up == 1").await? {
            up if up == programs => Ok(()),
            up => Err(format!("{up} of {programs}")),
        }
    });
    watched.await.unwrap();

    for (name, dashboard) in dashboards::all() {
        for query in dashboards::queries(&dashboard) {
            prometheus.ask(&query).await.unwrap_or_else(|error| panic!("{name}: {query}: {error}"));
        }
    }
    for always in ["firstcome_edge_connections", "firstcome_persister_leader == 1"] {
        assert!(prometheus.ask(always).await.unwrap() > 0, "{always}");
    }
    let rules = prometheus.get("/api/v1/rules").await.unwrap();
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

async fn names_and_units_are_as_prometheus_wants_them(program: SocketAddr) {
    let page = std::env::temp_dir().join(format!("firstcome-metrics-{}", std::process::id()));
    fs::write(&page, http::get_whole(program, "/metrics").await.body).unwrap();
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(fs::File::open(&page).unwrap()).kill_on_drop(true);
    let checked = timeout(WATCHES_WITHIN, check.output()).await.unwrap().unwrap();
    fs::remove_file(&page).unwrap();
    succeeded(&checked);
}
