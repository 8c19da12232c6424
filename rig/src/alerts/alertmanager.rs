//! An Alertmanager with the repository's configuration.

use std::net::SocketAddr;

use super::error::AlertError;
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

    /// Names of the alerts that it knows and that are not over.
    pub async fn active(&self) -> Result<Vec<String>, AlertError> {
        let alerts = self.0.get("/api/v2/alerts").await?;
        let names = alerts.as_array().into_iter().flatten();
        Ok(names
            .filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned()))
            .collect())
    }
}
