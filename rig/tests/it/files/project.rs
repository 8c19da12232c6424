//! `docker-compose.yml` as compose's own library reads it, with `.env.example` for `.env`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use super::{RUN_WITHIN, file, output, succeeded, tool};

/// The whole file, every profile included.
pub(super) struct Project(Value);

impl Project {
    pub(super) async fn load() -> Self {
        let output = load_with(&file(".env.example")).await;
        Self(serde_json::from_str(&succeeded(&output)).unwrap())
    }

    pub(super) fn services(&self) -> impl Iterator<Item = Service<'_>> {
        let services = self.0["services"].as_object().unwrap();
        services.iter().map(|(name, value)| Service { name, value })
    }

    pub(super) fn service(&self, name: &str) -> Service<'_> {
        self.services().find(|service| service.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub(super) fn top(&self, name: &str) -> &Value {
        &self.0[name]
    }
}

/// What the loader prints for an environment file.
pub(super) async fn load_with(environment: &Path) -> std::process::Output {
    let mut command = Command::new(tool("compose").await);
    command.arg(environment).arg(file("docker-compose.yml"));
    // What this process happens to have set must not fill in for .env.
    command.env_clear().env("HOME", "/nonexistent");
    output(command, RUN_WITHIN).await
}

/// A service, all anchors and defaults resolved.
#[derive(Clone, Copy)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
}

impl<'a> Service<'a> {
    pub(super) fn text(&self, field: &str) -> &'a str {
        self.value[field].as_str().unwrap_or_default()
    }

    /// A list of words, such as the command.
    pub(super) fn words(&self, field: &str) -> Vec<&'a str> {
        let words = self.value[field].as_array().map(Vec::as_slice).unwrap_or_default();
        words.iter().map(|word| word.as_str().unwrap()).collect()
    }

    pub(super) fn environment(&self) -> BTreeMap<&'a str, &'a str> {
        let pairs = self.value["environment"].as_object().into_iter().flatten();
        pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
    }

    /// Its address in the network of the parts.
    pub(super) fn address(&self) -> &'a str {
        self.value["networks"]["inside"]["ipv4_address"].as_str().unwrap()
    }

    /// Ends by itself, rather than serving.
    pub(super) fn runs_once(&self) -> bool {
        self.text("restart") != "unless-stopped"
    }

    pub(super) fn mounts(&self) -> impl Iterator<Item = &'a Value> {
        self.value["volumes"].as_array().into_iter().flatten()
    }

    /// The checkout's file behind a path of the container, if a mount brings it there.
    pub(super) fn mounted(&self, path: &str) -> Option<std::path::PathBuf> {
        let binds = self.mounts().filter(|mount| mount["type"] == "bind");
        binds
            .filter_map(|mount| {
                let rest = Path::new(path).strip_prefix(mount["target"].as_str()?).ok()?;
                Some(Path::new(mount["source"].as_str()?).join(rest))
            })
            .next()
    }

    /// Whom it waits for, and until what.
    pub(super) fn waits_for(&self) -> Vec<(&'a str, &'a str)> {
        let waits = self.value["depends_on"].as_object().into_iter().flatten();
        waits.map(|(name, how)| (name.as_str(), how["condition"].as_str().unwrap())).collect()
    }
}
