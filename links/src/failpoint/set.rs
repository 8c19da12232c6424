//! What is set for which point, and doing it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// Set once, before the process begins its work.
static SET: OnceLock<Vec<Armed>> = OnceLock::new();

/// What to do at which points, as `FIRSTCOME_FAILPOINT` says it: `POINT=kill@3`, the third time that
/// the point is reached; `POINT=lose@3-9` for a range of times; `POINT=kill@1/EVENT` where only what
/// is done for this event counts; several separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failpoints(Vec<Failpoint>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Failpoint {
    point: &'static str,
    act: Act,
    first: u64,
    last: u64,
    event: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// SIGKILL to itself.
    Kill,
    /// SIGSTOP to itself; somebody else sends SIGCONT.
    Stop,
    /// The answer is treated as lost.
    Lose,
}

struct Armed {
    failpoint: Failpoint,
    reached: AtomicU64,
}

impl Failpoints {
    /// Reads the text; `known` are the points that the program has, which it lists on standard
    /// error where the text names another.
    pub fn parse(text: &str, known: &[&'static str]) -> Option<Self> {
        let all = text.split(',').filter(|part| !part.trim().is_empty());
        let set: Option<_> = all.map(|part| Failpoint::parse(part.trim(), known)).collect();
        if set.is_none() {
            eprintln!("failpoints: {}", known.join(" "));
        }
        set.map(Self)
    }

    /// Sets them for this process; only the first call counts.
    pub fn set(self) {
        let armed = |failpoint| Armed { failpoint, reached: AtomicU64::new(0) };
        let _ = SET.set(self.0.into_iter().map(armed).collect());
    }
}

impl Failpoint {
    fn parse(text: &str, known: &[&'static str]) -> Option<Self> {
        let (point, how) = text.split_once('=')?;
        let (act, times) = how.split_once('@')?;
        let (times, event) = match times.split_once('/') {
            Some((times, event)) => (times, Some(event.to_owned())),
            None => (times, None),
        };
        let (first, last) = times.split_once('-').unwrap_or((times, times));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        Some(Self {
            point: known.iter().find(|name| **name == point)?,
            act: Act::parse(act)?,
            first,
            last,
            event,
        })
        .filter(|set| 0 < first && first <= last && set.event.as_deref() != Some(""))
    }
}

impl Failpoint {
    fn is_at(&self, point: &str, event: Option<&str>) -> bool {
        self.point == point && (self.event.is_none() || self.event.as_deref() == event)
    }
}

impl Act {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "kill" => Some(Self::Kill),
            "stop" => Some(Self::Stop),
            "lose" => Some(Self::Lose),
            _ => None,
        }
    }
}

/// Does what is set for this point, if anything is.
pub fn reach(point: &'static str) {
    strike(point, due(point, None));
}

/// Does what is set for this point, if it is set for this event or for any.
pub fn reach_for(point: &'static str, event: &str) {
    strike(point, due(point, Some(event)));
}

fn strike(point: &'static str, act: Option<Act>) {
    match act {
        Some(Act::Kill) => signal(point, Signal::KILL),
        Some(Act::Stop) => signal(point, Signal::STOP),
        Some(Act::Lose) | None => {}
    }
}

/// Whether the answer that has just come is to be treated as lost.
pub fn loses(point: &'static str) -> bool {
    let lost = due(point, None) == Some(Act::Lose);
    if lost {
        eprintln!("failpoint {point}: an answer is lost");
    }
    lost
}

fn due(point: &'static str, event: Option<&str>) -> Option<Act> {
    let armed = SET.get()?.iter().find(|armed| armed.failpoint.is_at(point, event))?;
    let time = armed.reached.fetch_add(1, Ordering::Relaxed) + 1;
    let Failpoint { act, first, last, .. } = &armed.failpoint;
    (first..=last).contains(&&time).then_some(*act)
}

fn signal(point: &'static str, signal: Signal) {
    eprintln!("failpoint {point}: {signal:?}");
    if let Err(error) = kill_process(getpid(), signal) {
        eprintln!("failpoint {point}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["here", "there"];

    #[test]
    fn what_is_set_is_read_and_done_at_its_time() {
        let set = Failpoints::parse("here=lose@2-3, there=lose@1", &KNOWN).unwrap();
        assert!(set.0[0].is_at("here", None) && set.0[0].is_at("here", Some("spring")));
        let of_one = Failpoints::parse("here=kill@1/spring", &KNOWN).unwrap();
        assert!(of_one.0[0].is_at("here", Some("spring")));
        assert!(!of_one.0[0].is_at("here", None) && !of_one.0[0].is_at("here", Some("autumn")));
        assert_eq!(set.0.len(), 2);
        set.set();
        assert_eq!([(); 4].map(|()| loses("here")), [false, true, true, false]);
        assert_eq!([(); 2].map(|()| loses("there")), [true, false]);
        assert!(!loses("elsewhere"));
        reach("elsewhere");
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        assert_eq!(Failpoints::parse("", &KNOWN), Some(Failpoints::default()));
        for bad in [
            "nowhere=kill@1",
            "here=kill",
            "here=hit@1",
            "here=kill@0",
            "here=stop@3-2",
            "here=kill@1/",
        ] {
            assert_eq!(Failpoints::parse(bad, &KNOWN), None, "{bad}");
        }
    }
}
