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

/// A program reads its variables in some order and ends at the first that it cannot use. With one of
/// them spoilt it must name just that one: so it exists, and the ones before it are good.
#[tokio::test]
async fn the_programs_take_every_variable_that_compose_sets_and_miss_none() {
    let project = Project::load().await;
    let rig = Path::new(env!("CARGO_BIN_EXE_rig"));
    for service in project.services() {
        let Some(program) = service.text("image").strip_prefix("firstcome/") else { continue };
        let program = rig.with_file_name(program.split(':').next().unwrap());
        let environment = service.environment();
        assert!(!environment.is_empty(), "{}", service.name);
        for &spoilt in environment.keys() {
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
