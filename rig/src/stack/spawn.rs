//! Starts a part so that it cannot outlive rig.

use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal, setsid};
use tokio::process::{Child, Command};

use super::part::{PartSpec, WhenRigDies};

/// As linux/capability.h numbers it.
const CAP_SETGID: u32 = 6;

/// Starts the part in a session of its own, so that neither a terminal's Ctrl-C nor the kernel's
/// hang-up of a paused process group whose parent died reaches it. The kernel sends it a signal
/// when the *thread* that started it ends, so only the supervisor's thread, which lives as long as
/// rig, calls this.
pub(super) fn spawn(spec: &PartSpec) -> io::Result<(Child, Pid)> {
    let log = OpenOptions::new().create(true).append(true).open(&spec.log)?;
    let mut command = std::process::Command::new(&spec.program);
    command
        .args(&spec.arguments)
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .envs(spec.more_environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if let Some(group) = group(spec.address) {
        command.gid(group);
    }
    in_own_session(&mut command);
    die_with_this_thread(&mut command, spec.when_rig_dies);
    let child = Command::from(command).spawn()?;
    let pid = child
        .id()
        .and_then(|id| Pid::from_raw(id.cast_signed()))
        .ok_or_else(|| io::Error::other("the child has no pid"))?;
    Ok((child, pid))
}

/// The group that a part at this address runs in, where rig may give it one. No other part has it,
/// so that a firewall can tell whose packets are whose; no file belongs to it.
pub fn group(address: SocketAddr) -> Option<u32> {
    let group = u32::from(address.port());
    is_allowed(group).then_some(group)
}

/// Whether parts have groups of their own here.
pub fn groups_are_allowed() -> bool {
    // The highest port.
    is_allowed(u32::from(u16::MAX))
}

fn is_allowed(group: u32) -> bool {
    let of_self = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}"));
    match (of_self("status"), of_self("gid_map")) {
        (Ok(status), Ok(map)) => has_setgid(&status) && is_mapped(&map, group),
        _ => false,
    }
}

/// Whether `CapEff` of /proc/self/status has CAP_SETGID: root in a container may lack it.
fn has_setgid(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    effective.is_some_and(|effective| effective & (1 << CAP_SETGID) != 0)
}

/// Whether a group exists here, by the lines `first outside count` of /proc/self/gid_map.
fn is_mapped(map: &str, group: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&u64::from(group))
    })
}

#[expect(unsafe_code, reason = "only the child itself can begin a session")]
fn in_own_session(command: &mut std::process::Command) {
    // SAFETY: the closure runs in the child after fork and makes one system call.
    unsafe {
        command.pre_exec(|| Ok(setsid().map(drop)?));
    }
}

/// The child that `command` starts gets a signal when the thread that started it ends.
#[expect(
    unsafe_code,
    reason = "only between fork and exec can a child ask for its parent's death signal"
)]
pub(super) fn die_with_this_thread(command: &mut std::process::Command, when: WhenRigDies) {
    let signal = match when {
        WhenRigDies::Kill => Signal::KILL,
        WhenRigDies::Terminate => Signal::TERM,
    };
    let rig = getpid();
    // SAFETY: the closure runs in the child after fork. It makes two system calls and touches
    // neither locks nor the allocator, so no other thread's state can matter to it.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(signal))?;
            // rig may have died before the call above, and then no signal comes.
            if getppid() == Some(rig) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_group_where_rig_may_give_it_one() {
        assert!(has_setgid("CapPrm:\t0\nCapEff:\t000001ffffffffff\n"));
        assert!(!has_setgid("CapEff:\t0000000000000000\n"));
        assert!(!has_setgid("CapEff:\t000001ffffffffbf\n"));
        assert!(!has_setgid(""));
    }

    #[test]
    fn a_group_exists_where_it_is_mapped() {
        assert!(is_mapped("         0          0 4294967295\n", 20_000));
        assert!(!is_mapped("         0       1000          1\n", 20_000));
        assert!(is_mapped("0 1000 1\n1 100000 65536\n", 20_000));
        assert!(!is_mapped("", 20_000));
    }
}
