//! What was measured, and on what.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::stack::{Status, repository_root, system_program};

/// For a program to say its version.
const WITHIN: Duration = Duration::from_secs(10);

/// CPU model, cores, memory and kernel.
pub(super) fn machine() -> BTreeMap<&'static str, String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    BTreeMap::from([
        ("cpu", value_of(&read("/proc/cpuinfo"), "model name")),
        ("cores", cores.to_string()),
        ("memory", value_of(&read("/proc/meminfo"), "MemTotal")),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
    ])
}

/// Versions of the programs of a stack, and the commit.
pub(super) async fn versions(status: &Status) -> BTreeMap<&'static str, String> {
    let jars = status.programs.get("kafka_jars");
    let kafka = jars.and_then(|jars| kafka_version(fs::read_dir(jars).ok()?));
    BTreeMap::from([
        ("commit", said("git", &["describe", "--always", "--dirty", "--abbrev=12"]).await),
        ("rustc", said("rustc", &["--version"]).await),
        ("redis", said("redis-server", &["--version"]).await),
        ("mariadb", said("mariadbd", &["--version"]).await),
        ("nginx", said("nginx", &["-v"]).await),
        ("wrk", said("wrk", &["--version"]).await),
        ("kafka", kafka.unwrap_or_default()),
    ])
}

/// The value behind a name and a colon, in the first line that has it.
fn value_of(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// `kafka-clients-4.1.0.jar` names it.
fn kafka_version(jars: fs::ReadDir) -> Option<String> {
    let names = jars.flatten().map(|jar| jar.file_name().to_string_lossy().into_owned());
    names
        .filter_map(|name| {
            let version = name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?;
            Some(version.to_owned())
        })
        .next()
}

/// The first line of what a program says of itself, on either output; nothing where it is missing.
async fn said(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(system_program(program));
    command.args(arguments).current_dir(repository_root()).stdin(Stdio::null()).kill_on_drop(true);
    let Ok(Ok(output)) = timeout(WITHIN, command.output()).await else {
        return String::new();
    };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_behind_their_names() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Another\n";
        assert_eq!(value_of(text, "model name"), "Some CPU @ 2 GHz");
        assert_eq!(value_of(text, "bogomips"), "");
    }
}
