//! Parts beside those that a stack begins with: what benches measure and compare with.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::process::Command;

use super::error::StackError;
use super::nginx::Limits;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::plan::{READY_WITHIN, launch};
use super::ports::{BASELINES, EDGES, Use};
use super::running::Stack;
use super::status::PartStatus;
use super::{edge, nginx, ready, repository};

/// A baseline holds nothing that must be finished.
const BASELINE_ENDS_WITHIN: Duration = Duration::from_secs(5);

impl Stack {
    /// Starts one more edge, with these variables beside an edge's usual ones, and returns when it
    /// is ready. NGINX does not know it.
    pub async fn add_edge(
        &self,
        variables: &[(&'static str, &str)],
    ) -> Result<PartStatus, StackError> {
        let number = self.next(PartKind::Edge, EDGES)?;
        let mut spec = edge::spec(self.directory(), self.ports(), &self.servers(), number)?;
        let more = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        spec.environment.extend(more);
        self.add_and_wait(spec).await
    }

    /// Starts an NGINX in front of these edges that moves bytes and reads no HTTP.
    pub async fn add_forwarder(&self, edges: &[SocketAddr]) -> Result<PartStatus, StackError> {
        let spec = nginx::forwarder_spec(self.directory(), self.ports(), edges)?;
        self.add_and_wait(spec).await
    }

    /// Starts an NGINX in front of these edges like the stack's own, but over TLS: the address is the
    /// one that is asked over it.
    pub async fn add_tls_proxy(&self, edges: &[SocketAddr]) -> Result<PartStatus, StackError> {
        let ports = self.ports();
        let spec = nginx::tls_spec(self.directory(), ports, edges, Limits::Demo).await?;
        let part = self.add_and_wait(spec).await?;
        Ok(PartStatus { address: nginx::tls_address(ports), ..part })
    }

    /// Starts the program `baseline` with a subcommand's words, as a part of this name; where to
    /// serve is added to the words.
    pub async fn add_baseline(
        &self,
        name: &str,
        words: &[String],
    ) -> Result<PartStatus, StackError> {
        let number = self.next(PartKind::Baseline, BASELINES)?;
        let address = self.ports().address(Use::Baseline, number);
        let mut arguments: Vec<_> = words.iter().map(Into::into).collect();
        arguments.extend(["--listen".into(), address.to_string().into()]);
        let spec = PartSpec {
            kind: PartKind::Baseline,
            address,
            metrics: None,
            tls: None,
            program: repository::program("baseline")?,
            arguments,
            environment: Vec::new(),
            more_environment: Vec::new(),
            directory: self.directory().make(name)?,
            log: self.directory().log(name),
            when_rig_dies: WhenRigDies::Kill,
            end_within: BASELINE_ENDS_WITHIN,
            name: name.to_owned(),
        };
        self.add_and_wait(spec).await
    }

    /// The program `baseline`, for what runs to its end.
    pub fn baseline_command(&self) -> Result<Command, StackError> {
        Ok(Command::new(repository::program("baseline")?))
    }

    /// The number of one more part, from 0; those that have ended keep theirs.
    fn next(&self, kind: PartKind, most: u16) -> Result<u16, StackError> {
        let number = self.status().of_kind(kind).count();
        let number = u16::try_from(number).ok().filter(|&number| number < most);
        number.ok_or(StackError::NoMore { kind, most })
    }

    async fn add_and_wait(&self, spec: PartSpec) -> Result<PartStatus, StackError> {
        let name = spec.name.clone();
        launch(self, vec![spec]).await?;
        let status = self.status();
        ready::wait_ready(&status, status.part(&name)?, READY_WITHIN).await?;
        self.status().part(&name).cloned()
    }
}
