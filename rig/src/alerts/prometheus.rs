//! A Prometheus with the repository's configuration, whose targets are a stack's programs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::error::AlertError;
use super::pace::Pace;
use super::server::{Home, Server};
use super::times::Times;
use crate::stack::{Handle, PartKind, repository_root};

/// Its own settings and its rules, in `ops/prometheus`.
const CONFIGURATION: &str = "prometheus.yml";
const ALERTS: &str = "alerts.yml";
const RULES: [&str; 2] = ["rules.yml", ALERTS];

/// A series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value; it may be no number.
    pub value: f64,
}

/// Ends with the value.
#[derive(Debug)]
pub struct Prometheus(Server);

impl Prometheus {
    /// Watches a stack by the repository's rules, at this pace, and tells Alertmanager if there is one.
    pub async fn start(
        stack: &Handle,
        pace: Pace,
        alertmanager: Option<SocketAddr>,
    ) -> Result<Self, AlertError> {
        let home = Home::make("prometheus")?;
        home.write(CONFIGURATION, &pace.of_configuration(&read(CONFIGURATION)?))?;
        for name in RULES {
            home.write(name, &pace.of_rules(&read(name)?))?;
        }
        for (kind, name) in [(PartKind::Edge, "edge"), (PartKind::Persister, "persister")] {
            home.write(&format!("targets/{name}.yml"), &targets(&stack.metrics(kind)))?;
        }
        home.write("targets/alertmanager.yml", &targets(alertmanager.as_slice()))?;
        let server = Server::start("prometheus", home, |home, address| {
            vec![
                format!("--config.file={}", home.join(CONFIGURATION).display()),
                format!("--storage.tsdb.path={}", home.join("data").display()),
                format!("--web.listen-address={address}"),
            ]
        });
        Ok(Self(server.await?))
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// What a query finds now.
    pub async fn query(&self, query: &str) -> Result<Vec<Sample>, AlertError> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!("/api/v1/query?query={encoded}");
        let answer = self.0.get(&path).await?;
        let series = answer["data"]["result"].as_array().ok_or_else(|| AlertError::Answer {
            server: self.0.address,
            path: query.to_owned(),
            answer: answer.to_string(),
        })?;
        let sample = |one: &serde_json::Value| {
            let labels = one["metric"].as_object()?.iter();
            let labels = labels.filter_map(|(name, value)| Some((name.clone(), text(value)?)));
            let value = one["value"][1].as_str()?.parse().ok()?;
            Some(Sample { labels: labels.collect(), value })
        };
        Ok(series.iter().filter_map(sample).collect())
    }

    /// Names of the alerts that fire now.
    pub async fn firing(&self) -> Result<Vec<String>, AlertError> {
        self.names("ALERTS{alertstate=\"firing\"}").await
    }

    /// Names of the alerts that fired at any time of the last `time`.
    pub async fn fired_within(&self, time: Duration) -> Result<Vec<String>, AlertError> {
        let seconds = time.as_secs() + 1;
        self.names(&format!("count_over_time(ALERTS{{alertstate=\"firing\"}}[{seconds}s])")).await
    }

    /// Names of the alerts that a query finds, each once.
    async fn names(&self, query: &str) -> Result<Vec<String>, AlertError> {
        let samples = self.query(query).await?;
        let names = samples.into_iter().filter_map(|mut one| one.labels.remove("alertname"));
        Ok(names.collect::<BTreeSet<String>>().into_iter().collect())
    }
}

/// What the repository's rules and configuration say of time, at a pace.
pub(super) fn times_at(pace: Pace) -> Result<Times, AlertError> {
    let configuration = pace.of_configuration(&read(CONFIGURATION)?);
    Ok(Times::read(&configuration, &pace.of_rules(&read(ALERTS)?)))
}

fn text(value: &serde_json::Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn read(name: &str) -> Result<String, AlertError> {
    let path = repository_root().join("ops/prometheus").join(name);
    std::fs::read_to_string(&path).map_err(AlertError::io(path.display().to_string()))
}

/// A file that Prometheus finds targets in.
fn targets(addresses: &[SocketAddr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    if quoted.is_empty() {
        "[]\n".to_owned()
    } else {
        format!("- targets: [{}]\n", quoted.join(", "))
    }
}
