//! A cut network: packets between some parts and others are dropped silently.
//!
//! Each part runs in a group of its own (`stack/spawn.rs`), by which the firewall knows its sockets.
//! The firewall's table belongs to one `nft` process and vanishes with it: when the cut heals, is
//! dropped, or rig dies, however it dies.

use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::command::output;
use super::error::FaultError;
use super::scene::Scene;
use crate::stack::{group_at, system_program, wait_until};

/// The firewall's program.
pub(super) const NFT: &str = "nft";
/// The firewall has its rules, or none, within this.
const RULED_WITHIN: Duration = Duration::from_secs(10);

/// Which packets are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// All.
    Both,
    /// Those from the one side: it is mute.
    Out,
    /// Those to the one side: it is deaf.
    In,
}

/// A cut that is made; it heals when this is dropped. One at a time: two would take each other's
/// marks off the connections that both cut.
#[derive(Debug)]
pub(super) struct Cut {
    nft: Child,
    table: String,
}

impl Cut {
    /// Cuts some parts from others.
    pub(super) async fn make(
        scene: &mut Scene,
        one: &[String],
        other: &[String],
        way: Way,
    ) -> Result<Self, FaultError> {
        let groups = [groups(scene, one)?, groups(scene, other)?];
        let mut nft = Command::new(system_program(NFT))
            .arg("--interactive")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(FaultError::io("nft"))?;
        let number = nft.id().unwrap_or_default();
        let (table, rules) = rules(number, &groups, way);
        let stdin = nft.stdin.as_mut().ok_or_else(|| failed("it has no input"))?;
        stdin.write_all(rules.as_bytes()).await.map_err(FaultError::io("nft"))?;
        stdin.flush().await.map_err(FaultError::io("nft"))?;
        let cut = Self { nft, table };
        wait_until(RULED_WITHIN, "the firewall's rules", || cut.stands()).await?;
        scene.strikes(format!("cut {} from {}, {way:?}", one.join(" "), other.join(" ")));
        Ok(cut)
    }

    async fn stands(&self) -> Result<(), FaultError> {
        let said = self.listed().await?;
        // The last rule of all.
        if said.contains(" drop") { Ok(()) } else { Err(failed("rules are missing")) }
    }

    /// How many packets it has dropped.
    pub(super) async fn dropped(&self) -> Result<u64, FaultError> {
        packets(&self.listed().await?).ok_or_else(|| failed("it does not say what it dropped"))
    }

    async fn listed(&self) -> Result<String, FaultError> {
        let mut list = Command::new(system_program(NFT));
        list.args(["list", "table", "inet", &self.table]);
        output(list, "nft list table").await
    }

    /// Lets packets through again.
    pub(super) async fn heal(mut self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.strikes("the network heals");
        // Its end takes the table along.
        drop(self.nft.stdin.take());
        let ended = timeout(RULED_WITHIN, self.nft.kill()).await;
        ended.unwrap_or_else(|late| Err(late.into())).map_err(FaultError::io("end nft"))
    }
}

/// Of a rule `… counter packets 12 bytes 720 drop`.
fn packets(listed: &str) -> Option<u64> {
    let rule = listed.lines().find(|line| line.trim_end().ends_with(" drop"))?;
    let (_, counted) = rule.split_once("counter packets ")?;
    counted.split(' ').next()?.parse().ok()
}

fn failed(why: &str) -> FaultError {
    FaultError::Failed {
        what: "cutting the network, which only root can".to_owned(),
        why: why.to_owned(),
    }
}

/// What the firewall takes, as a set.
fn groups(scene: &Scene, parts: &[String]) -> Result<String, FaultError> {
    let mut groups = Vec::new();
    for part in parts {
        let group = group_at(scene.address(part)?);
        groups.push(group.ok_or_else(|| failed("the parts have no groups"))?.to_string());
    }
    Ok(groups.join(", "))
}

/// The table's name, and all that makes it. A packet tells only who sends it, so that a connection
/// is marked first: with the number of this cut, and with each side that was seen to send on it.
fn rules(number: u32, [one, other]: &[String; 2], way: Way) -> (String, String) {
    let table = format!("firstcome_{number}");
    let base = number << 2;
    let from = match way {
        Way::Both => String::new(),
        Way::Out => format!("meta skgid {{ {one} }} "),
        Way::In => format!("meta skgid {{ {other} }} "),
    };
    let mut rules = format!(
        "add table inet {table} {{ flags owner; }}\n\
         add chain inet {table} out {{ type filter hook output priority 0; }}\n"
    );
    for rule in [
        // What another cut left.
        format!(
            "meta skgid {{ {one}, {other} }} ct mark and 0xfffffffc != {base} ct mark set {base}"
        ),
        format!("meta skgid {{ {one} }} ct mark set ct mark or 1"),
        format!("meta skgid {{ {other} }} ct mark set ct mark or 2"),
        format!("ct mark {} {from}counter drop", base | 3),
    ] {
        let _ = writeln!(rules, "add rule inet {table} out {rule}");
    }
    (table, rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_of_both_sides_are_dropped_and_only_one_way_where_wanted() {
        let sides = ["7".to_owned(), "8, 9".to_owned()];
        let (table, both) = rules(5, &sides, Way::Both);
        assert_eq!(table, "firstcome_5");
        assert!(both.ends_with("ct mark 23 counter drop\n"), "{both}");
        assert!(
            both.contains("meta skgid { 7, 8, 9 } ct mark and 0xfffffffc != 20 ct mark set 20")
        );
        let (_, out) = rules(5, &sides, Way::Out);
        assert!(out.ends_with("ct mark 23 meta skgid { 7 } counter drop\n"), "{out}");
        let (_, inward) = rules(5, &sides, Way::In);
        assert!(inward.ends_with("ct mark 23 meta skgid { 8, 9 } counter drop\n"), "{inward}");
    }

    #[test]
    fn the_firewall_says_what_it_dropped() {
        let listed = "table inet firstcome_5 { # progname nft\n\tchain out {\n\
                      \t\tct mark 0x17 counter packets 42 bytes 2520 drop\n\t}\n}\n";
        assert_eq!(packets(listed), Some(42));
        assert_eq!(packets("table inet firstcome_5 {\n}\n"), None);
    }
}
