//! Which events are fenced, and since when: what the leader saw of their shards.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use contract::ids::EventId;

use crate::metrics::{self, EVENT_FENCED, EVENT_FENCED_HELP, NAMED_EVENTS};

/// Events whose shard may not answer for them. Its lock is held for a few instructions.
#[derive(Debug, Default)]
pub struct Fenced(Mutex<BTreeMap<EventId, Instant>>);

impl Fenced {
    /// An event was looked at.
    pub fn note(&self, event: &EventId, fenced: bool) {
        let mut events = self.lock();
        if fenced {
            events.entry(event.clone()).or_insert_with(Instant::now);
        } else {
            events.remove(event);
        }
        metrics::fenced(events.len());
    }

    /// Nobody looks after other events than these any more.
    pub fn keep_only(&self, live: &HashSet<&EventId>) {
        let mut events = self.lock();
        events.retain(|event, _| live.contains(event));
        metrics::fenced(events.len());
    }

    /// This process does not look at events any more.
    pub fn forget(&self) {
        self.keep_only(&HashSet::new());
    }

    /// A gauge an event in Prometheus's words, of those that have been fenced for longest. It is no
    /// metric of the recorder, whose series stay.
    pub fn render(&self, now: Instant) -> String {
        let mut since: Vec<(Instant, EventId)> =
            self.lock().iter().map(|(event, since)| (*since, event.clone())).collect();
        since.sort();
        let mut page =
            format!("# HELP {EVENT_FENCED} {EVENT_FENCED_HELP}\n# TYPE {EVENT_FENCED} gauge\n");
        for (since, event) in since.into_iter().take(NAMED_EVENTS) {
            let seconds = now.saturating_duration_since(since).as_secs_f64();
            // Ids have no letter that would have to be escaped; a String takes all that it is given.
            let _ = writeln!(page, "{EVENT_FENCED}{{event=\"{event}\"}} {seconds}");
        }
        page
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<EventId, Instant>> {
        // A thread that panicked here left a whole map behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(text: &str) -> EventId {
        text.parse().unwrap()
    }

    fn series(fenced: &Fenced, now: Instant) -> Vec<String> {
        let page = fenced.render(now);
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn an_event_is_named_for_as_long_as_it_is_fenced() {
        let fenced = Fenced::default();
        fenced.note(&id("spring"), true);
        let later = Instant::now() + Duration::from_secs(40);
        // Seen again: since when it is so does not change.
        fenced.note(&id("spring"), true);
        let [line]: [String; 1] = series(&fenced, later).try_into().unwrap();
        let seconds =
            line.strip_prefix("firstcome_persister_event_fenced_seconds{event=\"spring\"} ");
        assert!(seconds.unwrap().parse::<f64>().unwrap() >= 40.0, "{line}");
        fenced.note(&id("spring"), false);
        assert_eq!(series(&fenced, later), [""; 0]);
        fenced.note(&id("autumn"), true);
        fenced.keep_only(&HashSet::new());
        assert_eq!(series(&fenced, later), [""; 0]);
    }

    #[test]
    fn of_many_the_first_are_named() {
        let fenced = Fenced::default();
        for number in 0..2 * NAMED_EVENTS {
            fenced.note(&id(&format!("event-{number:03}")), true);
        }
        let lines = series(&fenced, Instant::now());
        assert_eq!(lines.len(), NAMED_EVENTS);
        assert!(lines[0].contains("event-000"), "{}", lines[0]);
    }
}
