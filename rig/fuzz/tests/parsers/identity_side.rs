//! What says who asks, and from where: tokens, their keys, a gateway's word, forwarded addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::identity::fetch::KeysUrl;
use edge::identity::gateway::{Gateway, Peers, SECRET, Secrets, Setting, USER};
use edge::identity::jwk::{self, Origin};
use edge::identity::jwt::{self, Rules, Tokens, bearer};
use edge::identity::keys::{Current, Source};
use edge::limits::MAX_HOPS;
use edge::limits::address::client;
use edge::metrics::IdentityMetrics;
use fuzz::{bytes, holds, text};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use links::tls::Authorities;
use rig::tokens::{Alg, Key};
use serde_json::json;

/// Keys of every kind, as an edge has read them, and a good token by each.
struct World {
    rules: Rules,
    current: Arc<Current>,
    set: String,
    tokens: Vec<String>,
    kids: Vec<String>,
}

/// Made once: an RSA key takes a while.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let keys = Alg::ALL.map(|alg| Key::generate(alg).unwrap());
        let set = json!({ "keys": keys.iter().map(Key::jwk).collect::<Vec<_>>() }).to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": "issuer", "aud": "audience", "sub": "ann", "nbf": now, "exp": now + 86_400,
        });
        World {
            rules: Rules::new("issuer", "audience"),
            current: read(&set),
            set,
            tokens: keys.iter().map(|key| key.token(&claims).unwrap()).collect(),
            kids: keys.iter().map(|key| key.kid().to_owned()).collect(),
        }
    })
}

fn read(set: &str) -> Arc<Current> {
    let file = std::env::temp_dir().join(format!("firstcome-fuzz-{}.jwks", std::process::id()));
    std::fs::write(&file, set).unwrap();
    let setting = jwt::Setting {
        issuer: "issuer".to_owned(),
        audience: "audience".to_owned(),
        source: Source::File(file.clone()),
    };
    let tokens = Tokens::new(setting, IdentityMetrics::register());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tokens.keys().step()).unwrap();
    std::fs::remove_file(file).unwrap();
    tokens.keys().current()
}

fn user_of(token: &str) -> Option<String> {
    let World { rules, current, .. } = world();
    rules.verify(token, current).ok().map(|known| known.user.as_str().to_owned())
}

fn headers(pairs: &[(HeaderName, &[u8])]) -> Option<HeaderMap> {
    let pairs = pairs.iter().map(|(name, value)| {
        HeaderValue::from_bytes(value).ok().map(|value| (name.clone(), value))
    });
    pairs.collect()
}

#[test]
fn whatever_is_done_to_a_token_it_names_its_user_or_nobody() {
    for token in &world().tokens {
        assert_eq!(user_of(token).as_deref(), Some("ann"));
    }
    holds(text(world().tokens.clone()), |token| user_of(&token).is_none_or(|user| user == "ann"));
}

#[test]
fn no_header_and_no_claims_make_a_good_token_of_somebody_elses_signature() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let pairs = Alg::ALL.iter().zip(&world().kids);
    let heads = pairs.map(|(alg, kid)| json!({ "alg": alg.as_str(), "kid": kid }).to_string());
    let none = json!({ "alg": "none", "kid": world().kids[0] }).to_string();
    let signed = world().tokens.iter().map(|token| token.rsplit('.').next().unwrap());
    let signatures: Vec<&str> = signed.chain([""]).collect();
    let claims = r#"{"iss":"issuer","aud":"audience","sub":"bob","nbf":1,"exp":99999999999}"#;
    holds(text(heads.chain([none]).collect()), |head| {
        let unsigned = format!("{}.{}", part(&head), part(claims));
        signatures.iter().all(|signature| user_of(&format!("{unsigned}.{signature}")).is_none())
    });
}

#[test]
fn a_bearer_token_is_one_word_behind_its_scheme() {
    let right = ["Bearer abc.def.ghi", "bearer x", "Basic YTpi", "Bearer"];
    holds(bytes(right.map(str::to_owned).into()), |value| {
        let Some(headers) = headers(&[(AUTHORIZATION, &value)]) else { return true };
        match bearer(&headers) {
            Ok(token) => {
                value.len() > "bearer".len()
                    && value[.."bearer".len()].eq_ignore_ascii_case(b"bearer")
                    && token.trim() == token
            }
            Err(_) => true,
        }
    });
}

#[test]
fn a_set_has_usable_keys_or_is_refused_with_a_reason() {
    let edited = || bytes(vec![world().set.clone(), r#"{"keys":[]}"#.to_owned()]);
    for origin in [Origin::File, Origin::Url] {
        holds(edited(), |set| match jwk::parse(&set, origin) {
            Ok(keys) => {
                let secret = |key: &jwk::Key| format!("{:?}", key.algorithm) == "HS256";
                !keys.is_empty() && (origin == Origin::File || !keys.values().any(secret))
            }
            Err(why) => !why.to_string().is_empty(),
        });
    }
}

#[test]
fn keys_are_read_over_tls_or_from_this_machine() {
    let right = ["https://id.example/keys", "http://127.0.0.1:8080/keys", "http://[::1]/"];
    holds(text(right.map(str::to_owned).into()), |text| {
        let told = text.to_ascii_lowercase();
        let to_itself = || told.strip_prefix("http://").is_some_and(is_this_machine);
        KeysUrl::parse(&text, Authorities::Public).is_none()
            || told.starts_with("https://")
            || to_itself()
    });
}

/// Whether the address that a URL goes on with is of loopback.
fn is_this_machine(rest: &str) -> bool {
    if let Some((address, _)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let host = rest.split([':', '/', '?', '#']).next().unwrap_or_default();
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[test]
fn a_gateway_is_believed_by_its_whole_secret_alone() {
    const OURS: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";
    let setting = Setting {
        peers: Peers::parse("10.0.0.7").unwrap(),
        secrets: Secrets::parse(OURS).unwrap(),
    };
    let gateway = Gateway::new(setting);
    let peer = "10.0.0.7".parse().unwrap();
    holds(bytes(vec![OURS.to_owned()]), |secret| {
        let Some(headers) = headers(&[(SECRET, &secret), (USER, b"ann")]) else { return true };
        gateway.user(&headers, peer).is_ok() == (secret == OURS.as_bytes())
    });
    holds(bytes(vec!["ann".to_owned()]), |user| {
        let Some(headers) = headers(&[(SECRET, OURS.as_bytes()), (USER, &user)]) else {
            return true;
        };
        gateway.user(&headers, peer).is_ok_and(|named| named.as_str().as_bytes() == user)
            || std::str::from_utf8(&user)
                .ok()
                .is_none_or(|user| user.parse::<contract::ids::UserId>().is_err())
    });
}

#[test]
fn lists_of_peers_and_secrets_are_read_or_refused() {
    let peers = ["10.0.0.7, 10.1.0.0/16", "fd00::/8", "0.0.0.0/0"];
    let strangers: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    holds(text(peers.map(str::to_owned).into()), |text| match Peers::parse(&text) {
        // Only a network that is that wide has both of these.
        Some(peers) => !strangers.iter().all(|&peer| peers.has(peer)) || text.contains('/'),
        None => true,
    });
    let secrets =
        ["aaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbbbbbbbbbbb"];
    holds(text(secrets.map(str::to_owned).into()), |text| match Secrets::parse(&text) {
        Some(secrets) => format!("{secrets:?}").ends_with(" not shown)"),
        None => true,
    });
}

#[test]
fn the_address_is_the_peers_or_one_that_a_trusted_proxy_wrote() {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let right = ["1.1.1.1, 192.0.2.7, 10.0.0.2", "2001:db8::7", "unknown", "203.0.113.9:80"];
    let peer: IpAddr = "10.0.0.1".parse().unwrap();
    holds(bytes(right.map(str::to_owned).into()), |value| {
        let Some(headers) = headers(&[(FORWARDED_FOR, &value)]) else { return true };
        let words = String::from_utf8_lossy(&value);
        let nth = |hops: usize| words.rsplit(',').nth(hops - 1).map(str::trim);
        client(&headers, peer, 0) == peer
            && (1..=MAX_HOPS).all(|hops| {
                let found = client(&headers, peer, hops);
                found == peer || nth(hops).and_then(|word| word.parse().ok()) == Some(found)
            })
    });
}
