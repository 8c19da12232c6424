//! Sales of every version.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rig::stack::{Handle, shared, wait_until};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::baseline::{Answer, Baseline, run, run_for_json, servers};

const STOCK: u64 = 20;
const USERS: usize = 120;
/// For V3 to decide all claims.
const DECIDED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn v1_gives_away_what_it_has() {
    gives_away_what_it_has("v1", &["--mysql"]).await;
}

#[tokio::test]
async fn v2_gives_away_what_it_has() {
    gives_away_what_it_has("v2", &["--redis"]).await;
}

#[tokio::test]
async fn v2_with_messages_gives_away_what_it_has() {
    gives_away_what_it_has("v2-pubsub", &["--redis"]).await;
}

#[tokio::test]
async fn v4_gives_away_what_it_has() {
    gives_away_what_it_has("v4", &["--redis", "--kafka"]).await;
}

/// Every user asks twice at once.
async fn gives_away_what_it_has(version: &str, needs: &[&str]) {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let (event, server) = sale(&stack, version, needs, STOCK).await;
    let answers = all_ask(&server, &event, "issue").await;

    let told = |outcome: &str| {
        let told = answers.iter().filter(|(_, answer)| answer.body["outcome"] == outcome);
        told.map(|(user, _)| user.clone()).collect::<Vec<_>>()
    };
    let (issued, again) = (told("issued"), told("already_issued"));
    let winners: BTreeSet<&String> = issued.iter().collect();
    assert_eq!((issued.len() as u64, winners.len() as u64), (STOCK, STOCK), "{answers:?}");
    assert_eq!(winners, again.iter().collect(), "the second answer is the first's");
    let sequences: BTreeSet<u64> =
        answers.iter().filter_map(|(_, answer)| answer.body["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=STOCK).collect());
    let others = answers.iter().filter(|(_, answer)| answer.status != 200);
    let mut losers = 0;
    for (user, answer) in others {
        assert_eq!((answer.status, answer.body["code"].as_str()), (409, Some("sold_out")));
        assert!(!winners.contains(user), "{user} won and lost");
        losers += 1;
    }
    assert_eq!(losers, 2 * (USERS - winners.len()));

    let counts = counts(&stack, version, needs, &event).await;
    assert_eq!((&counts["winners"], &counts["distinct_users"]), (&STOCK.into(), &STOCK.into()));
    assert_eq!(counts["stock"], STOCK);
}

#[tokio::test]
async fn v3_gives_away_what_it_has() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let needs = ["--mysql", "--kafka"];
    let (event, server) = sale(&stack, "v3", &needs, STOCK).await;
    for (user, answer) in all_ask(&server, &event, "issue").await {
        assert_eq!((answer.status, &answer.body["user_id"]), (202, &user.into()));
        assert_eq!(answer.body["outcome"], "pending");
    }
    let decided = wait_until(DECIDED_WITHIN, "all claims decided", || async {
        let counts = counts(&stack, "v3", &needs, &event).await;
        if counts["decided"] == 2 * USERS { Ok(counts) } else { Err(counts.to_string()) }
    });
    let counts = decided.await.unwrap();
    assert_eq!((&counts["winners"], &counts["distinct_users"]), (&STOCK.into(), &STOCK.into()));
    let results = all_ask(&server, &event, "result").await;
    let winners = results.iter().filter(|(_, answer)| answer.status == 200).count();
    let losers = results.iter().filter(|(_, answer)| answer.body["code"] == "sold_out").count();
    assert_eq!((winners as u64, losers), (2 * STOCK, results.len() - winners));
}

#[tokio::test]
async fn an_endless_stock_lets_everybody_win() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let needs = ["--redis", "--kafka"];
    let (event, server) = sale(&stack, "v4", &needs, 0).await;
    let answers = all_ask(&server, &event, "issue").await;
    assert!(answers.iter().all(|(_, answer)| answer.status == 200), "{answers:?}");
    assert_eq!(counts(&stack, "v4", &needs, &event).await["winners"], USERS);
}

#[tokio::test]
async fn a_request_that_is_none_is_refused() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let (event, server) = sale(&stack, "v4", &["--redis", "--kafka"], 1).await;
    assert_eq!(server.ask("issue", "another", "ann").await.status, 404);
    assert_eq!(server.ask("nothing", &event, "ann").await.status, 404);
    assert_eq!(server.ask("issue", &event, "a b").await.status, 400);
    assert_eq!(server.post("/api/v1/coupons/issue", "{").await.status, 400);
}

#[tokio::test]
async fn plain_answers_everything_the_same() {
    let server = Baseline::start("plain", &[]).await;
    for user in ["ann", "bob"] {
        let answer = server.ask("issue", "any", user).await;
        assert_eq!((answer.status, answer.body.to_string().len()), (200, 100));
    }
}

#[tokio::test]
async fn wrong_arguments_end_with_status_2_and_a_reason() {
    let wrong = [
        ("plain --listen nowhere", "invalid socket address"),
        ("v1 --listen 127.0.0.1:0 --mysql nothing", "mysql://user:password@host:port/database"),
        ("v2 --listen 127.0.0.1:0 --redis 127.0.0.1", "host:port"),
        ("v2 --listen 127.0.0.1:0 --redis 127.0.0.1:1 --stock many", "invalid digit"),
        ("check v4 --redis 127.0.0.1:1 --event a/b", "--event"),
    ];
    for (arguments, reason) in wrong {
        let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        let output = run(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}

/// A sale of an event of its own.
async fn sale(
    stack: &Handle,
    version: &str,
    needs: &[&str],
    stock: u64,
) -> (String, Arc<Baseline>) {
    let event = format!("it-{}", Uuid::now_v7().simple());
    let mut arguments = servers(stack, needs);
    arguments.extend(["--event", &event, "--stock", &stock.to_string()].map(str::to_owned));
    (event, Arc::new(Baseline::start(version, &arguments).await))
}

/// Two requests a user, all at once.
async fn all_ask(server: &Arc<Baseline>, event: &str, what: &'static str) -> Vec<(String, Answer)> {
    let mut asking = JoinSet::new();
    for number in 0..2 * USERS {
        let (server, event) = (Arc::clone(server), event.to_owned());
        asking.spawn(async move {
            let user = format!("user-{}", number % USERS);
            let answer = server.ask(what, &event, &user).await;
            (user, answer)
        });
    }
    asking.join_all().await
}

/// What the store says, where `check` needs the first of the servers only.
async fn counts(stack: &Handle, version: &str, needs: &[&str], event: &str) -> serde_json::Value {
    let mut arguments = vec!["check".to_owned(), version.to_owned()];
    arguments.extend(servers(stack, &needs[..1]));
    arguments.extend(["--event", event].map(str::to_owned));
    run_for_json(&arguments).await
}
