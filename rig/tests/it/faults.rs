//! Rounds of the fault suite: every failpoint once, and a few faults of each family. `./dev faults`
//! plays the rest.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use rig::faults::{Play, kind, play, points, programs};
use rig::stack::{Handle, exclusive};

/// What the rounds are drawn from.
const SEED: u64 = 4;
/// Faults that no failpoint makes; those that take longest are left to `./dev faults`.
const SELECTION: [&str; 5] = [
    "redis-zombie",
    "kafka-two-brokers-killed",
    "persister-stopped-in-transaction",
    "mysql-killed",
    "client-gone",
];

#[tokio::test]
async fn every_failpoint_strikes_and_breaks_nothing() {
    play_all(&points::KINDS).await;
}

#[tokio::test]
async fn a_selection_of_faults_breaks_nothing() {
    play_all(&SELECTION).await;
}

/// Each kind once; all of them are played, whatever the first ones come to.
async fn play_all(names: &[&str]) {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let mut failed = Vec::new();
    for name in names {
        let kind = kind::named(name).unwrap();
        let history = stack.status().directory.join(format!("history-{name}"));
        let outcome = play(&stack, kind, Play { seed: SEED, without: None }, &history).await;
        println!("{name}: {:?}, {:?}", outcome.took, outcome.silence);
        if !outcome.passes() {
            failed.push(format!("{name}: {:#?}\n{:#?}", outcome.wrong(), outcome.said));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_release_has_no_failpoint_and_the_suite_strikes_at_every_one() {
    for (name, struck) in [("edge", points::of_edge()), ("persister", points::of_persister())] {
        let with = programs::program(name).unwrap();
        let known = listed_by(&with);
        assert_eq!(known, struck.iter().map(ToString::to_string).collect::<BTreeSet<_>>());

        let (with, without) =
            (std::fs::read(&with).unwrap(), std::fs::read(release(name)).unwrap());
        for word in struck.into_iter().chain(["FIRSTCOME_FAILPOINT"]) {
            assert!(contains(&with, word), "{name} with failpoints lacks {word}");
            assert!(!contains(&without, word), "the released {name} has {word}");
        }
    }
}

fn release(name: &str) -> PathBuf {
    let stack = Handle::from_env().unwrap();
    stack.status().programs[name].clone()
}

fn contains(program: &[u8], word: &str) -> bool {
    program.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Asked for a point that it does not have, a program tells those that it has.
fn listed_by(program: &PathBuf) -> BTreeSet<String> {
    let servers = ["FIRSTCOME_REDIS", "FIRSTCOME_KAFKA"].map(|name| (name, "127.0.0.1:1"));
    let output = Command::new(program)
        .arg("run")
        .envs(servers)
        .env("FIRSTCOME_MYSQL", "mysql://nobody@127.0.0.1:1/nothing")
        .env("FIRSTCOME_IDENTITY", "open")
        .env("FIRSTCOME_FAILPOINT", "none=kill@1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("failpoints: ")).unwrap();
    line.split(' ').map(str::to_owned).collect()
}
