//! What an edge costs that nobody asks: CPU and memory, alone and with ten thousand open
//! connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::cpu;
use super::error::BenchError;
use super::figures::{RowReport, rounded};
use super::ground::Ground;
use super::memory;
use crate::stack::PartStatus;

/// Open connections.
const CONNECTIONS: u16 = 10_000;
/// How long nothing happens. A clock tick of 10 ms is then 0.1 % of a core.
const QUIET: Duration = Duration::from_secs(10);
/// For one connection to be made and answered once.
const OPENED_WITHIN: Duration = Duration::from_secs(5);
/// The longest answer to the first question, in bytes.
const ANSWER_BYTES: usize = 1_024;

/// Its row.
pub(super) async fn rows(ground: &Ground<'_>) -> Result<Vec<RowReport>, BenchError> {
    let edge = ground.fresh_edge().await?;
    let alone = (percent(&edge).await, resident(&edge));
    let connections = open(edge.address).await?;
    let open = (percent(&edge).await, resident(&edge));
    drop(connections);
    ground.end(&edge).await?;
    let figures = BTreeMap::from([
        ("cpu_percent".to_owned(), alone.0),
        ("memory_mb".to_owned(), alone.1),
        ("open_cpu_percent".to_owned(), open.0),
        ("open_memory_mb".to_owned(), open.1),
    ]);
    let name = "idle".to_owned();
    Ok(vec![RowReport { name, connections: CONNECTIONS, figures, ..RowReport::default() }])
}

/// CPU while nothing happens, in percent of a core.
async fn percent(edge: &PartStatus) -> f64 {
    let before = cpu::times(std::iter::once(edge));
    sleep(QUIET).await;
    let spent = cpu::spent(&before, &cpu::times(std::iter::once(edge)));
    let us = spent.get(&edge.name).copied().unwrap_or(0.0);
    rounded(us / QUIET.as_secs_f64() / 1e4)
}

fn resident(edge: &PartStatus) -> f64 {
    let resident = edge.pid.and_then(memory::of).map_or(0, |memory| memory.resident);
    rounded(memory::megabytes(resident))
}

/// Connections that were answered once, as a browser keeps them.
async fn open(edge: SocketAddr) -> Result<Vec<TcpStream>, BenchError> {
    let mut streams = Vec::with_capacity(usize::from(CONNECTIONS));
    for number in 1..=CONNECTIONS {
        let what = || format!("open connection {number} of {CONNECTIONS}");
        let stream = timeout(OPENED_WITHIN, asked_once(edge)).await;
        let stream = stream.unwrap_or_else(|late| Err(late.into()));
        streams.push(stream.map_err(BenchError::io(what()))?);
    }
    Ok(streams)
}

async fn asked_once(edge: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(edge).await?;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n").await?;
    let mut answer = [0; ANSWER_BYTES];
    if stream.read(&mut answer).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(stream)
}
