//! The tiniest bench there is: what its report looks like, and that nothing is told of windows that
//! erred. No figure is judged.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rig::bench::wrk::{Keeping, Load, Over, Until};
use rig::bench::{Report, Window, reports, table};
use rig::stack::{Handle, shared};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;

async fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rig"));
    command.arg("bench").args(arguments).kill_on_drop(true).output().await.unwrap()
}

fn report_path() -> PathBuf {
    std::env::temp_dir().join(format!("firstcome-bench-{}.json", std::process::id()))
}

#[tokio::test]
async fn a_tiny_bench_has_ratios_versions_and_cpu() {
    let _guard = shared().await;
    let path = report_path();
    let words = ["--quick", "--rounds", "2", "--window", "0.3", "--only", "plain", "--only"];
    let words = [&words[..], &["sold_local", "--report", path.to_str().unwrap()]].concat();
    let output = bench(&words).await;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();

    assert_eq!((&report["rounds"], &report["window_s"]), (&2.into(), &0.3.into()));
    for version in ["redis", "mariadb", "kafka", "rustc", "commit"] {
        assert!(
            report["versions"][version].as_str().is_some_and(|said| !said.is_empty()),
            "{version}"
        );
    }
    let names: Vec<&str> =
        report["rows"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["plain", "sold_local"]);
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["connections"], 64);
        for figure in ["rps", "rps_ratio", "spread", "cpu_us", "cpu_ratio"] {
            assert!(row[figure].is_f64(), "{figure} of {row}");
        }
    }
    let goals = report["goals"].as_array().unwrap();
    assert!(goals.iter().all(|goal| goal["met"].is_boolean()), "{goals:?}");
    assert!(text.contains("sold_local") && text.contains(">= 0.95"), "{text}");
}

#[tokio::test]
async fn an_unknown_row_is_answered_with_all_of_them() {
    let output = bench(&["--only", "everything"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("win_replica"), "{errors}");
}

/// A server that closes each connection: every read fails.
async fn closing() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    address
}

/// A load on somebody who answers nobody.
async fn load_for(window: Duration) -> Load {
    Load {
        targets: vec![closing().await],
        events: vec!["bench-none".parse().unwrap()],
        connections: 2,
        over: Over::Tcp,
        keeping: Keeping::Kept,
        until: Until::Time(window),
        crowd: "1".to_owned(),
    }
}

#[tokio::test]
async fn a_window_that_ends_before_the_load_has_begun_is_a_round_that_erred() {
    let _guard = shared().await;
    let directory = Handle::from_env().unwrap().status().directory.clone();
    let seen = load_for(Duration::ZERO).await.run(&directory).await.unwrap();
    assert!(seen.broken().is_some(), "{seen:?}");
}

#[tokio::test]
async fn nothing_is_told_of_a_row_whose_round_erred() {
    let _guard = shared().await;
    let load = load_for(Duration::from_millis(200)).await;
    let stack = Handle::from_env().unwrap();
    let seen = load.run(&stack.status().directory).await.unwrap();
    let broken = seen.broken().expect("reads that failed");
    let window = |row, outcome| Window { round: 1, connections: 2, row, outcome };
    let rows = reports(&[window("plain", Err(broken.clone())), window("sold_local", Err(broken))]);
    assert!(rows.iter().all(|row| row.rps_ratio.is_none() && row.cpu_ratio.is_none()), "{rows:?}");
    let report = Report { rows, ..Report::default() };
    assert!(report.erred());
    assert!(!table(&report).contains('%'), "{}", table(&report));
}
