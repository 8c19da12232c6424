//! A load at a fixed rate: requests leave when it is their time, whatever became of those before
//! them on other connections, and each one's latency counts from that time. A server that stalls is
//! charged with every request that should have come meanwhile.
//!
//! A thread a connection, with plain sockets: sleeping to a point in time is exact to 0.1 ms there,
//! tokio's timers to 1 ms.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use contract::ids::EventId;
use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 60_000_000;
/// Digits of a latency that count.
const DIGITS: u8 = 3;
/// For a connection, and for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// From the making of the threads to the first request, so that all begin together.
const HEAD_START: Duration = Duration::from_millis(100);
/// Longest head of an answer, in bytes.
const MAX_HEAD_BYTES: u64 = 16 * 1024;

/// What is asked, how often and for how long.
#[derive(Debug, Clone)]
pub(super) struct OpenLoop {
    pub(super) target: SocketAddr,
    pub(super) event: EventId,
    /// Part of every user's name.
    pub(super) crowd: String,
    /// Requests a second, of all connections together.
    pub(super) per_s: u32,
    pub(super) connections: u16,
    pub(super) lasts: Duration,
    /// The status that every answer must have.
    pub(super) status: u16,
}

impl OpenLoop {
    /// Latencies in microseconds; an error says what was not as it should be.
    pub(super) fn run(&self) -> Result<Histogram<u64>, String> {
        let begins = Instant::now() + HEAD_START;
        let answers = std::thread::scope(|scope| {
            let connect = |number| scope.spawn(move || self.connection(number, begins));
            let threads: Vec<_> = (0..self.connections).map(connect).collect();
            let joined = threads.into_iter().map(|thread| {
                let panicked = |_| io::Error::other("a connection's thread panicked");
                thread.join().map_err(panicked).and_then(|ended| ended)
            });
            joined.collect::<io::Result<Vec<_>>>()
        });
        let mut all = histogram()?;
        for latencies in answers.map_err(|error| error.to_string())? {
            all.add(latencies).map_err(|error| error.to_string())?;
        }
        Ok(all)
    }

    /// Every n-th request, on one connection.
    fn connection(&self, number: u16, begins: Instant) -> io::Result<Histogram<u64>> {
        let stream = TcpStream::connect_timeout(&self.target, ANSWER_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        let mut latencies = histogram().map_err(io::Error::other)?;
        for turn in 0_u32.. {
            let due = due(turn, number, self.connections, self.per_s);
            if due >= self.lasts {
                break;
            }
            let due = begins + due;
            sleep_until(due);
            writer.write_all(&self.request(number, turn))?;
            let status = read_answer(&mut reader)?;
            if status != self.status {
                return Err(io::Error::other(format!("an answer had status {status}")));
            }
            let us = u64::try_from(due.elapsed().as_micros()).unwrap_or(LONGEST_US);
            latencies.saturating_record(us);
        }
        Ok(latencies)
    }

    fn request(&self, number: u16, turn: u32) -> Vec<u8> {
        let Self { event, crowd, .. } = self;
        let body =
            format!("{{\"event_id\":\"{event}\",\"user_id\":\"{crowd}-{number:04}-{turn:08}\"}}");
        let length = body.len();
        let head = "POST /api/v1/coupons/issue HTTP/1.1\r\nHost: bench\r\n\
                    Content-Type: application/json\r\nContent-Length:";
        format!("{head} {length}\r\n\r\n{body}").into_bytes()
    }
}

/// When a connection's turn comes, from the beginning: all together are evenly spread.
fn due(turn: u32, number: u16, connections: u16, per_s: u32) -> Duration {
    let place = u64::from(turn) * u64::from(connections) + u64::from(number);
    Duration::from_nanos(place * 1_000_000_000 / u64::from(per_s.max(1)))
}

fn sleep_until(moment: Instant) {
    let wait = moment.saturating_duration_since(Instant::now());
    if !wait.is_zero() {
        #[expect(clippy::disallowed_methods, reason = "a thread of its own that keeps a schedule")]
        std::thread::sleep(wait);
    }
}

fn histogram() -> Result<Histogram<u64>, String> {
    Histogram::new_with_max(LONGEST_US, DIGITS).map_err(|error| error.to_string())
}

/// Reads one answer whole and returns its status.
fn read_answer(reader: &mut impl BufRead) -> io::Result<u16> {
    let bad = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut head = reader.by_ref().take(MAX_HEAD_BYTES);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| bad("no status line"))?;
    let mut length = 0_u64;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(bad("an answer was cut off"));
        }
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| bad("a length that is no number"))?;
        }
    }
    let read = io::copy(&mut reader.take(length), &mut io::sink())?;
    if read == length { Ok(status) } else { Err(bad("an answer was cut off")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_turns_evenly() {
        let us = |turn, number| due(turn, number, 4, 1_000).as_micros();
        assert_eq!(
            [us(0, 0), us(0, 1), us(0, 3), us(1, 0), us(2, 1)],
            [0, 1_000, 3_000, 4_000, 9_000]
        );
    }

    #[test]
    fn answers_are_read_whole_one_after_another() {
        let mut text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}\
            HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\nx: y\r\n\r\nabc"
            .as_bytes();
        assert_eq!(read_answer(&mut text).unwrap(), 200);
        assert_eq!(read_answer(&mut text).unwrap(), 409);
        assert!(read_answer(&mut text).is_err());
        assert!(read_answer(&mut &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"[..]).is_err());
    }
}
