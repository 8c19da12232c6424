//! What answers cost in counts, not times: calls of the script, calls of the kernel. So that a
//! change which makes the way of a claim dearer is seen whatever the machine is doing.

use std::path::{Path, PathBuf};

use contract::ids::EventId;
use rig::stack::{repository_root, shared};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Connection, ISSUE, claim, metric};
use crate::event::{Terms, created, known_by, new_id};
use crate::own_edge::OwnEdge;
use crate::stack::{SOON, Stack};

/// Connections whose claims are there at once, and claims of each, written together. Each is
/// answered before the next of its connection is read.
const CONNECTIONS: usize = 250;
const CLAIMS: usize = 4;
/// Of the edge, so that the count is the same on every machine.
const CORES: &str = "2";
/// Two calls for each round of each core are 16, which is what was measured; one a claim would be
/// 1,000.
const MAX_CALLS: f64 = 40.0;

#[tokio::test]
async fn a_thousand_claims_at_once_are_few_script_calls() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("calls");
    created(&stack, &event, Terms::stock(2_000)).await;
    let cores = ("FIRSTCOME_CORES", Path::new(CORES));
    let edge = OwnEdge::start_with(&stack, &[cores]).await;
    known_by(&[edge.address], &event).await;
    // The connection to the shard is made.
    claim(edge.address, &event, "first").await.is(200, "issued");

    let before = metric(edge.private, "firstcome_edge_script_call_seconds_count").await;
    // They come at once: while the edge is stopped.
    edge.pause();
    let mut streams = Vec::new();
    for number in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(edge.address).await.unwrap();
        stream.write_all(claims_of(number, &event).as_bytes()).await.unwrap();
        streams.push(stream);
    }
    edge.resume();
    let mut answers = JoinSet::new();
    streams.into_iter().for_each(|stream| drop(answers.spawn(wins_on(stream))));
    let wins: usize = answers.join_all().await.iter().sum();
    assert_eq!(wins, CONNECTIONS * CLAIMS);
    let calls = metric(edge.private, "firstcome_edge_script_call_seconds_count").await - before;
    println!("{calls} script calls for {wins} claims");
    assert!(calls <= MAX_CALLS, "{calls} script calls for {wins} claims");
}

/// One connection's requests.
fn claims_of(number: usize, event: &EventId) -> String {
    let claims = (0..CLAIMS).map(|claim| {
        let body = format!(r#"{{"event_id":"{event}","user_id":"user-{number}-{claim}"}}"#);
        format!(
            "POST {ISSUE} HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    claims.collect()
}

/// Reads answers until there is one to each request; returns how many are wins.
async fn wins_on(mut stream: TcpStream) -> usize {
    let mut text = String::new();
    let mut piece = [0; 4_096];
    while text.matches("HTTP/1.1 ").count() < CLAIMS || !text.ends_with('}') {
        let read = timeout(SOON, stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "the edge closed a connection: {text}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    text.matches("\"outcome\":\"issued\"").count()
}

/// Answers of one sample. What the edge does by itself falls into few of the samples, and the one
/// in the middle has none of it.
const SAMPLE: u64 = 50;
const SAMPLES: usize = 41;

#[tokio::test]
async fn a_sold_out_answer_is_one_read_and_one_write() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("syscalls");
    created(&stack, &event, Terms::stock(1)).await;
    let counts = Counts::new(&stack, &event).await;
    let edge = OwnEdge::start_with(&stack, &counts.environment()).await;
    known_by(&[edge.address], &event).await;
    claim(edge.address, &event, "winner").await.is(200, "issued");

    let mut connection = Connection::to(edge.address).await;
    let mut samples = Vec::new();
    for sample in 0..SAMPLES {
        let before = counts.read();
        for number in 0..SAMPLE {
            let user = format!("user-{sample}-{number}");
            connection.claim(&event, &user).await.is(409, "sold_out");
        }
        let after = counts.read();
        samples.push([0, 1, 2].map(|kind| after[kind] - before[kind]));
    }
    let middle = [0, 1, 2].map(|kind| {
        let mut samples: Vec<u64> = samples.iter().map(|sample| sample[kind]).collect();
        samples.sort_unstable();
        samples[SAMPLES / 2]
    });
    let [reads, writes, waits] = middle;
    println!("{reads} reads, {writes} writes, {waits} waits for {SAMPLE} answers");
    // At the edges of a sample one may belong to the next.
    assert!((SAMPLE - 1..=SAMPLE + 1).contains(&reads), "{reads} reads for {SAMPLE} requests");
    assert!((SAMPLE - 1..=SAMPLE + 1).contains(&writes), "{writes} writes for {SAMPLE} answers");
    assert!(waits <= SAMPLE * 3 / 2, "{waits} waits for {SAMPLE} requests");
}

/// Counts a process's calls of the kernel, by `syscalls.c`.
struct Counts {
    library: PathBuf,
    file: PathBuf,
}

impl Counts {
    async fn new(stack: &Stack, event: &EventId) -> Self {
        let path = |end: &str| stack.handle.status().directory.join(format!("{event}.{end}"));
        let (library, file) = (path("so"), path("counts"));
        std::fs::write(&file, [0; 24]).unwrap();
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library);
        compile.arg(repository_root().join("edge/tests/it/syscalls.c"));
        let status = timeout(SOON, compile.kill_on_drop(true).status()).await.unwrap().unwrap();
        assert!(status.success(), "cc cannot compile syscalls.c");
        Self { library, file }
    }

    fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("FIRSTCOME_SYSCALLS", &self.file)]
    }

    /// Reads, writes and waits so far.
    fn read(&self) -> [u64; 3] {
        let bytes = std::fs::read(&self.file).unwrap();
        let count = |kind: usize| bytes[kind * 8..][..8].try_into().unwrap();
        [0, 1, 2].map(|kind| u64::from_ne_bytes(count(kind)))
    }
}
