//! What edges say of claims on their private ports. Only counts are read: whoever looks makes rates of
//! them, by the difference of two looks.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For all of an edge's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// The most of an answer that is read; an edge's has some 40 KB.
const MOST_BYTES: u64 = 1024 * 1024;

/// As `edge/src/metrics.rs` names them.
const REQUESTS: &str = "firstcome_edge_requests_total";
const CLAIMS: &str = "issue";
const SECONDS: &str = "firstcome_edge_claim_seconds_bucket";
const BUFFERED: &str = "firstcome_edge_wins_buffered";

/// An edge, as its metrics show it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Edge {
    /// The private address that was asked.
    pub address: String,
    /// Why there is no answer; empty: there is one.
    pub trouble: String,
    /// Claims that it answered since it began, by the answer's code.
    pub claims: BTreeMap<String, u64>,
    /// Claims asked of Redis since it began, by how long they took at most.
    pub took: Vec<Bucket>,
    /// Wins that Kafka has not acknowledged.
    pub buffered: u64,
}

/// So many claims took so long at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bucket {
    /// Seconds; null: however long.
    pub within_s: Option<f64>,
    /// Claims.
    pub count: u64,
}

/// Asks all of them at once.
pub(super) async fn look(edges: &[String]) -> Vec<Edge> {
    join_all(edges.iter().map(|address| look_at(address))).await
}

async fn look_at(address: &str) -> Edge {
    let trouble = match timeout(ANSWER_WITHIN, get(address)).await {
        Ok(Ok(page)) => match page.split_once("\r\n\r\n") {
            Some((head, page)) if is_ok(head) => return read(address, page),
            _ => "it does not answer with its metrics".to_owned(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", ANSWER_WITHIN.as_secs()),
    };
    Edge { address: address.to_owned(), trouble, ..Edge::default() }
}

/// HTTP/1.0: the answer ends with the connection, and has no chunks.
async fn get(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .await?;
    let mut page = String::new();
    stream.take(MOST_BYTES).read_to_string(&mut page).await?;
    Ok(page)
}

fn is_ok(head: &str) -> bool {
    head.split(' ').nth(1) == Some("200")
}

fn read(address: &str, page: &str) -> Edge {
    let mut edge = Edge { address: address.to_owned(), ..Edge::default() };
    for (name, labels, value) in page.lines().filter_map(sample) {
        match name {
            REQUESTS if label(labels, "route") == Some(CLAIMS) => {
                let code = label(labels, "code").unwrap_or_default();
                *edge.claims.entry(code.to_owned()).or_default() += count(value);
            }
            SECONDS => add(&mut edge.took, label(labels, "le").unwrap_or_default(), count(value)),
            BUFFERED => edge.buffered += count(value),
            _ => {}
        }
    }
    edge.claims.retain(|_, count| *count > 0);
    edge
}

/// A histogram may have more labels than its buckets: those are added up.
fn add(buckets: &mut Vec<Bucket>, le: &str, count: u64) {
    let within_s = le.parse().ok().filter(|seconds: &f64| seconds.is_finite());
    match buckets.iter_mut().find(|bucket| bucket.within_s == within_s) {
        Some(bucket) => bucket.count += count,
        None => buckets.push(Bucket { within_s, count }),
    }
}

/// A line's name, labels and value; None: it is a comment, or nothing.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    (!line.starts_with('#')).then_some((name, labels.trim_end_matches('}'), value.parse().ok()?))
}

/// What a label says. Labels of edges are words of closed lists: none has a quote or a comma.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, text)| text.trim_matches('"'))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, not negative")]
fn count(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# HELP firstcome_edge_requests_total Requests answered.
# TYPE firstcome_edge_requests_total counter
firstcome_edge_requests_total{route=\"issue\",code=\"issued\"} 40
firstcome_edge_requests_total{route=\"issue\",code=\"sold_out\"} 2
firstcome_edge_requests_total{route=\"issue\",code=\"busy\"} 0
firstcome_edge_requests_total{route=\"status\",code=\"ok\"} 7
firstcome_edge_claim_seconds_bucket{core=\"0\",le=\"0.001\"} 3
firstcome_edge_claim_seconds_bucket{core=\"0\",le=\"+Inf\"} 4
firstcome_edge_claim_seconds_bucket{core=\"1\",le=\"0.001\"} 1
firstcome_edge_claim_seconds_bucket{core=\"1\",le=\"+Inf\"} 1
firstcome_edge_claim_seconds_sum 0.25
firstcome_edge_wins_buffered 12

nonsense
";

    #[test]
    fn claims_and_their_times_are_read_from_a_page_of_metrics() {
        let edge = read("10.0.0.1:9080", PAGE);
        assert_eq!((edge.address.as_str(), edge.trouble.as_str()), ("10.0.0.1:9080", ""));
        let claims = [("issued".to_owned(), 40), ("sold_out".to_owned(), 2)];
        assert_eq!(edge.claims, BTreeMap::from(claims));
        let bucket = |within_s, count| Bucket { within_s, count };
        assert_eq!(edge.took, [bucket(Some(0.001), 4), bucket(None, 5)]);
        assert_eq!(edge.buffered, 12);
    }

    #[tokio::test]
    async fn an_edge_that_is_not_there_says_so_and_hides_no_other() {
        let seen = look(&["127.0.0.1:1".to_owned(), "no-such-host.invalid:1".to_owned()]).await;
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|edge| !edge.trouble.is_empty() && edge.claims.is_empty()));
    }
}
