//! CLUSTER NODES: what one node believes about the cluster.
//!
//! A line is `id ip:port@cport[,hostname] flags master ping pong config-epoch link slot…`
//! (<https://redis.io/docs/latest/commands/cluster-nodes/>).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::slot::Slot;

/// A node's name for life: 40 hexadecimal digits. A restart keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId([u8; 40]);

/// What a node is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Owns slots, or could.
    Master,
    /// Copies a master.
    Replica,
}

/// Whether a node is believed to be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// It answers.
    No,
    /// It does not answer the node that was asked (`fail?`).
    Suspected,
    /// A majority of the masters agreed that it does not answer (`fail`).
    Agreed,
}

/// One line: a node, as the asked one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeLine {
    pub(super) id: NodeId,
    /// None where the asked node does not know it.
    pub(super) address: Option<SocketAddr>,
    pub(super) role: Role,
    pub(super) failing: Failing,
    pub(super) config_epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
}

/// All lines, and which of them is the asked node itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) myself: NodeId,
    pub(super) nodes: Vec<NodeLine>,
}

/// An answer to CLUSTER NODES that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an answer to CLUSTER NODES: {what} in {line:?}")]
pub(super) struct BadView {
    what: &'static str,
    line: String,
}

impl View {
    /// The line of a node.
    pub(super) fn line(&self, id: NodeId) -> Option<&NodeLine> {
        self.nodes.iter().find(|line| line.id == id)
    }

    /// The asked node's own line.
    pub(super) fn own_line(&self) -> Option<&NodeLine> {
        self.line(self.myself)
    }
}

/// Reads the answer to CLUSTER NODES.
pub(super) fn parse(text: &str) -> Result<View, BadView> {
    let mut myself = None;
    let mut nodes = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let bad = |what| BadView { what, line: line.to_owned() };
        let flags = line.split(' ').nth(2).ok_or_else(|| bad("no flags"))?;
        // A node that is still being met goes by an invented id.
        if has(flags, "handshake") {
            continue;
        }
        let node = parse_line(line, flags).map_err(bad)?;
        if has(flags, "myself") {
            myself = Some(node.id);
        }
        nodes.push(node);
    }
    let myself = myself.ok_or_else(|| BadView {
        what: "no line is the node's own",
        line: text.chars().take(200).collect(),
    })?;
    Ok(View { myself, nodes })
}

fn parse_line(line: &str, flags: &str) -> Result<NodeLine, &'static str> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [id, address, _, _, _, _, config_epoch, _, slots @ ..] = fields.as_slice() else {
        return Err("fewer than 8 fields");
    };
    Ok(NodeLine {
        id: id.parse()?,
        address: parse_address(address).filter(|_| !has(flags, "noaddr")),
        role: if has(flags, "master") { Role::Master } else { Role::Replica },
        failing: if has(flags, "fail") {
            Failing::Agreed
        } else if has(flags, "fail?") {
            Failing::Suspected
        } else {
            Failing::No
        },
        config_epoch: config_epoch.parse().map_err(|_| "a bad config epoch")?,
        slots: slots
            .iter()
            // [slot->-id] and [slot-<-id]: a slot on the move, listed by its owner as well.
            .filter(|slots| !slots.starts_with('['))
            .map(|slots| parse_slots(slots).ok_or("a bad slot range"))
            .collect::<Result<_, _>>()?,
    })
}

fn has(flags: &str, flag: &str) -> bool {
    flags.split(',').any(|one| one == flag)
}

/// `ip:port@cport[,hostname]`; a node that has met nobody yet does not know its own ip.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, _) = text.split_once('@')?;
    let (ip, port) = address.rsplit_once(':')?;
    let ip: IpAddr = ip.parse().ok()?;
    let port = port.parse().ok().filter(|&port: &u16| port != 0)?;
    Some(SocketAddr::new(ip, port))
}

fn parse_slots(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && usize::from(last) < Slot::COUNT).then_some(first..=last)
}

impl FromStr for NodeId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let bytes: [u8; 40] = text.as_bytes().try_into().map_err(|_| "a bad node id")?;
        if bytes.iter().all(u8::is_ascii_hexdigit) { Ok(Self(bytes)) } else { Err("a bad node id") }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| write!(f, "{}", char::from(byte)))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Redis 7.0, after a failover, with a slot on the move and a node being met.
    const NODES: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,host-2 master - 0 1426238316232 2 connected 5461-10922
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 master,fail - 0 1426238318243 3 disconnected
6ec23923021cf3ffec47632106199cb7f496ce01 :0@0 slave,noaddr 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 0 1426238316232 5 disconnected
824fe116063bc5fcf9f4ffd895bc17aee7731ac3 ::1:30006@31006 slave,fail? 292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 0 1426238317741 6 connected
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001 myself,master - 0 0 18446744073709551615 connected 0-5460 10923 [5461-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]
0000000000000000000000000000000000000000 127.0.0.1:30009@31009 handshake - 0 0 0 disconnected
";

    #[test]
    fn every_kind_of_line_is_read() {
        let view = parse(NODES).unwrap();
        assert_eq!(view.nodes.len(), 6, "the node being met is left out");
        let own = view.own_line().unwrap();
        assert_eq!(own.id.to_string(), "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca");
        assert_eq!(own.slots, [0..=5460, 10_923..=10_923]);
        assert_eq!(own.config_epoch, u64::MAX);
        assert_eq!(own.address, Some("127.0.0.1:30001".parse().unwrap()));

        let [replica, named, failed, lost, suspected, _] = view.nodes.as_slice() else {
            panic!("six lines");
        };
        assert_eq!(replica.role, Role::Replica);
        assert_eq!((named.role, named.failing), (Role::Master, Failing::No));
        assert_eq!(named.address, Some("127.0.0.1:30002".parse().unwrap()));
        assert_eq!((failed.role, failed.failing), (Role::Master, Failing::Agreed));
        assert!(failed.slots.is_empty());
        assert_eq!(lost.address, None);
        assert_eq!(suspected.failing, Failing::Suspected);
        assert_eq!(suspected.address, Some("[::1]:30006".parse().unwrap()));
    }

    #[test]
    fn an_address_that_is_not_known_is_none() {
        for text in ["", ":30001@31001", ":0@0", "127.0.0.1:0@0", "127.0.0.1:1", "?:7000@17000"] {
            assert_eq!(parse_address(text), None, "{text:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let own = "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:1@2 myself,master - 0 0 1 connected";
        assert!(parse(own).is_ok());
        for text in [
            String::new(),
            "hello".to_owned(),
            own.replace("myself,", ""),
            own.replace("e7d1", "e7d"),
            own.replace("e7d1", "zzzz"),
            own.replace(" 1 connected", " x connected"),
            format!("{own} 5-3"),
            format!("{own} 16384"),
            format!("{own} a-b"),
        ] {
            assert!(parse(&text).is_err(), "{text:?}");
        }
    }
}
