//! What can be played on this machine: some faults only root can make, and only with some programs.

use std::path::Path;

use rustix::process::geteuid;

use super::cut::NFT;
use super::kind::{Kind, Needs};
use super::scene::Without;
use crate::config;
use crate::stack::groups_are_allowed;

/// Debian keeps servers' and administrators' programs there, which is not in everybody's PATH.
const ADMIN: [&str; 2] = ["/usr/sbin", "/sbin"];

/// What this machine has.
struct Machine<'a> {
    root: bool,
    groups: bool,
    has: &'a dyn Fn(&str) -> bool,
}

/// Why a kind cannot be played; `None`: it can be.
pub fn why_not(kind: &Kind, without: Option<Without>) -> Option<String> {
    if let Some(without) = without
        && kind.shows != Some(without)
    {
        return Some("it goes on as ever without that safety step".to_owned());
    }
    let machine =
        Machine { root: geteuid().is_root(), groups: groups_are_allowed(), has: &is_there };
    lacks(kind.needs, &machine)
}

fn lacks(needs: Needs, machine: &Machine<'_>) -> Option<String> {
    let Needs::Root(with) = needs else {
        return None;
    };
    if !machine.root {
        return Some("only root can play it".to_owned());
    }
    if with.contains(&NFT) && !machine.groups {
        return Some(
            "the firewall tells parts apart by groups, which they may not have".to_owned(),
        );
    }
    let missing = with.iter().find(|what| !(machine.has)(what))?;
    Some(format!("{missing} is not there"))
}

/// A program in PATH or among the administrators', or a file.
fn is_there(what: &str) -> bool {
    let folders = config::program_folders();
    let mut folders = folders.iter().map(|folder| folder.as_path()).chain(ADMIN.map(Path::new));
    // An absolute path stays itself, wherever it is looked for.
    folders.any(|folder| folder.join(what).exists())
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;

    #[test]
    fn a_kind_needs_root_and_what_it_runs() {
        let all = Machine { root: true, groups: true, has: &|_| true };
        let needs = Needs::Root(&[NFT, "mount"]);
        assert_eq!(lacks(needs, &all), None);
        let lacks_of = |machine: Machine<'_>| lacks(needs, &machine).unwrap();
        assert!(lacks_of(Machine { root: false, ..all }).contains("root"));
        assert!(lacks_of(Machine { groups: false, ..all }).contains("groups"));
        assert_eq!(lacks_of(Machine { has: &|what| what == NFT, ..all }), "mount is not there");
        let user = Machine { root: false, groups: false, has: &|_| false };
        assert_eq!(lacks(Needs::Nothing, &user), None);
    }

    #[test]
    fn without_a_safety_step_only_kinds_that_show_it_are_played() {
        let of = |name| why_not(kind::named(name).unwrap(), Some(Without::RedisWait));
        assert_eq!(of("redis-master-forgets"), None);
        assert!(of("redis-master-restarted").is_some());
    }

    #[test]
    fn programs_and_files_are_found() {
        assert!(is_there("sh") && is_there("/proc/self/status"));
        assert!(!is_there("no-such-program") && !is_there("/no/such/file"));
    }
}
