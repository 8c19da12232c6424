//! A connection to a Redis node that carries commands as they are: RESP out, RESP in.

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use redis_protocol::resp2::decode::decode_bytes_mut;
use redis_protocol::resp2::encode::extend_encode_borrowed;
use redis_protocol::resp2::types::BorrowedFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::redis::{Reply, ServerError};
use crate::tls::{self, Stream, Tls};

/// What the buffers begin with: a call of 128 claims and its reply fit.
const BUFFER_BYTES: usize = 16 * 1024;
/// Room for every read, so that a buffer that is nearly used up does not make for short ones.
const READ_BYTES: usize = 4 * 1024;
/// A longer reply is taken for a broken one.
const MAX_REPLY_BYTES: usize = 8 * 1024 * 1024;

/// A connection. It has no deadlines of its own.
pub(crate) struct Wire {
    stream: Stream,
    out: BytesMut,
    input: BytesMut,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr, tls: Option<&Tls>) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Ok(Self {
            stream: tls::over(stream, &address.ip().to_string(), tls).await?,
            out: BytesMut::with_capacity(BUFFER_BYTES),
            input: BytesMut::with_capacity(BUFFER_BYTES),
        })
    }

    /// Adds a command to the next [`Wire::send`].
    pub(crate) fn push(&mut self, words: &[&str]) -> io::Result<()> {
        let words = words.iter().map(|word| BorrowedFrame::BulkString(word.as_bytes()));
        let words: Vec<BorrowedFrame<'_>> = words.collect();
        extend_encode_borrowed(&mut self.out, &BorrowedFrame::Array(&words), false)
            .map(|_| ())
            .map_err(io::Error::other)
    }

    /// Writes all commands that were pushed, at once.
    pub(crate) async fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out).await?;
        self.stream.flush().await?;
        self.out.clear();
        Ok(())
    }

    /// Reads the next reply.
    pub(crate) async fn read(&mut self) -> io::Result<Result<Reply, ServerError>> {
        loop {
            let decoded = decode_bytes_mut(&mut self.input).map_err(io::Error::other)?;
            if let Some((frame, ..)) = decoded {
                return Ok(Reply::from_resp2(frame));
            }
            if self.input.len() > MAX_REPLY_BYTES {
                return Err(io::Error::other("a reply beyond all bounds"));
            }
            self.input.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether something was read that nobody asked for.
    pub(crate) fn has_unread(&self) -> bool {
        !self.input.is_empty()
    }
}
