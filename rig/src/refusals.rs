//! What Redis refused to edges and persisters: `ops/redis/users.conf` lacks a command that they send.

use std::net::SocketAddr;

use crate::faults::FaultError;
use crate::faults::command::redis_cli;

/// Users of Redis that are programs of ours.
const PROGRAMS: [&str; 2] = ["edge", "persister"];

/// What these nodes noted since they started, or since somebody put their notes away: an entry each,
/// the node before it.
pub async fn refused(nodes: &[SocketAddr]) -> Result<Vec<String>, FaultError> {
    let mut refused = Vec::new();
    for node in nodes {
        let noted = redis_cli(*node, &["ACL", "LOG"]).await?;
        refused.extend(of_programs(&noted).map(|entry| format!("{node}: {entry}")));
    }
    Ok(refused)
}

/// The entries about programs; each begins with its count.
fn of_programs(noted: &str) -> impl Iterator<Item = String> {
    let entries = noted.split("count\n").skip(1).map(|entry| entry.lines().collect::<Vec<_>>());
    entries.filter_map(|lines| {
        let user = lines.iter().skip_while(|line| **line != "username").nth(1)?;
        PROGRAMS.contains(user).then(|| lines.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_of_whom_it_names() {
        let entry = |user: &str, command: &str| {
            format!(
                "count\n2\nreason\ncommand\ncontext\ntoplevel\nobject\n{command}\nusername\n{user}\n\
                 age-seconds\n0.1\nclient-info\nid=3 user={user}\n"
            )
        };
        let noted = entry("edge", "flushall") + &entry("default", "edge") + &entry("node", "hget");
        let found: Vec<_> = of_programs(&noted).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("flushall"), "{found:?}");
        assert_eq!(of_programs("\n").count(), 0);
    }
}
