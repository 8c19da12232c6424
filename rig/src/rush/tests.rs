//! The client against a small server that misbehaves: it refuses, hangs up, and forgets to answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use contract::ids::CouponId;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;

use super::line::{Header, Origin};
use super::live::Live;
use super::schedule::{Crowd, Keys};
use super::{Rush, RushError};
use crate::check::History;

const STOCK: u64 = 20;
/// A rush of some hundred requests takes about two seconds; one that hangs is ended by this.
const WITHIN: Duration = Duration::from_secs(30);

/// A sale in memory.
#[derive(Default)]
struct Sale {
    requests: u64,
    wins: HashMap<String, (CouponId, u64)>,
}

/// What the server does with a request.
enum Reply {
    Send(u16, String),
    HangUp,
}

impl Sale {
    /// Every seventh request is refused, every eleventh is carried out and not answered.
    fn answer(&mut self, user: &str) -> Reply {
        self.requests += 1;
        if self.requests.is_multiple_of(7) {
            let body = "{\"code\":\"busy\",\"retry_after_ms\":5}";
            return Reply::Send(503, body.to_owned());
        }
        let next = self.wins.len() as u64 + 1;
        if !self.wins.contains_key(user) && next <= STOCK {
            self.wins.insert(user.to_owned(), (CouponId::new(), next));
        }
        if self.requests.is_multiple_of(11) {
            return Reply::HangUp;
        }
        match self.wins.get(user) {
            Some((coupon, sequence)) => Reply::Send(
                200,
                format!(
                    "{{\"outcome\":\"issued\",\"coupon_id\":\"{coupon}\",\"sequence\":{sequence}}}"
                ),
            ),
            None => Reply::Send(409, "{\"code\":\"sold_out\"}".to_owned()),
        }
    }
}

/// An answer, or none: an error makes hyper close the connection.
async fn serve(
    sale: Arc<Mutex<Sale>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::fmt::Error> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let reply = sale.lock().unwrap().answer(body["user_id"].as_str().unwrap());
    match reply {
        Reply::Send(status, body) => {
            let response = Response::builder().status(status).header("connection", "keep-alive");
            Ok(response.body(Full::new(Bytes::from(body))).unwrap())
        }
        Reply::HangUp => Err(std::fmt::Error),
    }
}

async fn listen(sale: Arc<Mutex<Sale>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the test's runtime.
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let sale = Arc::clone(&sale);
            let service = service_fn(move |request| serve(Arc::clone(&sale), request));
            tokio::spawn(async move {
                let io = TokioIo::new(stream);
                let _hung_up = http1::Builder::new().serve_connection(io, service).await;
                Ok::<(), Infallible>(())
            });
        }
    });
    address
}

fn rush(name: &str, users: u32, addresses: Vec<SocketAddr>) -> Rush {
    Rush {
        header: Header {
            event: "spring".parse().unwrap(),
            origin: Origin::Created,
            stock: STOCK,
            limit: 1,
            began_ms: 0,
        },
        crowd: Crowd {
            users,
            duplicates_percent: 50,
            per_s: 0,
            at_once: 4,
            keys: Keys::Some,
            tries: 50,
            patience_us: 10_000_000,
            seed: 3,
        },
        connections: 8,
        addresses,
        history: std::env::temp_dir().join(format!("firstcome-{name}-{}", std::process::id())),
    }
}

async fn run(rush: Rush, live: &Arc<Live>) -> History {
    let path = rush.history.clone();
    let mut running = rush.start(live).unwrap();
    timeout(WITHIN, running.everybody()).await.unwrap();
    running.finish().await.unwrap();
    let history = History::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    history
}

#[tokio::test]
async fn everybody_gets_a_definite_answer_through_refusals_and_lost_answers() {
    let sale = Arc::new(Mutex::new(Sale::default()));
    let address = listen(Arc::clone(&sale)).await;
    let live = Arc::new(Live::new());
    let history = run(rush("client", 300, vec![address]), &live).await;

    let sale = sale.lock().unwrap();
    assert_eq!((history.claims(), history.unknown), (300, 0));
    assert_eq!(sale.wins.len() as u64, STOCK);
    for told in &history.told {
        assert_eq!(sale.wins.get(&*told.user), Some(&(told.coupon, told.sequence)));
    }
    let figures = live.figures();
    assert_eq!(figures.told, STOCK);
    assert_eq!(figures.sent, history.timing.requests);
    assert_eq!(figures.sent, sale.requests);
    assert!(figures.again >= sale.requests / 7, "{figures:?}");
    assert_eq!(figures.again, history.timing.again);
}

/// An address that refuses connections. It is bound, and so becomes no other test's server.
struct Down {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Down {
    fn bind() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { address: socket.local_addr().unwrap(), _socket: socket }
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_left_for_the_next_one() {
    let down = Down::bind();
    let sale = Arc::new(Mutex::new(Sale::default()));
    let up = listen(Arc::clone(&sale)).await;
    let history = run(rush("down", 50, vec![down.address, up]), &Arc::new(Live::new())).await;
    assert_eq!((history.claims(), history.unknown), (50, 0));
    assert!(history.timing.again > 0);
}

#[tokio::test]
async fn without_any_server_everybody_gives_up_and_is_unknown() {
    let down = Down::bind();
    let mut rush = rush("nobody", 5, vec![down.address]);
    rush.crowd.tries = 3;
    let history = run(rush, &Arc::new(Live::new())).await;
    assert_eq!((history.claims(), history.unknown), (5, 5));
}

#[tokio::test]
async fn a_rush_needs_somebody_to_ask() {
    let started = rush("no-address", 1, Vec::new()).start(&Arc::new(Live::new()));
    assert!(matches!(started, Err(RushError::NoAddress)));
}
