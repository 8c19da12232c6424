//! Processes that outlived the rig that started them. The parent-death signal leaves none in all
//! usual cases; this ends the rest: a part that was stopped when its signal came, a child of a part.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Within the stack's directory: the process groups that were started, one a line.
const GROUPS: &str = "groups";

/// Notes a process group, so that a later rig can end what is left of it.
pub(super) fn note(stack: &Path, group: Pid) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(stack.join(GROUPS))?;
    writeln!(file, "{}", group.as_raw_nonzero())
}

/// Kills every process of the noted groups that still works below the stack's directory. The
/// directory is asked too, because a number may have been given to a stranger since.
pub(super) fn end(stack: &Path) {
    let Ok(noted) = fs::read_to_string(stack.join(GROUPS)) else {
        return;
    };
    let groups: Vec<i32> = noted.lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let in_group = group_of(&stat).is_some_and(|group| groups.contains(&group));
        let below =
            || fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(stack));
        if in_group
            && below()
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The process group in a line of /proc/PID/stat: `pid (name) state ppid pgrp …`. A name may hold
/// anything, parentheses too.
fn group_of(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_behind_any_name() {
        assert_eq!(group_of("12 (redis-server) S 1 34 34 0"), Some(34));
        assert_eq!(group_of("12 (a) b) (c) S 1 56 34 0"), Some(56));
        assert_eq!(group_of("12 (a"), None);
    }
}
