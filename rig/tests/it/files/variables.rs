//! The environment that compose gives to our programs, read by the programs themselves.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::output;
use super::project::Project;

/// They say at once what is wrong with a variable.
const SAYS_WITHIN: Duration = Duration::from_secs(20);
/// What no variable takes.
const BAD: &str = "\u{1}";
const WRONG_CONFIGURATION: i32 = 2;
/// What each way of calling a program reads after everything that it must be given.
const READ_LAST: [(&str, &str); 3] = [
    ("edge", "FIRSTCOME_LOG_FORMAT"),
    ("persister run", "FIRSTCOME_RECONCILE_MODE"),
    ("persister migrate", "FIRSTCOME_LOG_FORMAT"),
];

/// A program reads its variables in some order and ends at the first that it cannot use. With one of
/// them spoilt it must name just that one: so it exists, and the ones before it are good. The last one
/// that it reads shows that none before it is missing.
#[tokio::test]
async fn the_programs_take_every_variable_that_compose_sets_and_miss_none() {
    let project = Project::load().await;
    let rig = Path::new(env!("CARGO_BIN_EXE_rig"));
    for service in project.services() {
        let Some(program) = service.text("image").strip_prefix("firstcome/") else { continue };
        let name = program.split(':').next().unwrap();
        let program = rig.with_file_name(name);
        let environment = service.environment();
        assert!(!environment.is_empty(), "{}", service.name);
        let called = [&[name], &service.words("command")[..]].concat().join(" ");
        let last = READ_LAST.iter().find(|(called_as, _)| *called_as == called);
        let (_, last) =
            last.unwrap_or_else(|| panic!("{called:?} is new: what does it read last?"));
        for spoilt in environment.keys().copied().chain([*last]) {
            let mut changed = environment.clone();
            changed.insert(spoilt, BAD);
            let said = says(&program, &service.words("command"), &changed).await;
            assert!(said.contains(spoilt), "{}, with a bad {spoilt}: {said}", service.name);
        }
    }
}

async fn says(program: &Path, arguments: &[&str], environment: &BTreeMap<&str, &str>) -> String {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment);
    let output = output(command, SAYS_WITHIN).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(WRONG_CONFIGURATION), "{said}");
    said
}
