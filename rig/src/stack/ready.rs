//! Is a part ready? One look at it, with a deadline.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use contract::topics;
use links::kafka::{Kafka, PartitionView};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::error::{Failure, StackError};
use super::mysql;
use super::part::PartKind;
use super::status::{PartStatus, Status};
use super::wait::{TooLate, wait_until};

/// One look.
const LOOK_WITHIN: Duration = Duration::from_secs(1);
/// One look at a broker asks all of them, twice.
const KAFKA_LOOK_WITHIN: Duration = Duration::from_secs(4);
/// What brokers agree on stays so for this long.
const KAFKA_STAYS: Duration = Duration::from_millis(500);
/// The most that an answer may have; CLUSTER NODES of six has 1 KB.
const ANSWER_MOST: usize = 64 * 1024;

/// What is still missing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// It does not answer.
    #[error("{0}")]
    Silent(#[from] io::Error),
    /// It does not answer in time.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// It says that it is not.
    #[error("{0}")]
    Says(String),
}

/// Waits until a part of a stack is ready. The error quotes its log and says what to do.
pub(super) async fn wait_ready(
    stack: &Status,
    part: &PartStatus,
    within: Duration,
) -> Result<(), StackError> {
    let ready = wait_until(within, "ready", || look(stack, part)).await;
    ready.map_err(|late| too_late(part, late))
}

/// What an error says of a part that did not get ready.
pub(super) fn too_late(part: &PartStatus, late: TooLate) -> StackError {
    let what = format!("{} is not ready after {} s", part.name, late.within.as_secs());
    Failure::quoting(&part.log, what, late.last, advice(part.kind))
}

/// Looks once.
async fn look(stack: &Status, part: &PartStatus) -> Result<(), NotReady> {
    let within = if part.kind == PartKind::Kafka { KAFKA_LOOK_WITHIN } else { LOOK_WITHIN };
    bounded(within, once(stack, part)).await
}

async fn once(stack: &Status, part: &PartStatus) -> Result<(), NotReady> {
    match part.kind {
        PartKind::Redis => redis(part.address).await,
        PartKind::Kafka => kafka(stack).await,
        PartKind::Mysql => mysql(part.address).await,
        PartKind::Nginx => http(part.address, "/health/live").await,
        PartKind::Edge => http(part.address, "/health/ready").await,
        PartKind::Baseline => listens(part.address).await,
        PartKind::Persister => http(part.private(), "/health").await,
    }
}

async fn bounded(
    within: Duration,
    look: impl Future<Output = Result<(), NotReady>>,
) -> Result<(), NotReady> {
    timeout(within, look).await.unwrap_or(Err(NotReady::Slow(within)))
}

fn advice(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Redis => {
            "a node that was master waits up to 30 s for its replica; otherwise another node is down: ./dev status"
        }
        PartKind::Kafka => "all three brokers must run: ./dev status",
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
    bounded(LOOK_WITHIN, async {
        ask(node, b"CLUSTER INFO\r\n", |answer| answer.contains("cluster_state:")).await?;
        Ok(())
    })
    .await
}

/// Whether a broker takes connections; before there are topics.
pub(super) async fn kafka_listens(broker: SocketAddr) -> Result<(), NotReady> {
    bounded(LOOK_WITHIN, listens(broker)).await
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

/// A broker that was stopped for some seconds says at first how it stood before; the others know
/// better. Where all were stopped they know it a moment later.
async fn kafka(stack: &Status) -> Result<(), NotReady> {
    let leaders = agreed(stack).await?;
    sleep(KAFKA_STAYS).await;
    if agreed(stack).await? == leaders {
        Ok(())
    } else {
        Err(NotReady::Says("the leaders of partitions change".to_owned()))
    }
}

/// Who leads each partition of each topic.
type Leaders = BTreeMap<(String, i32), Option<i32>>;

/// Who leads what, where every broker says the same and sees every replica in sync.
async fn agreed(stack: &Status) -> Result<Leaders, NotReady> {
    let mut leaders = None;
    for broker in stack.of_kind(PartKind::Kafka) {
        let said = whole(broker).await?;
        if *leaders.get_or_insert_with(|| said.clone()) != said {
            let why = format!("{} names other leaders than the brokers before it", broker.name);
            return Err(NotReady::Says(why));
        }
    }
    Ok(leaders.unwrap_or_default())
}

async fn whole(broker: &PartStatus) -> Result<Leaders, NotReady> {
    let says = |why: String| NotReady::Says(format!("{}: {why}", broker.name));
    let address = broker.address.to_string();
    let view = Kafka::plain(vec![address.clone()]).seen_by(&address, &topics::ALL).await;
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
    let each = view.topics.iter().flat_map(|topic| {
        let led = |one: &PartitionView| ((topic.name.clone(), one.number), one.leader);
        topic.partitions.iter().map(led)
    });
    Ok(each.collect())
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
