//! `client/`, by its own tests: format, lints, types, the compiled files, and each of its branches
//! against an edge of the stack.

use std::time::Duration;

use rig::stack::{AdminRole, Handle, PartKind, shared};
use tokio::process::Command;

use super::{INSTALL_WITHIN, file, output, succeeded};

/// They take half a minute on a machine that does nothing else; types and lints are most of it.
const TESTS_WITHIN: Duration = Duration::from_secs(600);

#[tokio::test]
async fn the_client_behaves_whatever_becomes_of_its_requests() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let mut install = Command::new(file("ops/checks/npm-ci.sh"));
    install.arg(file("client"));
    succeeded(&output(install, INSTALL_WITHIN).await);

    let mut tests = Command::new("npm");
    tests
        .arg("test")
        .current_dir(file("client"))
        .env("FIRSTCOME_URL", format!("http://{}", stack.addresses(PartKind::Edge)[0]))
        .env("FIRSTCOME_ADMIN_URL", format!("http://{}", stack.addresses(PartKind::Persister)[0]))
        .env("FIRSTCOME_ADMIN_TOKEN", stack.admin_token(AdminRole::Operator).unwrap());
    let said = succeeded(&output(tests, TESTS_WITHIN).await);
    // The table of what was run, whole files at a time, is the proof that c8 saw the sources.
    let covered = said.lines().find(|line| line.starts_with("All files")).unwrap();
    let figures: Vec<&str> = covered.split('|').skip(1).take(4).map(str::trim).collect();
    assert_eq!(figures, ["100"; 4], "{said}");
}
