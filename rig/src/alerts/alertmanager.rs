//! An Alertmanager with the repository's configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::error::AlertError;
use super::judge::Reached;
use super::server::{Home, Server};
use crate::stack::repository_root;

const CONFIGURATION: &str = "ops/alertmanager/alertmanager.yml";

/// Ends with the value.
#[derive(Debug)]
pub struct Alertmanager(Server);

impl Alertmanager {
    /// One that nobody has told anything.
    pub async fn start() -> Result<Self, AlertError> {
        let configuration = repository_root().join(CONFIGURATION);
        let home = Home::make("alertmanager")?;
        let server = Server::start("prometheus-alertmanager", home, |home, address| {
            vec![
                format!("--config.file={}", configuration.display()),
                format!("--storage.path={}", home.join("data").display()),
                format!("--web.listen-address={address}"),
                // Alone: it looks for no others.
                "--cluster.listen-address=".to_owned(),
            ]
        });
        Ok(Self(server.await?))
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The alerts that it knows and that are not over, by name.
    pub async fn known(&self) -> Result<BTreeMap<String, Reached>, AlertError> {
        // One answer with the inhibited ones: two questions would be answered at two moments.
        Ok(known(&self.0.get("/api/v2/alerts").await?))
    }
}

/// An alert is inhibited where every one of its name is: of two parts that are down one is told.
fn known(alerts: &Value) -> BTreeMap<String, Reached> {
    let mut known = BTreeMap::new();
    for alert in alerts.as_array().into_iter().flatten() {
        let Some(name) = alert["labels"]["alertname"].as_str() else { continue };
        let by = alert["status"]["inhibitedBy"].as_array();
        let reached =
            if by.is_some_and(|by| !by.is_empty()) { Reached::Inhibited } else { Reached::Yes };
        let best: &mut Reached = known.entry(name.to_owned()).or_default();
        *best = reached.max(*best);
    }
    known
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert(name: &str, state: &str, by: &[&str]) -> Value {
        json!({
            "labels": {"alertname": name, "severity": "page"},
            "status": {"state": state, "inhibitedBy": by, "silencedBy": []}
        })
    }

    #[test]
    fn an_alert_that_another_one_speaks_for_is_known_and_inhibited() {
        let answer = json!([
            alert("ClaimsFailing", "active", &[]),
            alert("ClaimsFailingSlowly", "suppressed", &["1f2e"]),
            alert("PartDown", "suppressed", &["1f2e"]),
            alert("PartDown", "unprocessed", &[]),
        ]);
        let known = known(&answer);
        assert_eq!(known["ClaimsFailing"], Reached::Yes);
        assert_eq!(known["ClaimsFailingSlowly"], Reached::Inhibited);
        assert_eq!(known["PartDown"], Reached::Yes, "one of the two is told");
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn what_is_no_list_of_alerts_names_none() {
        assert!(known(&json!({"error": "no"})).is_empty());
    }
}
