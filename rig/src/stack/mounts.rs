//! Disks that a round of faults mounted below a stack's directory, and could not unmount.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::repository::system_program;

/// Lets disks go on that stall: a part that waits for one cannot even be killed.
pub(super) fn thaw(stack: &Path) {
    for point in mounted(stack) {
        // For one that does not stall this fails, and says so to nobody.
        quietly("fsfreeze", "--unfreeze", &point);
    }
}

/// Unmounts all of them; the last that was mounted first.
pub(super) fn release(stack: &Path) {
    thaw(stack);
    for point in mounted(stack).into_iter().rev() {
        quietly("umount", "--lazy", &point);
    }
}

/// The kernel names mount points without links.
fn mounted(stack: &Path) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let stack = stack.canonicalize().unwrap_or_else(|_| stack.to_owned());
    below(&mounts, &stack)
}

fn quietly(program: &str, option: &str, point: &Path) {
    let mut command = Command::new(system_program(program));
    command.arg(option).arg(point).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // What stays mounted keeps the directory from being removed, and that is told.
    let _ = command.status();
}

/// Mount points below a directory, from lines of `device point type …`.
fn below(mounts: &str, directory: &Path) -> Vec<PathBuf> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    points.map(PathBuf::from).filter(|point| point.starts_with(directory)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_mounted_below_the_stack_is_found() {
        let mounts = "/dev/a / ext4 rw 0 0\n/dev/loop0 /t/dev/redis-1 ext4 rw 0 0\n\
                      /dev/loop1 /t/dev-2/redis-1 ext4 rw 0 0\n";
        assert_eq!(below(mounts, Path::new("/t/dev")), [Path::new("/t/dev/redis-1")]);
    }
}
