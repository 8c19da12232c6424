//! What it costs to know who asks: a token that is verified, by algorithm, and one that was verified
//! before.
//!
//! `cargo bench -p edge --features criterion --bench identity`

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use criterion::{BenchmarkId, Criterion};
use edge::identity::gateway::{self, Gateway, Peers, Secrets};
use edge::identity::jwt::{self, Rules, Tokens};
use edge::identity::keys::Source;
use edge::metrics::IdentityMetrics;
use hyper::header::{AUTHORIZATION, HeaderMap};
use rig::tokens::{Alg, Bulk, Format, Key, write};
use tokio::runtime::Builder;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for alg in Alg::ALL {
        tokens(&mut criterion, alg);
    }
    gateways(&mut criterion);
    criterion.final_summary();
}

fn tokens(criterion: &mut Criterion, alg: Alg) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let key = Key::generate(alg).unwrap();
    let set = std::env::temp_dir().join(format!("firstcome-bench-{}.jwks", std::process::id()));
    std::fs::write(&set, serde_json::json!({ "keys": [key.jwk()] }).to_string()).unwrap();
    let setting = jwt::Setting {
        issuer: "firstcome".to_owned(),
        audience: "firstcome".to_owned(),
        source: Source::File(set.clone()),
    };
    let tokens = Tokens::new(setting, IdentityMetrics::register());
    runtime.block_on(tokens.keys().step()).unwrap();
    std::fs::remove_file(set).unwrap();

    let token = token(&key);
    let (rules, current) = (Rules::new("firstcome", "firstcome"), tokens.keys().current());
    let verify = BenchmarkId::new("verify a token", alg.as_str());
    criterion.bench_with_input(verify, &token, |run, token| {
        run.iter(|| rules.verify(black_box(token), &current).unwrap());
    });
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let again = BenchmarkId::new("a token that was verified before", alg.as_str());
    criterion.bench_with_input(again, &headers, |run, headers| {
        run.iter(|| runtime.block_on(tokens.user(black_box(headers))).unwrap());
    });
}

fn token(key: &Key) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let bulk = Bulk {
        users: 1,
        first: 0,
        prefix: "user-".to_owned(),
        issuer: "firstcome".to_owned(),
        audience: "firstcome".to_owned(),
        from_s: now,
        for_s: 86_400,
    };
    let mut line = Vec::new();
    write(&bulk, key, Format::Lines, &mut line).unwrap();
    String::from_utf8(line).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

fn gateways(criterion: &mut Criterion) {
    let secret = "a-secret-of-24-letters-or-more";
    let setting = gateway::Setting {
        peers: Peers::parse("10.0.0.7").unwrap(),
        secrets: Secrets::parse(secret).unwrap(),
    };
    let gateway = Gateway::new(setting);
    let mut headers = HeaderMap::new();
    headers.insert(gateway::SECRET, secret.parse().unwrap());
    headers.insert(gateway::USER, "user-0".parse().unwrap());
    let peer = "10.0.0.7".parse().unwrap();
    criterion.bench_function("believe a gateway", |run| {
        run.iter(|| gateway.user(black_box(&headers), peer).unwrap());
    });
}
