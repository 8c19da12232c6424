//! What the runbooks tell to type, typed: against the stack, as far as it only looks.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rig::stack::{Handle, PartKind, shared, wait_until};
use tokio::process::Command;

use super::project::Project;
use super::{file, output, read};
use crate::http;

/// A look at a million wins takes longer; these tests have a handful.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// What only looks. Whatever a page tells to type begins with one of these or of [`NOT_RUN`].
const LOOKS: [&str; 14] = [
    "curl -s http://",
    "redis-cli ",
    "mysql -e \"SELECT ",
    "mysql -e \"SHOW ",
    "persister audit list",
    "persister dlt list",
    "persister dlt show",
    "persister event list",
    "persister event show",
    "persister migrate",
    "persister preflight",
    "persister reconcile --event EVENT",
    "persister reconcile history",
    "persister reconcile kinds",
];
/// What changes something, or needs what is not here: a container engine, a certificate. Options of
/// our own programs are held against their command lines elsewhere.
const NOT_RUN: [&str; 4] =
    ["docker compose ", "openssl ", "mariadb ", "persister reconcile --repair"];
/// Exit code 1 is an answer of these: something is to be done; there is no such letter.
const MAY_SAY_NO: [&str; 2] = ["persister preflight", "persister dlt show"];
/// Metrics that the stack's edges do not have: they know users by their own word. Another test holds
/// the name against the program.
const OF_TOKENS: &str = "/metrics | grep token_";

/// A folder of programs by the names that pages use, which reach the stack.
struct Programs(PathBuf);

impl Programs {
    fn make(stack: &Handle) -> Self {
        let folder = std::env::temp_dir().join(format!("firstcome-typed-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let status = stack.status();
        let servers = |kind| status.addresses(kind);
        let persister = format!(
            "FIRSTCOME_MYSQL='{}' FIRSTCOME_REDIS='{}' FIRSTCOME_KAFKA='{}' exec '{}'",
            stack.mysql_url().unwrap(),
            servers(PartKind::Redis),
            servers(PartKind::Kafka),
            status.programs["persister"].display(),
        );
        let mysql = status.of_kind(PartKind::Mysql).next().unwrap();
        let login = mysql.login.as_ref().unwrap();
        let mysql = format!(
            "exec mariadb --no-defaults --host={} --port={} --user={} --password={}",
            mysql.address.ip(),
            mysql.address.port(),
            login.user,
            login.password,
        );
        for (name, call) in [("persister", persister), ("mysql", mysql)] {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\n{call} \"$@\"\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Lines that pages print behind `$`, with the page's name.
fn typed() -> Vec<(String, String)> {
    let mut typed = Vec::new();
    for page in fs::read_dir(file("ops/runbooks")).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        let text = read(&page);
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("$ "));
        typed.extend(lines.map(|line| (name.clone(), line.to_owned())));
    }
    typed.sort();
    typed
}

fn begins(line: &str, with: &[&str]) -> bool {
    with.iter().any(|with| line.starts_with(with))
}

/// Where the persister that leads has its private port: what it looks at shows there alone.
async fn leader(stack: &Handle) -> String {
    let found = wait_until(ENDS_WITHIN, "a persister that leads", || async {
        for address in stack.metrics(PartKind::Persister) {
            if http::get(address, "/health").await.body.contains("\"leader\"") {
                return Ok(address.to_string());
            }
        }
        Err("none says so")
    });
    found.await.unwrap()
}

/// A line with the stack's names for the words that stand for them.
fn filled(line: &str, stack: &Handle, (leader, event): (&str, &str)) -> String {
    let first = |addresses: Vec<std::net::SocketAddr>| addresses[0].to_string();
    let redis = stack.addresses(PartKind::Redis)[0];
    let edge = first(stack.addresses(PartKind::Edge));
    [
        ("EDGE:8080", edge.clone()),
        ("PART:PORT", edge),
        ("EDGE:9080", first(stack.metrics(PartKind::Edge))),
        ("PERSISTER:9090", leader.to_owned()),
        ("-h REDIS", format!("-h {} -p {}", redis.ip(), redis.port())),
        ("EVENT", event.to_owned()),
    ]
    .into_iter()
    .fold(line.to_owned(), |line, (word, value)| line.replace(word, &value))
}

#[tokio::test]
async fn what_runbooks_tell_to_type_works() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = format!("typed-{}", std::process::id());
    let create = ["event", "create", &event, "--stock", "10", "--open", "--wait-s", "60"];
    assert!(stack.persister(&create).await.unwrap().status.success());
    let claim = format!(r#"{{"event_id":"{event}","user_id":"ann"}}"#);
    let edge = stack.addresses(PartKind::Edge)[0];
    assert_eq!(http::post(edge, "/api/v1/coupons/issue", "", &claim).await.status, 200);

    let leader = leader(&stack).await;
    let programs = Programs::make(&stack);
    let path = std::env::join_paths(
        std::iter::once(programs.0.clone())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    // Many pages print the same line: it is typed once.
    let mut once = BTreeSet::new();
    for (page, line) in typed() {
        assert!(begins(&line, &LOOKS) || begins(&line, &NOT_RUN), "{page}: what is {line:?}?");
        if begins(&line, &NOT_RUN) || line.contains("--repair") || !once.insert(line.clone()) {
            continue;
        }
        let mut command = Command::new("bash");
        command
            .args([
                "-o",
                "pipefail",
                "-c",
                &filled(&line, &stack, (leader.as_str(), event.as_str())),
            ])
            .env("PATH", &path)
            // Operators have it from whoever keeps the passwords; a stack's is the user's name.
            .env("REDISCLI_AUTH", "operator");
        let output = output(command, ENDS_WITHIN).await;
        let code = output.status.code();
        let may_say_no = begins(&line, &MAY_SAY_NO) || line.ends_with(OF_TOKENS);
        let right = code == Some(0) || (code == Some(1) && may_say_no);
        assert!(right, "{page}: {line}: {output:?}");
        assert!(!output.stdout.is_empty() || says_nothing(&line), "{page}: {line} says nothing");
    }
    assert!(once.len() > 25, "{once:?}");
}

/// An empty outbox, a letter that is not there, a schema that is up to date: there is nothing to say.
fn says_nothing(line: &str) -> bool {
    let words = ["xrange", "slowlog", "persister dlt", "persister migrate", "mysql ", OF_TOKENS];
    words.iter().any(|words| line.contains(words))
}

#[test]
fn what_runbooks_look_for_in_metrics_is_there() {
    let sources = read("edge/src/metrics.rs") + &read("persister/src/metrics.rs");
    let mut found = 0;
    for (page, line) in typed() {
        let Some((_, looked_for)) = line.split_once("/metrics | grep ") else { continue };
        for name in looked_for.split(' ').filter(|word| *word != "-e") {
            assert!(sources.contains(name), "{page}: no metric has {name} in its name");
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}

#[tokio::test]
async fn runbooks_name_services_that_compose_has() {
    let project = Project::load().await;
    let services: BTreeSet<&str> = project.services().map(|service| service.name).collect();
    let mut named = 0;
    for (page, line) in typed() {
        let Some(words) = line.strip_prefix("docker compose ") else { continue };
        // redis-1, kafka-2, persister-1 …
        let words = words.split('|').next().unwrap().split(' ').skip(1);
        for word in words.filter(|word| is_service(word)) {
            assert!(services.contains(word), "{page}: compose has no {word}");
            named += 1;
        }
    }
    assert!(named > 5, "{named}");
}

fn is_service(word: &str) -> bool {
    let parts = word.split_once('-');
    parts.is_some_and(|(name, number)| {
        !name.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
