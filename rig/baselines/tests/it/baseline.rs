//! The program: a server of it, its other commands, and requests.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use rig::stack::{Handle, PartKind};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// To connect to everything, make tables and topics, and begin a sale.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// One request; V2's waits for the lock, 10 s at most, behind all others.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A command that ends by itself.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// The servers that a baseline needs, as its flags name them.
pub(crate) fn servers(stack: &Handle, needs: &[&str]) -> Vec<String> {
    let flag = |&need: &&str| {
        let value = match need {
            "--mysql" => stack.mysql_url().unwrap(),
            "--redis" => stack.status().addresses(PartKind::Redis),
            "--kafka" => stack.status().addresses(PartKind::Kafka),
            other => panic!("no server is called {other}"),
        };
        [need.to_owned(), value]
    };
    needs.iter().flat_map(flag).collect()
}

/// A server. Ends with the value.
pub(crate) struct Baseline {
    address: SocketAddr,
    _child: Child,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Baseline {
    pub(crate) async fn start(version: &str, more: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_baseline"))
            .args([version, "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(READY_WITHIN, lines.next_line()).await.expect("ready in time").unwrap();
        let line = line.unwrap_or_else(|| panic!("{version} ended before it was ready"));
        let address = line.strip_prefix("ready ").unwrap().parse().unwrap();
        Self { address, _child: child }
    }

    /// Asks for a coupon, or what became of it.
    pub(crate) async fn ask(&self, what: &str, event: &str, user: &str) -> Answer {
        let body = json!({ "event_id": event, "user_id": user }).to_string();
        self.post(&format!("/api/v1/coupons/{what}"), &body).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = timeout(ANSWER_WITHIN, exchange).await.expect("an answer in time").unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status line").parse().unwrap();
        Answer { status, body: serde_json::from_str(body).unwrap() }
    }
}

/// Runs a command to its end.
pub(crate) async fn run(arguments: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baseline"));
    let run = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    timeout(COMMAND_WITHIN, run).await.expect("an end in time").unwrap()
}

/// Runs a command that succeeds, and reads the line of JSON that it prints.
pub(crate) async fn run_for_json(arguments: &[String]) -> Value {
    let output = run(arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
