//! Is a part ready? One look at it, with a deadline.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use contract::topics;
use links::kafka::seen_by;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::{Failure, StackError};
use super::mysql;
use super::part::PartKind;
use super::status::PartStatus;
use super::wait::{TooLate, wait_until};

/// One look.
const LOOK_WITHIN: Duration = Duration::from_secs(1);
/// The most that an answer may have; CLUSTER NODES of six has 1 KB.
const ANSWER_MOST: usize = 64 * 1024;

/// What is still missing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// It does not answer.
    #[error("{0}")]
    Silent(#[from] io::Error),
    /// It does not answer in time.
    #[error("no answer within {LOOK_WITHIN:?}")]
    Slow,
    /// It says that it is not.
    #[error("{0}")]
    Says(String),
}

/// Waits until a part is ready. The error quotes its log and says what to do.
pub(super) async fn wait_ready(part: &PartStatus, within: Duration) -> Result<(), StackError> {
    let ready = wait_until(within, "ready", || look(part)).await;
    ready.map_err(|late| too_late(part, late))
}

/// What an error says of a part that did not get ready.
pub(super) fn too_late(part: &PartStatus, late: TooLate) -> StackError {
    let what = format!("{} is not ready after {} s", part.name, late.within.as_secs());
    Failure::quoting(&part.log, what, late.last, advice(part.kind))
}

/// Looks once.
pub(super) async fn look(part: &PartStatus) -> Result<(), NotReady> {
    bounded(once(part)).await
}

async fn once(part: &PartStatus) -> Result<(), NotReady> {
    match part.kind {
        PartKind::Redis => redis(part.address).await,
        PartKind::Kafka => kafka(part.address).await,
        PartKind::Mysql => mysql(part.address).await,
        PartKind::Nginx => http(part.address, "/health/live").await,
        PartKind::Edge => http(part.address, "/health/ready").await,
        PartKind::Baseline => listens(part.address).await,
        PartKind::Persister => http(part.private(), "/health").await,
    }
}

async fn bounded(look: impl Future<Output = Result<(), NotReady>>) -> Result<(), NotReady> {
    timeout(LOOK_WITHIN, look).await.unwrap_or(Err(NotReady::Slow))
}

fn advice(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Redis => {
            "a node that was master waits up to 30 s for its replica; otherwise another node is down: ./dev status"
        }
        PartKind::Kafka => "two of the three brokers must run: ./dev status",
        PartKind::Mysql => {
            "if the log names a file or a port, free it; then ./dev part mysql-1 restart"
        }
        PartKind::Nginx => {
            "NGINX answers this itself: the log says which line of nginx/ it refuses"
        }
        PartKind::Edge => "an edge needs Redis and Kafka: ./dev status shows whether they run",
        PartKind::Baseline => "its log says what it lacks",
        PartKind::Persister => "a persister needs MySQL, Kafka and Redis: ./dev status",
    }
}

/// Whether a Redis node answers at all; before the cluster is joined.
pub(super) async fn redis_answers(node: SocketAddr) -> Result<(), NotReady> {
    bounded(async {
        ask(node, b"CLUSTER INFO\r\n", |answer| answer.contains("cluster_state:")).await?;
        Ok(())
    })
    .await
}

/// Whether a broker takes connections; before there are topics.
pub(super) async fn kafka_listens(broker: SocketAddr) -> Result<(), NotReady> {
    bounded(listens(broker)).await
}

async fn listens(server: SocketAddr) -> Result<(), NotReady> {
    TcpStream::connect(server).await?;
    Ok(())
}

async fn redis(node: SocketAddr) -> Result<(), NotReady> {
    let both =
        |answer: &str| answer.contains("cluster_state:") && answer.contains("repl_backlog_histlen");
    let answer = ask(node, b"CLUSTER INFO\r\nINFO replication\r\n", both).await?;
    redis_says(&answer)
}

/// Reads CLUSTER INFO and INFO replication.
fn redis_says(answer: &str) -> Result<(), NotReady> {
    let has = |line: &str| answer.lines().any(|found| found.trim_end() == line);
    let says = |what: &str| Err(NotReady::Says(what.to_owned()));
    if !has("cluster_state:ok") {
        says("cluster_state is not ok")
    } else if has("role:slave") && !has("master_link_status:up") {
        says("master_link_status is not up")
    } else if has("role:master") && has("connected_slaves:0") {
        says("no replica is connected")
    } else {
        Ok(())
    }
}

async fn kafka(broker: SocketAddr) -> Result<(), NotReady> {
    let says = |why: String| NotReady::Says(why);
    let view = seen_by(&broker.to_string(), &topics::ALL).await;
    let view = view.map_err(|error| says(error.to_string()))?;
    if view.topics.len() < topics::ALL.len() {
        return Err(says("topics are missing".to_owned()));
    }
    let partitions = || view.topics.iter().flat_map(|topic| &topic.partitions);
    let (all, whole) = (partitions().count(), partitions().filter(|one| one.is_whole()).count());
    if whole < all {
        let short = all - whole;
        let why = format!("{short} of {all} partitions lack a leader or a replica in sync");
        return Err(says(why));
    }
    Ok(())
}

async fn mysql(server: SocketAddr) -> Result<(), NotReady> {
    mysql::ping(server).await.map_err(|error| NotReady::Says(error.to_string()))
}

async fn http(server: SocketAddr, path: &str) -> Result<(), NotReady> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    let answer = ask(server, request.as_bytes(), |answer| answer.contains("\r\n")).await?;
    let first = answer.lines().next().unwrap_or_default();
    match first.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(NotReady::Says(format!("GET {path} answers {first:?}"))),
    }
}

/// Sends a request and reads until the answer is whole.
async fn ask(
    server: SocketAddr,
    request: &[u8],
    is_whole: impl Fn(&str) -> bool,
) -> io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    while answer.len() < ANSWER_MOST {
        let read = stream.read_buf(&mut answer).await?;
        let text = String::from_utf8_lossy(&answer);
        if is_whole(&text) {
            return Ok(text.into_owned());
        }
        if read == 0 {
            break;
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_node_is_ready_with_its_cluster_and_its_link() {
        let ready = |answer: &str| redis_says(answer).is_ok();
        assert!(ready("cluster_state:ok\r\nrole:slave\r\nmaster_link_status:up\r\n"));
        assert!(ready("cluster_state:ok\r\nrole:master\r\nconnected_slaves:1\r\n"));
        assert!(!ready("cluster_state:fail\r\nrole:slave\r\nmaster_link_status:up\r\n"));
        assert!(!ready("cluster_state:ok\r\nrole:slave\r\nmaster_link_status:down\r\n"));
        assert!(!ready("cluster_state:ok\r\nrole:master\r\nconnected_slaves:0\r\n"));
    }
}
