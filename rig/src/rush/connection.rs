//! One keep-alive HTTP/1.1 connection, made again when it is lost.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::line::Lost;

/// For the handshake of TCP.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// From sending a request to the last byte of its answer: more than the edge's own deadline of
/// 2 s, less than a user's patience.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// A connection to one of several servers; after a loss it goes to the next of them.
pub struct Connection {
    addresses: Vec<SocketAddr>,
    turn: usize,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes; polled only while a request is under way, in the same task.
    driver: Pin<Box<Driver>>,
}

impl Connection {
    /// A connection that is made with the first request, to the address whose `turn` it is.
    pub fn new(addresses: Vec<SocketAddr>, turn: usize) -> Self {
        Self { addresses, turn, open: None }
    }

    /// The server that the next request goes to.
    pub fn address(&self) -> SocketAddr {
        self.addresses[self.turn % self.addresses.len()]
    }

    /// Sends a request and reads the response. After an error the connection is gone, and whether
    /// the request was carried out is unknown unless it was never sent.
    pub async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Response, Lost> {
        let mut open = match self.still_open().await {
            Some(open) => open,
            None => match connect(self.address()).await {
                Ok(open) => open,
                Err(lost) => {
                    self.turn += 1;
                    return Err(lost);
                }
            },
        };
        let exchanged = timeout(ANSWER_TIMEOUT, exchange(&mut open, request)).await;
        match exchanged.unwrap_or(Err(Lost::TimedOut)) {
            Ok((response, Ended::No)) => {
                self.open = Some(open);
                Ok(response)
            }
            Ok((response, Ended::Yes)) => Ok(response),
            Err(lost) => {
                self.turn += 1;
                Err(lost)
            }
        }
    }

    /// The open connection, unless the server has closed it while it was idle.
    async fn still_open(&mut self) -> Option<Open> {
        let mut open = self.open.take()?;
        tokio::select! {
            biased;
            _ = &mut open.driver => None,
            ready = open.sender.ready() => ready.ok().map(|()| open),
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The `Retry-After` header.
    pub retry_after: Option<HeaderValue>,
    /// The body.
    pub body: Bytes,
}

/// Whether the connection ended with the response.
enum Ended {
    Yes,
    No,
}

async fn connect(address: SocketAddr) -> Result<Open, Lost> {
    let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let stream = connecting.map_err(|_| Lost::NotConnected)?.map_err(|_| Lost::NotConnected)?;
    // A request is one small write: it must not wait for the acknowledgement of the last one.
    stream.set_nodelay(true).map_err(|_| Lost::NotConnected)?;
    let (sender, driver) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| Lost::NotConnected)?;
    Ok(Open { sender, driver: Box::pin(driver) })
}

async fn exchange(
    open: &mut Open,
    request: Request<Full<Bytes>>,
) -> Result<(Response, Ended), Lost> {
    let mut reading = std::pin::pin!(send_and_read(&mut open.sender, request));
    tokio::select! {
        biased;
        response = &mut reading => response.map(|response| (response, Ended::No)),
        // The server closed after its response, or instead of it: if it is whole, it is there.
        _ = &mut open.driver => reading.await.map(|response| (response, Ended::Yes)),
    }
}

async fn send_and_read(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response, Lost> {
    let response = sender.send_request(request).await;
    let response = response.map_err(|_| Lost::Disconnected)?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).cloned();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
    let body = body.collect().await.map_err(|_| Lost::Disconnected)?.to_bytes();
    Ok(Response { status, retry_after, body })
}
