//! `nginx/tls.conf` in a real NGINX, asked by curl over TLS and HTTP/2.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rig::stack::{Handle, Limits, PartKind, serve_tls, shared, wait_until};
use serde_json::Value;
use tokio::process::Command;

use crate::nginx::{Proxy, empty_directory, free_address};
use crate::rush::new_event;

/// For all that one curl asks.
const MAX_TIME: &str = "20";
/// An event is known to every edge within this.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
/// What is told of each answer, after its body.
const TELLS: &str = "\n%{http_version} %{http_code} %{content_type} %header{retry-after}\n";

/// An NGINX that serves TLS too.
struct TlsProxy {
    address: SocketAddr,
    certificate: PathBuf,
    plain: Proxy,
}

/// An answer, as curl tells of it.
#[derive(Debug)]
struct Told {
    body: Value,
    version: String,
    status: u16,
    content_type: String,
    retry_after: String,
}

impl TlsProxy {
    async fn start(edges: &[SocketAddr], limits: Limits) -> Self {
        let (home, address) = (empty_directory(), free_address().await);
        let certificate = serve_tls(&home, address).await.unwrap();
        Self { address, certificate, plain: Proxy::start_in(home, edges, limits).await }
    }

    async fn curl(&self, arguments: &[&str], query: &str) -> Output {
        let url = format!("https://{}/api/v1/coupons/issue{query}", self.address);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", MAX_TIME, "--write-out", TELLS, "--cacert"])
            .arg(&self.certificate)
            .args(arguments)
            .arg(url);
        curl.kill_on_drop(true).output().await.unwrap()
    }

    /// Claims over HTTP/2; `query` may have curl ask many times.
    async fn claim(&self, event: &str, query: &str) -> Vec<Told> {
        let body = format!(r#"{{"event_id":"{event}","user_id":"ann"}}"#);
        let json = "Content-Type: application/json";
        let output = self.curl(&["--http2", "-H", json, "--data", &body], query).await;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        lines.chunks(2).map(|pair| told(pair[0], pair[1])).collect()
    }
}

fn told(body: &str, line: &str) -> Told {
    let words: Vec<&str> = line.split(' ').collect();
    Told {
        body: serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")),
        version: words[0].to_owned(),
        status: words[1].parse().unwrap(),
        content_type: words[2].to_owned(),
        retry_after: words[3].to_owned(),
    }
}

#[tokio::test]
async fn a_claim_over_http2_returns_a_coupon() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("tls");
    let create = ["event", "create", event.as_str(), "--stock", "5", "--open", "--wait-s", "60"];
    let created = stack.persister(&create).await.unwrap();
    assert!(created.status.success(), "{created:?}");
    let proxy = TlsProxy::start(&stack.addresses(PartKind::Edge), Limits::Demo).await;
    let won = wait_until(KNOWN_WITHIN, "a coupon", || async {
        let told = proxy.claim(event.as_str(), "").await.remove(0);
        if told.status == 200 { Ok(told) } else { Err(format!("{told:?}")) }
    });
    let won = won.await.unwrap();
    assert_eq!((won.version.as_str(), won.content_type.as_str()), ("2", "application/json"));
    assert!(won.body["coupon_id"].is_string(), "{won:?}");
    // The same server without TLS, and HTTP/1.1 over it.
    let plain = crate::http::get(proxy.plain.address, "/health/live").await;
    assert_eq!(plain.status, 200);
    let old = proxy.curl(&["--http1.1"], "").await;
    let old = String::from_utf8(old.stdout).unwrap();
    assert!(old.contains("\n1.1 405 application/problem+json"), "{old}");
}

#[tokio::test]
async fn the_same_limits_hold_over_http2() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let proxy = TlsProxy::start(&stack.addresses(PartKind::Edge), Limits::Real).await;
    // Five times as many as the burst, over one connection.
    let answers = proxy.claim("nobody-made-it", "?[1-100]").await;
    assert_eq!(answers.len(), 100);
    let held_back: Vec<&Told> = answers.iter().filter(|told| told.status == 429).collect();
    assert!((1..100).contains(&held_back.len()), "{} held back", held_back.len());
    for told in held_back {
        assert_eq!(
            (told.version.as_str(), told.body["code"].as_str()),
            ("2", Some("too_many_requests"))
        );
        assert_eq!(told.content_type, "application/problem+json");
        let (seconds, ms) = (&told.retry_after, &told.body["retry_after_ms"]);
        assert_eq!(seconds.parse::<u64>().unwrap(), ms.as_u64().unwrap().div_ceil(1_000));
    }
}

#[tokio::test]
async fn whoever_speaks_an_older_tls_or_trusts_others_gets_no_connection() {
    let proxy = TlsProxy::start(&[free_address().await], Limits::Demo).await;
    let old = proxy.curl(&["--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0"], "").await;
    let said = String::from_utf8_lossy(&old.stderr);
    assert!(!old.status.success() && said.contains("alert protocol version"), "{said}");
    // Their own list of who may sign instead of this certificate.
    let mut stranger = Command::new("curl");
    stranger.args(["-sS", "--max-time", MAX_TIME, &format!("https://{}/", proxy.address)]);
    let output = stranger.kill_on_drop(true).output().await.unwrap();
    assert_eq!(output.status.code(), Some(60), "{output:?}");
}
