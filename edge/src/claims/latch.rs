//! Which events are sold out as far as memory goes, for who watches.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contract::ids::EventId;

use super::sold_out::HOLDS_FOR;
use crate::metrics::{EVENT_SOLD_OUT, EVENT_SOLD_OUT_HELP, NAMED_EVENTS};

/// When sold out was told of an event last, whichever core told it. Each core goes by its own memory,
/// not by this; where that ends early, this ends a moment later.
#[derive(Debug)]
pub(super) struct Latch {
    began: Instant,
    /// Milliseconds after `began` when its call was sent, plus 1; 0: it was never told.
    sent_ms: AtomicU64,
}

impl Default for Latch {
    fn default() -> Self {
        Self { began: Instant::now(), sent_ms: AtomicU64::new(0) }
    }
}

impl Latch {
    /// Sold out was told; its call was sent at `sent`.
    pub(super) fn told(&self, sent: Instant) {
        let after = sent.saturating_duration_since(self.began).as_millis();
        let after_ms = u64::try_from(after).unwrap_or(u64::MAX - 1);
        self.sent_ms.fetch_max(after_ms + 1, Ordering::Relaxed);
    }

    /// Whether others are told so from memory.
    pub(super) fn holds(&self, now: Instant) -> bool {
        let Some(after_ms) = self.sent_ms.load(Ordering::Relaxed).checked_sub(1) else {
            return false;
        };
        let sent = self.began + Duration::from_millis(after_ms);
        now.saturating_duration_since(sent) < HOLDS_FOR
    }
}

/// A gauge an event in Prometheus's words, those first that are sold out. It is no metric of the
/// recorder, whose series stay.
pub(super) fn render(mut events: Vec<(EventId, bool)>) -> String {
    events.sort_by(|(one, holds), (other, other_holds)| {
        other_holds.cmp(holds).then_with(|| one.cmp(other))
    });
    let mut page =
        format!("# HELP {EVENT_SOLD_OUT} {EVENT_SOLD_OUT_HELP}\n# TYPE {EVENT_SOLD_OUT} gauge\n");
    for (event, holds) in events.into_iter().take(NAMED_EVENTS) {
        // Ids have no letter that would have to be escaped; a String takes all that it is given.
        let _ = writeln!(page, "{EVENT_SOLD_OUT}{{event=\"{event}\"}} {}", u8::from(holds));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(events: Vec<(EventId, bool)>) -> Vec<String> {
        let page = render(events);
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn it_holds_from_the_sending_for_as_long_as_memory_does() {
        let latch = Latch::default();
        let sent = Instant::now();
        assert!(!latch.holds(sent), "nothing was told");
        latch.told(sent);
        assert!(latch.holds(sent));
        assert!(!latch.holds(sent + HOLDS_FOR));
        latch.told(sent + HOLDS_FOR);
        // Another core was slower to tell.
        latch.told(sent);
        assert!(latch.holds(sent + HOLDS_FOR));
    }

    #[test]
    fn of_many_those_are_named_that_are_sold_out() {
        let id = |number: usize| format!("event-{number:03}").parse().unwrap();
        let last = 2 * NAMED_EVENTS - 1;
        let lines = series((0..=last).map(|number| (id(number), number == last)).collect());
        assert_eq!(lines.len(), NAMED_EVENTS);
        assert_eq!(
            lines[0],
            format!("firstcome_edge_event_sold_out{{event=\"event-{last:03}\"}} 1")
        );
        assert_eq!(lines[1], "firstcome_edge_event_sold_out{event=\"event-000\"} 0");
    }
}
