//! Who is there, and how they stand, as far as this process sees it.

use links::redis::{Failing, NodeStatus, Role as NodeRole, Topology};
use links::standing::{Dependency, State};
use serde::Serialize;

use super::edges::Edge;
use crate::status::{Health, Report, Role};

/// A part of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// persister, edge, redis node, or a server as a whole: mysql, redis, kafka.
    pub kind: &'static str,
    /// Its name or address.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What is to be said about it.
    pub detail: String,
}

/// All of them: this process first and who leads, then whom it needs, then edges and nodes. Other
/// processes that stand by are not seen from here.
pub(super) fn parts(
    name: &str,
    report: &Report,
    leader: Option<&str>,
    edges: &[Edge],
    redis: &Topology,
) -> Vec<Part> {
    let mut parts = vec![myself(name, report)];
    parts.extend(leader.filter(|leader| *leader != name).map(another_leads));
    parts.extend(report.dependencies.iter().map(server));
    parts.extend(edges.iter().map(edge));
    let mut nodes: Vec<Part> = redis.nodes().iter().map(node).collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    parts.extend(nodes);
    parts
}

fn myself(name: &str, report: &Report) -> Part {
    let state = match report.status {
        Health::Ok => State::Ok,
        Health::Degraded => State::Degraded,
        Health::Down => State::Down,
    };
    let role = match report.role {
        Role::Leader => "leads",
        Role::StandBy => "stands by",
        Role::Draining => "ends",
    };
    let halted = report.halted.iter().map(|(part, why)| format!("partition {part} halts: {why}"));
    let detail: Vec<String> = [role.to_owned()].into_iter().chain(halted).collect();
    Part { kind: "persister", name: name.to_owned(), state, detail: detail.join("; ") }
}

/// Its lease is renewed, or it would not lead.
fn another_leads(name: &str) -> Part {
    Part { kind: "persister", name: name.to_owned(), state: State::Ok, detail: "leads".to_owned() }
}

fn server(dependency: &Dependency) -> Part {
    Part {
        kind: dependency.name,
        name: dependency.name.to_owned(),
        state: dependency.state,
        detail: dependency.detail.clone(),
    }
}

fn edge(edge: &Edge) -> Part {
    let state = if edge.trouble.is_empty() { State::Ok } else { State::Down };
    Part { kind: "edge", name: edge.address.clone(), state, detail: edge.trouble.clone() }
}

fn node(node: &NodeStatus) -> Part {
    let role = match node.role {
        NodeRole::Master => "master",
        NodeRole::Replica => "replica",
    };
    let (state, detail) = match (node.failing, node.answers) {
        (Failing::Agreed, _) => (State::Down, format!("{role}; a majority calls it down")),
        (_, false) => (State::Down, format!("{role}; it does not answer")),
        (Failing::Suspected, true) => (State::Degraded, format!("{role}; another suspects it")),
        (Failing::No, true) => (State::Ok, role.to_owned()),
    };
    let name = node.address.map_or_else(|| node.id.to_string(), |address| address.to_string());
    Part { kind: "redis node", name, state, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    #[test]
    fn what_is_missing_is_said_of_its_part() {
        let status = Status::new();
        status.mysql_ok();
        status.halted(3, "gone");
        status.kafka.note(State::Down, "no broker");
        let part = myself("persister-1", &status.report());
        assert_eq!(part.state, State::Degraded);
        assert_eq!(part.detail, "stands by; partition 3 halts: gone");
        let kafka = server(&status.kafka.last());
        assert_eq!((kafka.kind, kafka.state), ("kafka", State::Down));
        let gone = Edge { trouble: "refused".to_owned(), ..Edge::default() };
        assert_eq!((edge(&gone).state, edge(&gone).detail.as_str()), (State::Down, "refused"));
    }
}
