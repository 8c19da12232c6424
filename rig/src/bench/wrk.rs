//! The load generator: `wrk` with `claims.lua`.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use contract::ids::EventId;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::error::BenchError;

/// What each thread runs.
const SCRIPT: &str = include_str!("claims.lua");
/// Its name in the stack's directory.
const SCRIPT_FILE: &str = "claims.lua";
/// Threads that ask; as many connections at least.
const THREADS: u16 = 2;
/// wrk's own word for an answer that came too late; an edge answers within 2 s.
const ANSWER_WITHIN_S: u64 = 5;
/// The longest that a limited number of requests may take.
const LIMITED_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks whether it catches an interrupt.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Between two interrupts: wrk takes as long to see one.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(200);
/// SIGINT, in the masks of `/proc/PID/status`.
const INTERRUPT: u64 = 1 << 1;
/// From the interrupt to the end: wrk looks each 100 ms.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What is asked, of whom, and how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// Servers, taken by threads in turn.
    pub targets: Vec<SocketAddr>,
    /// Events, asked for in turn.
    pub events: Vec<EventId>,
    /// Connections in all.
    pub connections: u16,
    /// What carries HTTP.
    pub over: Over,
    /// What becomes of a connection after an answer.
    pub keeping: Keeping,
    /// When it ends.
    pub until: Until,
    /// Part of every user's name: no two loads on an event may have the same.
    pub crowd: String,
}

/// What carries HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// TCP alone.
    Tcp,
    /// TLS, whoever signed the server's certificate.
    Tls,
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// The next request goes over it too.
    Kept,
    /// It is closed.
    Closed,
}

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After so long.
    Time(Duration),
    /// After about so many requests: the fastest thread ends it.
    Requests(u64),
}

/// What wrk saw, as `claims.lua` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Answers.
    pub requests: u64,
    /// Time, in microseconds.
    pub duration_us: u64,
    /// Connections that could not be made.
    pub connect: u64,
    /// Reads that failed.
    pub read: u64,
    /// Writes that failed.
    pub write: u64,
    /// Answers that came too late.
    pub timeout: u64,
    /// Answers with a status above 399.
    pub status: u64,
    /// Median latency, in microseconds.
    pub p50_us: u64,
    /// 99th percentile of it.
    pub p99_us: u64,
    /// 99.9th percentile of it.
    pub p999_us: u64,
}

impl Seen {
    /// Connections, reads, writes and answers that failed as such, if any did.
    pub fn broken(&self) -> Option<String> {
        let counts = [
            ("connections not made", self.connect),
            ("reads failed", self.read),
            ("writes failed", self.write),
            ("answers too late", self.timeout),
        ];
        let mut text = String::new();
        for (what, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a String does not fail.
            let _ = write!(text, "{comma}{count} {what}");
        }
        if self.requests == 0 {
            text.push_str("; no answer at all");
        }
        (!text.is_empty()).then_some(text)
    }
}

impl Load {
    /// Claims over connections that are kept, as most rows make them.
    pub fn claims(
        targets: Vec<SocketAddr>,
        events: Vec<EventId>,
        connections: u16,
        until: Until,
        crowd: String,
    ) -> Self {
        let (over, keeping) = (Over::Tcp, Keeping::Kept);
        Self { targets, events, connections, over, keeping, until, crowd }
    }

    /// Asks until the end; `directory` keeps the script.
    pub async fn run(&self, directory: &Path) -> Result<Seen, BenchError> {
        let script = directory.join(SCRIPT_FILE);
        tokio::fs::write(&script, SCRIPT)
            .await
            .map_err(BenchError::io(format!("write {}", script.display())))?;
        let child = self
            .command(&script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(BenchError::io("start wrk (Debian: apt-get install wrk)".to_owned()))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let mut ended = std::pin::pin!(timeout(self.within(), child.wait_with_output()));
        let output = match self.until {
            Until::Time(window) => tokio::select! {
                output = &mut ended => output,
                () = window_and_handler(window, pid) => interrupt(ended, pid).await,
            },
            Until::Requests(_) => ended.await,
        };
        let output = output.unwrap_or_else(|late| Err(late.into()));
        read(&output.map_err(BenchError::io("run wrk".to_owned()))?)
    }

    fn within(&self) -> Duration {
        match self.until {
            Until::Time(window) => window + END_WITHIN,
            Until::Requests(_) => LIMITED_WITHIN,
        }
    }

    fn threads(&self) -> u16 {
        THREADS.min(self.connections)
    }

    fn command(&self, script: &Path) -> Command {
        let joined = |words: Vec<String>| words.join(",");
        let events = joined(self.events.iter().map(ToString::to_string).collect());
        let targets = joined(self.targets.iter().map(ToString::to_string).collect());
        let limit = match self.until {
            Until::Time(_) => 0,
            Until::Requests(all) => all / u64::from(self.threads()),
        };
        let connection = match self.keeping {
            Keeping::Kept => "keep-alive",
            Keeping::Closed => "close",
        };
        let scheme = match self.over {
            Over::Tcp => "http",
            Over::Tls => "https",
        };
        let url = self.targets.first().map_or_else(String::new, |to| format!("{scheme}://{to}/"));
        let mut command = Command::new("wrk");
        command
            .args(["--threads", &self.threads().to_string()])
            .args(["--connections", &self.connections.to_string()])
            // Longer than ever: an interrupt ends it.
            .args(["--duration", &format!("{}s", 2 * LIMITED_WITHIN.as_secs())])
            .args(["--timeout", &format!("{ANSWER_WITHIN_S}s"), "--script"])
            .arg(script)
            .args([&url, "--", &self.crowd, &limit.to_string(), connection, &events, &targets]);
        command
    }
}

/// The line of JSON among what wrk printed.
fn read(output: &Output) -> Result<Seen, BenchError> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with('{'));
    line.and_then(|line| serde_json::from_str(line).ok()).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        BenchError::Wrk(format!("{}: {} {}", output.status, text.trim(), said.trim()))
    })
}

/// Waits for a window's end, and until the process has a handler of its own for an interrupt: without
/// one it would end and say nothing, as on a machine where it has hardly begun by then.
async fn window_and_handler(window: Duration, pid: Option<Pid>) {
    sleep(window).await;
    while pid.is_some_and(|pid| !catches_interrupts(pid)) {
        sleep(LOOK_AGAIN).await;
    }
}

/// Interrupts it until it ends: one that comes before wrk sleeps wakes it from nothing, and it would sleep
/// on for minutes.
async fn interrupt<T>(mut ended: Pin<&mut impl Future<Output = T>>, pid: Option<Pid>) -> T {
    loop {
        if let Some(pid) = pid {
            // Where it has ended by itself, its output says why.
            let _ = kill_process(pid, Signal::INT);
        }
        tokio::select! {
            output = &mut ended => return output,
            () = sleep(INTERRUPT_AGAIN) => {}
        }
    }
}

fn catches_interrupts(pid: Pid) -> bool {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & INTERRUPT != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    const LINE: &str = "{\"requests\":10,\"duration_us\":1000000,\"connect\":0,\"read\":0,\
        \"write\":0,\"timeout\":0,\"status\":10,\"p50_us\":400,\"p99_us\":900,\"p999_us\":1200}";

    fn output(stdout: &str) -> Output {
        Output { status: ExitStatus::from_raw(0), stdout: stdout.into(), stderr: Vec::new() }
    }

    #[test]
    fn the_line_is_found_among_what_wrk_prints() {
        let text = format!("Running 4m test\n  2 threads\nRequests/sec: 10\n{LINE}\n");
        let seen = read(&output(&text)).unwrap();
        assert_eq!((seen.requests, seen.status, seen.p999_us), (10, 10, 1_200));
        assert_eq!(seen.broken(), None);
    }

    #[test]
    fn without_the_line_what_was_said_is_the_error() {
        let error = read(&output("unable to connect")).unwrap_err();
        assert!(error.to_string().contains("unable to connect"), "{error}");
    }

    #[test]
    fn what_broke_is_counted_in_words() {
        let seen = Seen { requests: 0, read: 3, timeout: 1, ..read(&output(LINE)).unwrap() };
        let broken = seen.broken().unwrap();
        assert_eq!(broken, "3 reads failed, 1 answers too late; no answer at all");
    }
}
