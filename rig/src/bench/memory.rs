//! Memory of processes, from /proc.

use std::fs;

/// Memory of a process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// What it has.
    pub(super) resident: u64,
    /// The most that it had.
    pub(super) most: u64,
}

/// The memory of a process, if it lives.
pub(super) fn of(pid: u32) -> Option<Memory> {
    parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// In millions of bytes.
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn parse(status: &str) -> Option<Memory> {
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory { resident: kib("VmRSS:")? * 1_024, most: kib("VmHWM:")? * 1_024 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_figures_are_read() {
        let status = "Name:\tedge\nVmHWM:\t  2000 kB\nVmRSS:\t  1000 kB\n";
        assert_eq!(parse(status), Some(Memory { resident: 1_024_000, most: 2_048_000 }));
        assert_eq!(parse("Name:\tedge\n"), None);
        assert!(of(std::process::id()).is_some());
    }
}
