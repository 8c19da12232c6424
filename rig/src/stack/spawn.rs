//! Starts a part so that it cannot outlive rig.

use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{
    Pid, Signal, getpid, getppid, getuid, set_parent_process_death_signal, setsid,
};
use tokio::process::{Child, Command};

use super::part::{PartSpec, WhenRigDies};

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

/// The group that a part at this address runs in, where rig runs as root. No other part has it, so
/// that a firewall can tell whose packets are whose; no file belongs to it.
pub fn group(address: SocketAddr) -> Option<u32> {
    getuid().is_root().then_some(u32::from(address.port()))
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
