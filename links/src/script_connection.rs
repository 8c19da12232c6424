//! A script call and its WAIT in one write, on a connection of its own.
//!
//! A win is told only when the master and its replicas hold it. WAIT says so, but only about what
//! was written before it on the same connection, it blocks whatever is queued behind it, and as a
//! connection's first command it passes falsely. So both are written together here and fail
//! together.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::access::Access;
use crate::failpoint;
use crate::redis::{RedisError, Reply, Script, ServerError, is_noscript};
use crate::wire::Wire;

/// To connect.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// For a call with its WAIT, and with the EVAL where that is needed. Above any WAIT's own time.
const CALL_TIMEOUT: Duration = Duration::from_millis(500);

/// Whether to wait for replicas after the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// Do not: it failed a moment ago.
    Skip,
    /// Until so many replicas hold what the node has written.
    Replicas {
        /// How many.
        count: u32,
        /// For how long at most, well below a call's 500 ms; never 0, which would be for ever.
        timeout_ms: NonZeroU32,
    },
}

/// Whether what the script returned is held by the replicas as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// By the master and as many replicas as were asked for.
    Twice,
    /// Not shown: skipped, too few answered in time, or WAIT failed.
    NotShown,
}

/// A connection to one master. A call that fails closes it; so does one that is dropped half-way.
pub struct ScriptConnection {
    wire: Option<Wire>,
    /// From the last call's reply to that of its WAIT.
    waited: Duration,
}

type Answer = Result<(Reply, Held), ServerError>;

impl ScriptConnection {
    /// Connects, and logs in, within 500 ms, inside the runtime that will use the connection.
    pub async fn connect(address: SocketAddr, access: &Access) -> Result<Self, RedisError> {
        let failed = |error: io::Error| RedisError::NotExecuted(format!("{address}: {error}"));
        let wire = timeout(CONNECT_TIMEOUT, logged_in(address, access))
            .await
            .map_err(|_| failed(io::ErrorKind::TimedOut.into()))?
            .map_err(failed)?;
        Ok(Self { wire: Some(wire), waited: Duration::ZERO })
    }

    /// Whether another call can be made.
    pub fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// How long the last call that was answered waited for replicas behind its script.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Runs a script and waits for the replicas, within 500 ms.
    ///
    /// After an error that Redis answered with (`NotOwner`, `NotExecuted`, `Refused`) the
    /// connection is still open; after `Unknown` it is closed. On a closed one nothing is sent.
    pub async fn call(
        &mut self,
        script: &Script,
        keys: &[&str],
        args: &[&str],
        wait: WaitFor,
    ) -> Result<(Reply, Held), RedisError> {
        let closed = || RedisError::NotExecuted("the connection is closed".to_owned());
        let lost = |error: io::Error| RedisError::Unknown(error.to_string());
        let mut wire = self.wire.take().ok_or_else(closed)?;
        let (answer, waited) = timeout(CALL_TIMEOUT, call(&mut wire, script, keys, args, wait))
            .await
            .map_err(|_| lost(io::ErrorKind::TimedOut.into()))?
            .map_err(lost)?;
        // Every reply was read, so the next call begins with its own.
        self.wire = Some(wire);
        self.waited = waited;
        Ok(answer?)
    }
}

async fn logged_in(address: SocketAddr, access: &Access) -> io::Result<Wire> {
    let mut wire = Wire::connect(address, access.tls.as_ref()).await?;
    if let Some(login) = &access.login {
        wire.push(&["AUTH", &login.user, login.password()])?;
        wire.send().await?;
        wire.read().await?.map_err(|ServerError(text)| io::Error::other(text))?;
    }
    Ok(wire)
}

async fn call(
    wire: &mut Wire,
    script: &Script,
    keys: &[&str],
    args: &[&str],
    wait: WaitFor,
) -> io::Result<(Answer, Duration)> {
    let count = keys.len().to_string();
    let evalsha = [&["EVALSHA", script.sha1(), &count], keys, args].concat();
    match pair(wire, &evalsha, wait).await? {
        // A promoted replica has not seen the script. The WAIT that went with it meant nothing.
        (Err(error), _) if is_noscript(&error) => {
            let eval = [&["EVAL", script.source(), &count], keys, args].concat();
            pair(wire, &eval, wait).await
        }
        answer => Ok(answer),
    }
}

/// Sends a script call and its WAIT, and reads both replies whatever the first one is.
async fn pair(wire: &mut Wire, call: &[&str], wait: WaitFor) -> io::Result<(Answer, Duration)> {
    wire.push(call)?;
    if let WaitFor::Replicas { count, timeout_ms } = wait {
        wire.push(&["WAIT", &count.to_string(), &timeout_ms.to_string()])?;
    }
    wire.send().await?;
    let reply = wire.read().await?;
    failpoint::reach(failpoint::AFTER_SCRIPT);
    let replied = Instant::now();
    let held = match wait {
        WaitFor::Skip => Held::NotShown,
        WaitFor::Replicas { count, .. } => held(&wire.read().await?, count),
    };
    if wire.has_unread() {
        return Err(io::Error::other("more replies than commands"));
    }
    Ok((reply.map(|reply| (reply, held)), replied.elapsed()))
}

/// WAIT answers with the number of replicas, or with an error where the node was demoted.
fn held(reply: &Result<Reply, ServerError>, wanted: u32) -> Held {
    match reply.as_ref().ok().and_then(Reply::integer) {
        Some(count) if count >= i64::from(wanted) => Held::Twice,
        _ => Held::NotShown,
    }
}
