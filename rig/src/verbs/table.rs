//! A stack's parts as a table.

use rig::stack::{PartKind, PartState, PartStatus, Status};

/// One line a part: name, state, pid, address, metrics.
pub(crate) fn table(status: &Status) -> String {
    let mut text = format!("{:<12} {:<10} {:>8}  address\n", "part", "state", "pid");
    for part in &status.parts {
        let pid = part.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        text +=
            &format!("{:<12} {:<10} {pid:>8}  {}\n", part.name, state(part.state), address(part));
    }
    text
}

fn state(state: PartState) -> &'static str {
    match state {
        PartState::Running => "running",
        PartState::Paused => "paused",
        PartState::Restarting => "restarting",
        PartState::Down => "down",
    }
}

fn address(part: &PartStatus) -> String {
    match (&part.login, part.metrics) {
        (Some(login), _) => format!(
            "{}  user {}, password {}, database {}",
            part.address, login.user, login.password, login.database
        ),
        (None, Some(metrics)) if metrics != part.address => {
            let what = if part.kind == PartKind::Nginx { "limits" } else { "metrics" };
            format!("{}  {what} {metrics}", part.address)
        }
        (None, _) => part.address.to_string(),
    }
}
