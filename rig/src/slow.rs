//! Clients that open connections and send next to nothing, for as long as they are let.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::stack::{TooLate, wait_until};

/// What each begins with, and does not end.
const BEGINS: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: slow\r\nX-Slow: ";
/// Between two bytes.
const BYTE_EVERY: Duration = Duration::from_secs(1);
/// For a connection to be made.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// From the end of a connection to the next one.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The most of an answer that is looked at: there should be none.
const ANSWER_BYTES: usize = 1_024;
/// Most of them are open within this.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// Slow connections. Those that a server ends are made again. All end with the value.
#[derive(Debug)]
pub struct SlowSockets {
    wanted: usize,
    open: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// One that is open.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SlowSockets {
    /// Begins to open so many, spread over these servers.
    pub fn begin(servers: &[SocketAddr], wanted: usize) -> Self {
        let open = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for &server in servers.iter().cycle().take(wanted) {
            tasks.spawn(keep(server, Arc::clone(&open)));
        }
        Self { wanted, open, _tasks: tasks }
    }

    /// Whether nine in ten are open at this moment: a server may be ending some just now.
    pub fn most_are_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) * 10 >= self.wanted * 9
    }

    /// Waits until most are open.
    pub async fn are_open(&self) -> Result<(), TooLate> {
        let open = wait_until(OPEN_WITHIN, "slow connections", || async {
            let open = self.open.load(Ordering::Relaxed);
            if self.most_are_open() { Ok(()) } else { Err(format!("{open} of {}", self.wanted)) }
        });
        open.await
    }
}

/// Without end: one connection after another.
async fn keep(server: SocketAddr, open: Arc<AtomicUsize>) {
    loop {
        // However it ended, that is what a server may do with it.
        let _ = hold(server, &open).await;
        sleep(AGAIN_AFTER).await;
    }
}

/// One connection, until the server ends it.
async fn hold(server: SocketAddr, open: &Arc<AtomicUsize>) -> io::Result<()> {
    let mut stream = timeout(CONNECTED_WITHIN, TcpStream::connect(server)).await??;
    stream.write_all(BEGINS).await?;
    open.fetch_add(1, Ordering::Relaxed);
    let _open = Open(Arc::clone(open));
    let mut answer = [0; ANSWER_BYTES];
    // Until it says or ends something.
    while timeout(BYTE_EVERY, stream.read(&mut answer)).await.is_err() {
        stream.write_all(b"x").await?;
    }
    Ok(())
}
