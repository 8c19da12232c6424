//! The repository's `nginx/` files in a real NGINX.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rig::stack::{
    Handle, Limits, Listens, PartKind, nginx_command, repository_root, shared, wait_until,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::task::{JoinHandle, JoinSet};

use crate::http::{self, Answer};

const ISSUE: &str = "/api/v1/coupons/issue";
const CLAIM: &str = r#"{"event_id":"nobody-made-it","user_id":"ann"}"#;

/// An NGINX of its own, in front of any servers. Ends with the value.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    private: SocketAddr,
    home: PathBuf,
    _child: Child,
}

impl Proxy {
    async fn start(edges: &[SocketAddr], limits: Limits) -> Self {
        Self::start_changed(empty_directory(), edges, limits, |_| {}).await
    }

    /// The same, in a directory where something is already.
    pub(crate) async fn start_in(home: PathBuf, edges: &[SocketAddr], limits: Limits) -> Self {
        Self::start_changed(home, edges, limits, |_| {}).await
    }

    /// Its configuration is changed below that directory before it reads it.
    async fn start_changed(
        home: PathBuf,
        edges: &[SocketAddr],
        limits: Limits,
        change: fn(&Path),
    ) -> Self {
        let listens = listens().await;
        let address = listens.public;
        let mut command = nginx_command(&home, listens, edges, limits).unwrap();
        change(&home);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let proxy = Self { address, private: listens.private, home, _child: child };
        let live = wait_until(Duration::from_secs(10), "NGINX", || async {
            TcpStream::connect(address).await
        });
        live.await.unwrap();
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// A server in an edge's place; counts the requests that it reads, and keeps them.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    read: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// `answer`: what it says to each request; `None`: nothing, and the connection stays open.
    pub(crate) async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let read = Arc::<Mutex<String>>::default();
        let (counted, kept) = (Arc::clone(&requests), Arc::clone(&read));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (counted, kept) = (Arc::clone(&counted), Arc::clone(&kept));
                connections.spawn(serve(stream, answer, counted, kept));
            }
        });
        Self { address, requests, read, task }
    }
}

/// NGINX keeps its connections, so one may bring several requests, each in one piece.
async fn serve(
    mut stream: TcpStream,
    answer: Option<&'static str>,
    counted: Arc<AtomicUsize>,
    kept: Arc<Mutex<String>>,
) {
    let mut request = [0; 4096];
    loop {
        // A reset is an end too.
        let read = stream.read(&mut request).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        kept.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..read]));
        if let Some(answer) = answer {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listens() -> Listens {
    Listens { public: free_address().await, private: free_address().await }
}

pub(crate) async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

pub(crate) fn empty_directory() -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("firstcome-nginx-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    assert!(answer.header("X-Request-Id").is_some(), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    assert_eq!(problem["code"], code);
    assert_eq!(problem["type"], format!("urn:firstcome:problem:{code}"));
    assert!(problem["title"].is_string() && problem["detail"].is_string());
}

fn assert_retry_after(answer: &Answer) {
    let seconds: u64 = answer.header("Retry-After").expect("Retry-After").parse().unwrap();
    let ms = answer.json()["retry_after_ms"].as_u64().unwrap();
    assert_eq!(seconds, ms.div_ceil(1_000).max(1));
}

#[tokio::test]
async fn nginx_accepts_its_files_with_either_limits() {
    for limits in [Limits::Real, Limits::Demo] {
        let home = empty_directory();
        let edge = free_address().await;
        let mut command = nginx_command(&home, listens().await, &[edge], limits).unwrap();
        let output = command.arg("-t").output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{limits:?}: {said}");
        assert!(!said.contains("[warn]"), "{limits:?}: {said}");
        std::fs::remove_dir_all(home).unwrap();
    }
}

#[tokio::test]
async fn the_real_limits_hold_back_one_address_and_one_credential_but_no_neighbour() {
    let _guard = shared().await;
    let edges = Handle::from_env().unwrap().addresses(PartKind::Edge);
    let proxy = Proxy::start(&edges, Limits::Real).await;

    // Five times as many as the burst of each bucket.
    let anonymous = flood(proxy.address, "", 100).await;
    let ann = flood(proxy.address, "Authorization: Bearer ann\r\n", 50).await;
    for (who, answers) in [("anonymous", &anonymous), ("ann", &ann)] {
        let held_back: Vec<&Answer> =
            answers.iter().filter(|answer| answer.status == 429).collect();
        assert!(held_back.len() > answers.len() / 2, "{who}: {} held back", held_back.len());
        assert!(held_back.len() < answers.len(), "{who}: nothing went through");
        for answer in held_back {
            assert_problem(answer, 429, "too_many_requests");
            assert_retry_after(answer);
        }
    }
    // Another user at the same address, after both were held back.
    let bob = flood(proxy.address, "Authorization: Bearer bob\r\n", 10).await;
    assert!(bob.iter().all(|answer| answer.status != 429), "{bob:?}");
}

#[tokio::test]
async fn behind_a_load_balancer_that_is_named_each_client_has_limits_of_its_own() {
    let upstream =
        Upstream::start(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")).await;
    let believed = empty_directory();
    let named = "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\n";
    std::fs::write(believed.join("realip.conf"), named).unwrap();
    for (home, limited_apart) in [(believed, true), (empty_directory(), false)] {
        let proxy = Proxy::start_in(home, &[upstream.address], Limits::Real).await;
        // Five times as many as the burst, and then a neighbour.
        let ann = flood(proxy.address, "X-Forwarded-For: 192.0.2.1\r\n", 100).await;
        assert!(ann.iter().any(|answer| answer.status == 429), "{ann:?}");
        let bob = flood(proxy.address, "X-Forwarded-For: 192.0.2.2\r\n", 1).await;
        assert_eq!(bob[0].status != 429, limited_apart, "{bob:?}");
    }
}

#[tokio::test]
async fn browsers_that_ask_beforehand_for_users_of_one_address_are_not_counted_as_one_stranger() {
    let answer = "HTTP/1.1 204 No Content\r\nAccess-Control-Max-Age: 7200\r\n\r\n";
    let upstream = Upstream::start(Some(answer)).await;
    let proxy = Proxy::start(&[upstream.address], Limits::Real).await;
    // Five times as many as the burst of an address without credentials.
    for _ in 0..100 {
        let answer = http::options(proxy.address, ISSUE, "Origin: https://shop.example\r\n").await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_what_nginx_says_itself() {
    let nobody = [free_address().await];
    let proxy = Proxy::start_changed(empty_directory(), &nobody, Limits::Demo, list_the_shop).await;
    for (origin, allowed) in
        [("https://shop.example", Some("https://shop.example")), ("https://evil.example", None)]
    {
        let origin = format!("Origin: {origin}\r\n");
        let answer = http::post(proxy.address, ISSUE, &origin, CLAIM).await;
        assert_problem(&answer, 502, "unavailable");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), allowed);
        let exposed = answer.header("Access-Control-Expose-Headers");
        assert_eq!(exposed.is_some_and(|names| names.contains("Retry-After")), allowed.is_some());
    }
}

/// What an operator does in `nginx/cors.conf`, in a copy of it.
fn list_the_shop(home: &Path) {
    let (ours, theirs) = (repository_root().join("nginx/cors.conf"), home.join("cors.conf"));
    let text = std::fs::read_to_string(&ours).unwrap();
    let listed = text.replacen("default", "\"https://shop.example\" $http_origin;\n  default", 1);
    assert_ne!(listed, text);
    std::fs::write(&theirs, listed).unwrap();
    let config = std::fs::read_to_string(home.join("nginx.conf")).unwrap();
    let changed = config.replace(&ours.display().to_string(), &theirs.display().to_string());
    assert_ne!(changed, config);
    std::fs::write(home.join("nginx.conf"), changed).unwrap();
}

#[tokio::test]
async fn its_limits_are_said_on_the_private_port_alone() {
    let proxy = Proxy::start(&[free_address().await], Limits::Real).await;
    let said = http::get(proxy.private, "/limits").await;
    assert_eq!(said.status, 200, "{said:?}");
    for directive in [
        "limit_req_zone http_authorization zone=credential:64m rate=5r/s;",
        "limit_req zone=credential burst=10 nodelay;",
        "limit_conn connections 500;",
    ] {
        assert!(said.body.contains(directive), "{directive}: {said:?}");
    }
    assert_eq!(http::get(proxy.address, "/limits").await.status, 404);
    assert_eq!(http::get(proxy.private, "/api/v1/coupons/status/spring").await.status, 404);
}

async fn flood(proxy: SocketAddr, headers: &str, requests: usize) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(requests);
    for _ in 0..requests {
        answers.push(http::post(proxy, ISSUE, headers, CLAIM).await);
    }
    answers
}

#[tokio::test]
async fn what_nginx_says_itself_is_a_problem_document() {
    // Nobody listens there.
    let proxy = Proxy::start(&[free_address().await], Limits::Demo).await;
    let unreachable = http::post(proxy.address, ISSUE, "", CLAIM).await;
    assert_problem(&unreachable, 502, "unavailable");
    assert_retry_after(&unreachable);

    assert_problem(&http::get(proxy.address, "/metrics").await, 404, "not_found");
    let long = "x".repeat(5_000);
    assert_problem(&http::post(proxy.address, ISSUE, "", &long).await, 413, "too_large");
    assert_eq!(http::get(proxy.address, "/health/live").await.status, 200);
}

#[tokio::test]
async fn a_post_that_gets_no_answer_is_sent_to_one_edge_only() {
    let silent = [Upstream::start(None).await, Upstream::start(None).await];
    let proxy = Proxy::start(&silent.each_ref().map(|edge| edge.address), Limits::Demo).await;
    let answer = http::post(proxy.address, ISSUE, "", CLAIM).await;
    assert_problem(&answer, 504, "unavailable");
    assert_retry_after(&answer);
    let sent: usize = silent.iter().map(|edge| edge.requests.load(Ordering::SeqCst)).sum();
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn a_post_goes_to_the_other_edge_where_one_refuses_connections() {
    let edge = Upstream::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")).await;
    let proxy = Proxy::start(&[free_address().await, edge.address], Limits::Demo).await;
    for _ in 0..10 {
        assert_eq!(http::post(proxy.address, ISSUE, "", CLAIM).await.status, 200);
    }
    assert_eq!(edge.requests.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn credentials_reach_an_edge_and_a_gateways_word_from_the_public_does_not() {
    let edge = Upstream::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")).await;
    let proxy = Proxy::start(&[edge.address], Limits::Demo).await;
    let headers = "Authorization: Bearer a.b.c\r\nX-Firstcome-User: ann\r\n\
        X-FIRSTCOME-GATEWAY: secret\r\nx_firstcome_user: ann\r\n";
    assert_eq!(http::post(proxy.address, ISSUE, headers, CLAIM).await.status, 200);
    let seen = edge.read.lock().unwrap().to_ascii_lowercase();
    assert!(seen.contains("\r\nauthorization: bearer a.b.c\r\n"), "{seen}");
    assert!(!seen.contains("firstcome"), "{seen}");
}

#[tokio::test]
async fn an_edges_own_503_is_passed_on_as_it_is() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
        Retry-After: 7\r\nContent-Length: 15\r\n\r\n{\"code\":\"busy\"}";
    let edges = [Upstream::start(Some(busy)).await, Upstream::start(Some(busy)).await];
    let proxy = Proxy::start(&edges.each_ref().map(|edge| edge.address), Limits::Demo).await;
    let answer = http::post(proxy.address, ISSUE, "", CLAIM).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"code":"busy"}"#));
    assert_eq!(answer.header("Retry-After"), Some("7"));
}
