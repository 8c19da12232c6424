//! A script call and its WAIT in one write, on a connection of its own.
//!
//! A win is told only when the master and its replicas hold it. WAIT says so, but only about
//! writes of the same connection, it blocks whatever is queued behind it, and as a connection's
//! first command it passes falsely. So both commands are written together here and fail together.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use bytes::BytesMut;
use redis_protocol::resp2::decode::decode_bytes_mut;
use redis_protocol::resp2::encode::extend_encode_borrowed;
use redis_protocol::resp2::types::BorrowedFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::redis::{RedisError, Reply, Script, ServerError, is_noscript};

/// To connect.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// For a call with its WAIT, and with the EVAL where that is needed. Above any WAIT's own time.
const CALL_TIMEOUT: Duration = Duration::from_millis(500);
/// What the buffers begin with: a call of 128 claims and its reply fit.
const BUFFER_BYTES: usize = 16 * 1024;
/// A longer reply is taken for a broken one.
const MAX_REPLY_BYTES: usize = 8 * 1024 * 1024;

/// Whether to wait for replicas after the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// Do not: it failed a moment ago.
    Skip,
    /// Until so many replicas hold what the node has written.
    Replicas {
        /// How many.
        count: u32,
        /// For how long at most; never 0, which would wait for ever.
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
}

struct Wire {
    stream: TcpStream,
    out: BytesMut,
    input: BytesMut,
}

impl ScriptConnection {
    /// Connects within 500 ms, inside the runtime that will use the connection.
    pub async fn connect(address: SocketAddr) -> Result<Self, RedisError> {
        let failed = |error: io::Error| RedisError::NotExecuted(format!("{address}: {error}"));
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .map_err(|_| failed(io::ErrorKind::TimedOut.into()))?
            .map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let wire = Wire {
            stream,
            out: BytesMut::with_capacity(BUFFER_BYTES),
            input: BytesMut::with_capacity(BUFFER_BYTES),
        };
        Ok(Self { wire: Some(wire) })
    }

    /// Whether another call can be made.
    pub fn is_open(&self) -> bool {
        self.wire.is_some()
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
        let answer = timeout(CALL_TIMEOUT, wire.call(script, keys, args, wait))
            .await
            .map_err(|_| lost(io::ErrorKind::TimedOut.into()))?
            .map_err(lost)?;
        // Every reply was read, so the next call begins with its own.
        self.wire = Some(wire);
        Ok(answer?)
    }
}

type Answer = Result<(Reply, Held), ServerError>;

impl Wire {
    async fn call(
        &mut self,
        script: &Script,
        keys: &[&str],
        args: &[&str],
        wait: WaitFor,
    ) -> io::Result<Answer> {
        match self
            .pair(["EVALSHA", script.sha1()], keys, args, wait)
            .await?
        {
            // A promoted replica has not seen the script. The WAIT above waited for nothing.
            Err(error) if is_noscript(&error) => {
                self.pair(["EVAL", script.source()], keys, args, wait).await
            }
            answer => Ok(answer),
        }
    }

    /// Writes the script call and its WAIT at once, and reads both replies whatever the first is.
    async fn pair(
        &mut self,
        call: [&str; 2],
        keys: &[&str],
        args: &[&str],
        wait: WaitFor,
    ) -> io::Result<Answer> {
        let count = keys.len().to_string();
        self.out.clear();
        self.push(&[call.as_slice(), &[count.as_str()], keys, args].concat())?;
        if let WaitFor::Replicas { count, timeout_ms } = wait {
            self.push(&["WAIT", &count.to_string(), &timeout_ms.to_string()])?;
        }
        self.stream.write_all(&self.out).await?;
        let reply = self.read().await?;
        let held = match wait {
            WaitFor::Skip => Held::NotShown,
            WaitFor::Replicas { count, .. } => held(self.read().await?, count),
        };
        if self.input.is_empty() {
            Ok(reply.map(|reply| (reply, held)))
        } else {
            Err(io::Error::other("more replies than commands"))
        }
    }

    fn push(&mut self, words: &[&str]) -> io::Result<()> {
        let words = words
            .iter()
            .map(|word| BorrowedFrame::BulkString(word.as_bytes()));
        let words: Vec<BorrowedFrame<'_>> = words.collect();
        extend_encode_borrowed(&mut self.out, &BorrowedFrame::Array(&words), false)
            .map(|_| ())
            .map_err(io::Error::other)
    }

    async fn read(&mut self) -> io::Result<Result<Reply, ServerError>> {
        loop {
            if let Some((frame, ..)) =
                decode_bytes_mut(&mut self.input).map_err(io::Error::other)?
            {
                return Ok(Reply::from_resp2(frame));
            }
            if self.input.len() > MAX_REPLY_BYTES {
                return Err(io::Error::other("a reply beyond all bounds"));
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// WAIT answers with the number of replicas, or with an error where the node was demoted.
fn held(reply: Result<Reply, ServerError>, wanted: u32) -> Held {
    match reply.ok().and_then(|reply| reply.integer()) {
        Some(count) if count >= i64::from(wanted) => Held::Twice,
        _ => Held::NotShown,
    }
}
