//! Users known by tokens, on an edge of its own.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use contract::ids::EventId;
use hyper::Method;
use rig::stack::{shared, wait_until};
use rig::tokens::{Alg, Key};
use serde_json::{Value, json};

use crate::client::{Answer, get, metric, post, request, send};
use crate::event::{Terms, created, known_by, new_id};
use crate::key_server::{KeyServer, key_set};
use crate::own_edge::OwnEdge;
use crate::stack::{SOON, Stack};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "firstcome";

/// Claims of a good token.
fn claims(user: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "nbf": now, "exp": now + 600})
}

fn token(key: &Key, user: &str) -> String {
    key.token(&claims(user)).unwrap()
}

/// The claims with one changed, or, by null, without it.
fn with(user: &str, claim: &str, value: Value) -> Value {
    let mut claims = claims(user);
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
        value => claims[claim] = value,
    }
    claims
}

async fn claim(edge: SocketAddr, event: &EventId, token: &str) -> Answer {
    let body = json!({ "event_id": event }).to_string();
    post(edge, &[("authorization", &format!("Bearer {token}"))], &body).await
}

async fn mine(edge: SocketAddr, event: &EventId, query: &str, token: &str) -> Answer {
    let path = format!("/api/v1/coupons/mine/{event}{query}");
    let mut request = request(Method::GET, &path, "");
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    send(edge, request).await.unwrap()
}

/// An edge that knows users by tokens, and the keys that it reads in a file.
async fn edge_with_file(stack: &Stack, name: &str, keys: &[&Key]) -> (OwnEdge, std::path::PathBuf) {
    let path = stack.handle.status().directory.join(format!("{name}.jwks"));
    std::fs::write(&path, key_set(keys)).unwrap();
    let edge = OwnEdge::start_with(
        stack,
        &[
            ("FIRSTCOME_IDENTITY", "jwt"),
            ("FIRSTCOME_JWT_ISSUER", ISSUER),
            ("FIRSTCOME_JWT_AUDIENCE", AUDIENCE),
            ("FIRSTCOME_JWT_KEYS_FILE", path.to_str().unwrap()),
            ("FIRSTCOME_LOG", "trace"),
        ],
    )
    .await;
    (edge, path)
}

async fn edge_with_url(stack: &Stack, url: &str, ca: &str) -> OwnEdge {
    let environment = [
        ("FIRSTCOME_IDENTITY", "jwt"),
        ("FIRSTCOME_JWT_ISSUER", ISSUER),
        ("FIRSTCOME_JWT_AUDIENCE", AUDIENCE),
        ("FIRSTCOME_JWT_KEYS_URL", url),
        ("FIRSTCOME_JWT_KEYS_CA_FILE", ca),
    ];
    OwnEdge::start_unready(stack, &environment).await
}

#[tokio::test]
async fn a_token_of_each_algorithm_asks_for_its_user_and_for_nobody_else() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let keys = Alg::ALL.map(|alg| Key::generate(alg).unwrap());
    let event = new_id("tokens");
    created(&stack, &event, Terms::stock(10)).await;
    let (edge, file) = edge_with_file(&stack, event.as_str(), &keys.each_ref()).await;
    known_by(&[edge.address], &event).await;
    for key in &keys {
        let user = format!("user-{}", key.alg().as_str());
        let token = token(key, &user);
        let first = claim(edge.address, &event, &token).await;
        assert_eq!(first.is(200, "issued").json()["user_id"], user);
        let again = claim(edge.address, &event, &token).await;
        let coupon = again.is(200, "already_issued").json()["coupon_id"].clone();
        let own = mine(edge.address, &event, &format!("?user_id={user}"), &token).await;
        assert_eq!(own.json()["coupons"][0]["coupon_id"], coupon, "{own:?}");

        let bearer = format!("Bearer {token}");
        let named = |user: &str| json!({ "event_id": event, "user_id": user }).to_string();
        let headers = [("authorization", bearer.as_str())];
        post(edge.address, &headers, &named(&user)).await.is(200, "already_issued");
        post(edge.address, &headers, &named("somebody")).await.is(403, "forbidden");
        mine(edge.address, &event, "?user_id=somebody", &token).await.is(403, "forbidden");

        // Neither whole nor in parts: not in the log, at its most talkative, and not in a metric.
        let said = std::fs::read_to_string(&edge.log).unwrap();
        let metrics = get(edge.private, "/metrics").await;
        let metrics = std::str::from_utf8(&metrics.body).unwrap();
        assert!(said.contains("edge serves"), "{said}");
        for part in token.split('.') {
            assert!(!said.contains(part) && !metrics.contains(part), "{part}");
        }
    }
    let of = |result: &str| format!("firstcome_edge_tokens_total{{result=\"{result}\"}}");
    assert_eq!(metric(edge.private, &of("verified")).await, 4.0);
    assert_eq!(metric(edge.private, &of("remembered")).await, 20.0);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn what_a_stranger_is_told_does_not_depend_on_who_has_won() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let key = Key::generate(Alg::Rs256).unwrap();
    let event = new_id("strangers");
    created(&stack, &event, Terms::stock(1)).await;
    let (edge, file) = edge_with_file(&stack, event.as_str(), &[&key]).await;
    known_by(&[edge.address], &event).await;
    claim(edge.address, &event, &token(&key, "winner")).await.is(200, "issued");
    let nowhere = new_id("nowhere");
    for (name, why) in strangers(&key) {
        // From here on it is sold out from memory.
        claim(edge.address, &event, &token(&key, "loser")).await.is(409, "sold_out");
        let mut told = Vec::new();
        for user in ["winner", "loser"] {
            let token = why(user);
            for event in [&event, &nowhere] {
                for answer in [
                    claim(edge.address, event, &token).await,
                    mine(edge.address, event, "", &token).await,
                ] {
                    answer.is(401, "unauthenticated");
                    let scheme = answer.header("www-authenticate").unwrap().to_owned();
                    assert!(scheme.starts_with("Bearer "), "{name}: {scheme}");
                    told.push((scheme, answer.body));
                }
            }
        }
        assert!(told.iter().all(|one| *one == told[0]), "{name}: {told:?}");
    }
    let bare = json!({ "event_id": event, "user_id": "winner" }).to_string();
    post(edge.address, &[], &bare).await.is(401, "unauthenticated");
    let token = format!("Bearer {}", token(&key, "winner"));
    let twice = [("authorization", token.as_str()), ("authorization", token.as_str())];
    post(edge.address, &twice, &bare).await.is(401, "unauthenticated");
    std::fs::remove_file(file).unwrap();
}

type Stranger = Box<dyn Fn(&str) -> String>;

/// Tokens that are not good, by what is wrong with them.
fn strangers(key: &Key) -> Vec<(&'static str, Stranger)> {
    let kept = key.to_file().unwrap();
    let key = || Key::from_file(&kept).unwrap();
    let changed = |name: &'static str, claim: &'static str, value: Value| {
        let key = key();
        let make = move |user: &str| key.token(&with(user, claim, value.clone())).unwrap();
        (name, Box::new(make) as Stranger)
    };
    let header = |name: &'static str, key: Key, header: Value| {
        let make = move |user: &str| key.sign(&header, &claims(user)).unwrap();
        (name, Box::new(make) as Stranger)
    };
    let kid = key().kid().to_owned();
    let secret = || Key::generate(Alg::Hs256).unwrap();
    let mut all = vec![
        changed("expired", "exp", json!(1)),
        changed("too early", "nbf", json!(99_999_999_999_u64)),
        changed("another issuer", "iss", json!("https://other.example")),
        changed("another audience", "aud", json!("other")),
        header("no algorithm", key(), json!({"alg": "none", "kid": kid})),
        header("another algorithm", secret(), json!({"alg": "HS256", "kid": kid})),
        header("another key", secret(), json!({"alg": "RS256", "kid": kid})),
        header("an unknown key", secret(), json!({"alg": "HS256", "kid": "other"})),
        header("no key", key(), json!({"alg": "RS256"})),
    ];
    all.extend(["iss", "aud", "exp", "nbf"].map(|claim| changed("a lack", claim, Value::Null)));
    all
}

#[tokio::test]
async fn a_subject_that_is_no_user_id_is_told_so() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let key = Key::generate(Alg::EdDsa).unwrap();
    let event = new_id("subjects");
    let (edge, file) = edge_with_file(&stack, event.as_str(), &[&key]).await;
    for bad in ["ann@example.com", "", "auth0|1", &"a".repeat(65)] {
        let answer = claim(edge.address, &event, &token(&key, bad)).await;
        let detail = answer.is(401, "unauthenticated").json()["detail"].clone();
        assert!(detail.as_str().unwrap().contains("sub is no user id"), "{bad}: {detail}");
    }
    let lack = key.token(&with("ann", "sub", Value::Null)).unwrap();
    claim(edge.address, &event, &lack).await.is(401, "unauthenticated");
    std::fs::remove_file(file).unwrap();
}

/// Claims until the answer is that.
async fn becomes(edge: SocketAddr, event: &EventId, token: &str, status: u16) {
    let look = || async {
        let answer = claim(edge, event, token).await;
        if answer.status == status { Ok(()) } else { Err(format!("{answer:?}")) }
    };
    wait_until(SOON, &format!("a {status}"), look).await.unwrap();
}

#[tokio::test]
async fn keys_in_a_file_are_read_again_when_they_change() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let [old, new] = [(); 2].map(|()| Key::generate(Alg::Es256).unwrap());
    let event = new_id("rotated-file");
    created(&stack, &event, Terms::stock(10)).await;
    let (edge, file) = edge_with_file(&stack, event.as_str(), &[&old]).await;
    known_by(&[edge.address], &event).await;
    let (ann, bob) = (token(&old, "ann"), token(&new, "bob"));
    claim(edge.address, &event, &ann).await.is(200, "issued");
    claim(edge.address, &event, &bob).await.is(401, "unauthenticated");

    // Half a file is no file: the last good keys stay.
    std::fs::write(&file, "{").unwrap();
    stands(edge.address, "degraded").await;
    claim(edge.address, &event, &token(&old, "zoe")).await.is(200, "issued");

    std::fs::write(&file, key_set(&[&new])).unwrap();
    becomes(edge.address, &event, &bob, 200).await;
    stands(edge.address, "ok").await;
    // Remembered, but by a key that is no more.
    claim(edge.address, &event, &ann).await.is(401, "unauthenticated");
    std::fs::remove_file(file).unwrap();
}

/// Waits until an edge says that its keys stand so.
async fn stands(edge: SocketAddr, state: &str) {
    let look = || async {
        let health = get(edge, "/health").await.json();
        let all = health["dependencies"].as_array().unwrap();
        let keys = all.iter().find(|one| one["name"] == "keys").unwrap();
        if keys["state"] == state { Ok(()) } else { Err(health.to_string()) }
    };
    wait_until(SOON, &format!("keys {state}"), look).await.unwrap();
}

#[tokio::test]
async fn keys_of_a_server_rotate_and_the_last_good_ones_stay() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let [old, new, never] = [(); 3].map(|()| Key::generate(Alg::EdDsa).unwrap());
    let event = new_id("rotated");
    created(&stack, &event, Terms::stock(10)).await;
    let server = KeyServer::start().await;
    let edge = edge_with_url(&stack, &server.url(), "").await;
    let address = edge.address;

    // No keys yet: not the client's fault.
    get(address, "/health/ready").await.is(503, "not_ready");
    claim(address, &event, &token(&old, "ann")).await.is(503, "not_ready");
    stands(address, "down").await;
    server.gives(&[&old]);
    edge.becomes_ready().await;
    known_by(&[address], &event).await;
    claim(address, &event, &token(&old, "ann")).await.is(200, "issued");

    // A key that is not known has them read again.
    server.gives(&[&old, &new]);
    becomes(address, &event, &token(&new, "bob"), 200).await;
    claim(address, &event, &token(&old, "ann")).await.is(200, "already_issued");

    // The server fails in every way: what was known stays known.
    let unknown = token(&never, "eve");
    for (status, body) in
        [("500 Internal Server Error", ""), ("200 OK", "<html>"), ("200 OK", "{\"keys\":[]}")]
    {
        server.says(status, body);
        let before = server.asked();
        let read = || async {
            claim(address, &event, &unknown).await.is(401, "unauthenticated");
            if server.asked() > before { Ok(()) } else { Err("not asked again") }
        };
        wait_until(SOON, "another read", read).await.unwrap();
        stands(address, "degraded").await;
        claim(address, &event, &token(&new, "bob")).await.is(200, "already_issued");
    }

    // However many unknown keys are named, it is asked once in a while.
    server.gives(&[&new]);
    becomes(address, &event, &token(&old, "ann"), 401).await;
    let (before, began) = (server.asked(), std::time::Instant::now());
    for _ in 0..200 {
        claim(address, &event, &unknown).await.is(401, "unauthenticated");
    }
    let asked = server.asked() - before;
    // Every 2 s at most.
    assert!(asked as u64 <= 1 + began.elapsed().as_secs() / 2, "asked {asked} times");
}

#[tokio::test]
async fn keys_come_over_tls_from_a_server_that_is_trusted() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let key = Key::generate(Alg::Es256).unwrap();
    let event = new_id("keys-over-tls");
    let server = KeyServer::start_tls().await;
    server.gives(&[&key]);
    let ca = stack.handle.status().directory.join(format!("{event}.pem"));
    std::fs::write(&ca, server.certificate.as_ref().unwrap()).unwrap();

    let edge = edge_with_url(&stack, &server.url(), ca.to_str().unwrap()).await;
    edge.becomes_ready().await;
    becomes(edge.address, &event, &token(&key, "ann"), 404).await;

    // Without that certificate it is a stranger.
    let stranger = edge_with_url(&stack, &server.url(), "").await;
    stands(stranger.address, "down").await;
    get(stranger.address, "/health/ready").await.is(503, "not_ready");
    std::fs::remove_file(ca).unwrap();
}
