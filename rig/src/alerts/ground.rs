//! What is broken: a stack with two events. One is asked for all the while; the other one was sold a
//! little of and stands still.

use std::net::SocketAddr;
use std::time::Duration;

use contract::event::Confirm;
use contract::ids::EventId;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params};
use tokio::time::sleep;

use super::error::AlertError;
use crate::check::mysql::Mysql;
use crate::faults::command::redis_cli;
use crate::faults::shard::{Shard, shard_of};
use crate::faults::{FaultError, http};
use crate::rush::event::{create, known};
use crate::stack::{Action, Handle, PartKind, wait_until};

/// More than anybody asks for meanwhile.
pub(super) const ENDLESS: u64 = 10_000_000;
/// Units sold of the event that stands still.
pub(super) const SOLD: u64 = 20;
/// Between two claims of the event that is asked for.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Whatever is undone is whole again within this: a Redis master may wait 30 s for its replica.
const BACK_WITHIN: Duration = Duration::from_secs(120);
/// For a few wins to become rows.
const ROWS_WITHIN: Duration = Duration::from_secs(30);

/// What cases work with.
pub(super) struct Ground {
    pub(super) stack: Handle,
    /// Asked for all the while.
    pub(super) busy: EventId,
    /// Stands still.
    pub(super) quiet: EventId,
    /// A transaction that holds locks, until it is dropped.
    pub(super) locks: Option<Conn>,
}

impl Ground {
    /// Makes the events.
    pub(super) async fn prepare(stack: Handle) -> Result<Self, AlertError> {
        let id = |name: &str| -> Result<EventId, FaultError> {
            name.parse().map_err(|_| failed(name, "no id"))
        };
        let (busy, quiet) = (id("alerts-busy")?, id("alerts-quiet")?);
        let ground = Self { stack, busy, quiet, locks: None };
        for event in [&ground.busy, &ground.quiet] {
            create(&ground.stack, event, ENDLESS, Confirm::Replica).await?;
            known(&ground.edges(), event).await?;
        }
        for number in 0..SOLD {
            let user = format!("quiet-{number}");
            let answer = http::claim(ground.edges()[0], claim_of(&ground.quiet, &user)).await;
            if !answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                return Err(failed("a claim", format!("{answer:?}")).into());
            }
        }
        ground.rows(SOLD).await?;
        Ok(ground)
    }

    pub(super) fn edges(&self) -> Vec<SocketAddr> {
        self.stack.addresses(PartKind::Edge)
    }

    /// Asks for the busy event until it is dropped, whatever the answers are.
    pub(super) async fn ask(edges: Vec<SocketAddr>, event: EventId) {
        for number in 0_u64.. {
            let edge = edges[usize::try_from(number).unwrap_or(0) % edges.len()];
            // What becomes of it is what the alerts are about.
            let _ = http::claim(edge, claim_of(&event, &format!("busy-{number}"))).await;
            sleep(ASK_EVERY).await;
        }
    }

    /// Waits until the quiet event has so many rows.
    pub(super) async fn rows(&self, wanted: u64) -> Result<(), FaultError> {
        let mysql = Mysql::new(&self.stack.mysql_url()?)?;
        let mysql = tokio::sync::Mutex::new(mysql);
        let rows = wait_until(ROWS_WITHIN, "the rows of the quiet event", || async {
            match mysql.lock().await.count(&self.quiet).await {
                Ok(rows) if rows == wanted => Ok(()),
                Ok(rows) => Err(format!("{rows} of {wanted}")),
                Err(error) => Err(error.to_string()),
            }
        });
        Ok(rows.await?)
    }

    /// Does the same to some parts.
    pub(super) async fn act(&self, parts: &[&str], action: Action) -> Result<(), FaultError> {
        for part in parts {
            self.stack.act(part, action).await?;
        }
        Ok(())
    }

    /// Starts parts that were stopped, and waits until they are ready.
    pub(super) async fn back(&self, parts: &[&str]) -> Result<(), FaultError> {
        self.act(parts, Action::Start).await?;
        for part in parts {
            self.stack.ready(part, BACK_WITHIN).await?;
        }
        Ok(())
    }

    /// Who carries the quiet event; the busy one may be carried by others.
    pub(super) async fn shard(&self) -> Result<Shard, FaultError> {
        shard_of(&self.stack, &self.quiet).await
    }

    /// One statement, as the programs would.
    pub(super) async fn mysql(
        &self,
        statement: &str,
        params: impl Into<Params> + Send,
    ) -> Result<(), FaultError> {
        let mut conn = self.connect().await?;
        conn.exec_drop(statement, params).await.map_err(|error| failed(statement, error))?;
        conn.disconnect().await.map_err(|error| failed(statement, error))
    }

    pub(super) async fn connect(&self) -> Result<Conn, FaultError> {
        let url = self.stack.mysql_url()?;
        Conn::from_url(url).await.map_err(|error| failed("a session of MySQL", error))
    }

    /// A command to the master of the quiet event's shard.
    pub(super) async fn redis(&self, words: &[&str]) -> Result<String, FaultError> {
        let master = self.shard().await?.master;
        let address = self.stack.status().part(&master)?.address;
        redis_cli(address, words).await
    }

    /// Asks the persister's command line; it must succeed.
    pub(super) async fn persister(&self, arguments: &[&str]) -> Result<(), FaultError> {
        let output = self.stack.persister(arguments).await?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(failed(&arguments.join(" "), String::from_utf8_lossy(&said)))
    }
}

pub(super) fn failed(what: &str, why: impl ToString) -> FaultError {
    FaultError::Failed { what: what.to_owned(), why: why.to_string() }
}

fn claim_of(event: &EventId, user: &str) -> String {
    format!("{{\"event_id\":\"{event}\",\"user_id\":\"{user}\"}}")
}
