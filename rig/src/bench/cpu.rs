//! What processes cost: CPU time, from /proc.
//!
//! The load generator shares the cores with everything, so requests a second say half of the truth;
//! CPU time of the servers says the other half, and does not depend on who else ran.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::stack::PartStatus;

/// CPU time since their start, of all processes of each part.
pub(super) type CpuTimes = BTreeMap<String, Duration>;

/// The CPU time of each part that runs. A part is a session of its own, so NGINX's workers count.
pub(super) fn times<'a>(parts: impl Iterator<Item = &'a PartStatus>) -> CpuTimes {
    let parts: BTreeMap<u32, &str> =
        parts.filter_map(|part| Some((part.pid?, part.name.as_str()))).collect();
    let mut ticks: BTreeMap<String, u64> = BTreeMap::new();
    for process in processes() {
        if let Some(name) = parts.get(&process.session) {
            *ticks.entry((*name).to_owned()).or_default() += process.ticks;
        }
    }
    let of_ticks = |ticks: u64| Duration::from_secs_f64(ticks as f64 / tick_rate());
    ticks.into_iter().map(|(name, ticks)| (name, of_ticks(ticks))).collect()
}

/// CPU time that each part used between two looks, in microseconds. A part that began in between
/// counts from its start.
pub(super) fn spent(before: &CpuTimes, after: &CpuTimes) -> BTreeMap<String, f64> {
    let spent = |(name, after): (&String, &Duration)| {
        let before = before.get(name).copied().unwrap_or_default();
        (name.clone(), after.saturating_sub(before).as_secs_f64() * 1e6)
    };
    after.iter().map(spent).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    session: u32,
    ticks: u64,
}

fn processes() -> impl Iterator<Item = Process> {
    // Processes come and go: one that is gone when its file is read counts nothing.
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?))
}

/// `/proc/PID/stat`. The program's name, in parentheses, may contain anything.
fn parse(stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(')')?;
    let field = |number: usize| fields.split_whitespace().nth(number);
    // Behind the name: state, ppid, pgrp, session, …; utime and stime are fields 14 and 15 in all.
    let session = field(3)?.parse().ok()?;
    let time = |number| -> Option<u64> { field(number)?.parse().ok() };
    Some(Process { session, ticks: time(11)? + time(12)? })
}

fn tick_rate() -> f64 {
    clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let stat = "4711 (a) b (c) S 1 4700 4699 0 -1 4194560 9 0 0 0 250 50 7 8 20 0 3 0 100";
        assert_eq!(parse(stat), Some(Process { session: 4_699, ticks: 300 }));
        assert_eq!(parse("4711 (a"), None);
    }

    #[test]
    fn cpu_time_is_what_was_used_in_between() {
        let times = |pairs: &[(&str, u64)]| -> CpuTimes {
            let of = |(name, ms): &(&str, u64)| ((*name).to_owned(), Duration::from_millis(*ms));
            pairs.iter().map(of).collect()
        };
        let spent = spent(&times(&[("edge-1", 100)]), &times(&[("edge-1", 350), ("new", 10)]));
        assert_eq!(spent["edge-1"].round(), 250_000.0);
        assert_eq!(spent["new"].round(), 10_000.0);
    }

    #[test]
    fn this_very_process_is_among_them() {
        assert!(processes().any(|process| process.ticks > 0));
    }
}
