//! A client that allocates nothing once it is connected.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use contract::ids::EventId;

/// A claim is answered within 2 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Digits of a user's name, behind which come `"}`.
const DIGITS: usize = 8;
const BEHIND: usize = 2;

/// One connection. Each request names another user.
pub(crate) struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    users: usize,
}

impl Client {
    /// Connects, and claims once, as the user of this number.
    pub(crate) fn connect(edge: SocketAddr, event: &EventId, user: usize) -> Self {
        let body = format!(r#"{{"event_id":"{event}","user_id":"user-{user:0DIGITS$}"}}"#);
        let request = format!(
            "POST /api/v1/coupons/issue HTTP/1.1\r\nHost: edge\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(edge).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(ANSWER_WITHIN)).unwrap();
        // All answers are as long as the first: they differ in the date, which is always as long.
        stream.write_all(request.as_bytes()).unwrap();
        let answer = first_answer(&mut stream);
        Self { stream, request: request.into_bytes(), answer, users: user }
    }

    pub(crate) fn is_told_sold_out(&mut self) {
        self.users += 1;
        let end = self.request.len() - BEHIND;
        write!(&mut self.request[end - DIGITS..end], "{:0DIGITS$}", self.users).unwrap();
        self.stream.write_all(&self.request).unwrap();
        self.stream.read_exact(&mut self.answer).expect("an answer as long as the first");
        assert!(self.answer.starts_with(b"HTTP/1.1 409 "), "sold out");
    }
}

fn first_answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut piece = [0; 1_024];
    loop {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the edge closed the connection");
        answer.extend_from_slice(&piece[..read]);
        let text = std::str::from_utf8(&answer).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return answer;
            }
        }
    }
}
