//! What was seen of an alert, and what is to be said of it.

use std::time::Duration;

use serde::Serialize;

/// What Alertmanager does with an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// It does not know it.
    #[default]
    No,
    /// It knows it and tells nobody: another alert speaks for it.
    Inhibited,
    /// It tells whoever is to be told.
    Yes,
}

impl Reached {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Inhibited => "inhibited",
            Self::Yes => "yes",
        }
    }
}

/// What is said of an alert: the first of these that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It never fired.
    Missed,
    /// It fired after its time.
    Late,
    /// Alertmanager never heard of it.
    NotReached,
    /// It went on although all was well.
    NotResolved,
    /// It came and went as it should.
    Ok,
}

impl Verdict {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "MISSED",
            Self::Late => "LATE",
            Self::NotReached => "NOT REACHED",
            Self::NotResolved => "NOT RESOLVED",
            Self::Ok => "ok",
        }
    }
}

/// What was seen of an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// From the fault until Prometheus said that it fires.
    pub(super) fired_after: Option<Duration>,
    /// What Alertmanager said of it last.
    pub(super) reached: Reached,
    /// From the healing until both said that it is over.
    pub(super) resolved_after: Option<Duration>,
}

impl Seen {
    /// A look so long after the fault. What Alertmanager knew once and does not know any more has
    /// reached it.
    pub(super) fn look(&mut self, after: Duration, fires: bool, reached: Reached) {
        if fires {
            self.fired_after.get_or_insert(after);
        }
        if reached != Reached::No {
            self.reached = reached;
        }
    }

    /// Whether it is worth another look: it may fire yet, or is on its way to Alertmanager.
    pub(super) fn is_open(&self, after: Duration, patience: Duration, delivery: Duration) -> bool {
        match self.fired_after {
            None => after < patience,
            Some(fired) => self.reached == Reached::No && after < fired + delivery,
        }
    }

    /// What is said of it where it had so long to fire.
    pub(super) fn verdict(&self, within: Duration) -> Verdict {
        match self.fired_after {
            None => Verdict::Missed,
            Some(fired) if fired > within => Verdict::Late,
            Some(_) if self.reached == Reached::No => Verdict::NotReached,
            Some(_) if self.resolved_after.is_none() => Verdict::NotResolved,
            Some(_) => Verdict::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn seen() -> Seen {
        Seen { fired_after: Some(s(20)), reached: Reached::Yes, resolved_after: Some(s(5)) }
    }

    #[test]
    fn an_alert_has_its_own_time_and_no_more() {
        assert_eq!(seen().verdict(s(20)), Verdict::Ok);
        assert_eq!(seen().verdict(s(19)), Verdict::Late);
        assert_eq!(Seen { fired_after: None, ..seen() }.verdict(s(20)), Verdict::Missed);
        assert_eq!(Seen::default().verdict(s(20)), Verdict::Missed);
    }

    #[test]
    fn it_reaches_alertmanager_inhibited_or_not_and_ends() {
        let of = |reached: Reached| Seen { reached, ..seen() }.verdict(s(20));
        assert_eq!(of(Reached::Inhibited), Verdict::Ok);
        assert_eq!(of(Reached::No), Verdict::NotReached);
        assert_eq!(Seen { resolved_after: None, ..seen() }.verdict(s(20)), Verdict::NotResolved);
    }

    #[test]
    fn the_first_look_that_sees_it_counts_and_the_last_word_of_alertmanager() {
        let mut seen = Seen::default();
        seen.look(s(1), false, Reached::No);
        assert_eq!(seen, Seen::default());
        seen.look(s(2), true, Reached::Yes);
        seen.look(s(3), true, Reached::Inhibited);
        seen.look(s(4), false, Reached::No);
        assert_eq!((seen.fired_after, seen.reached), (Some(s(2)), Reached::Inhibited));
    }

    #[test]
    fn looks_end_with_patience_or_once_alertmanager_knows() {
        let (patience, delivery) = (s(100), s(60));
        let open = |seen: Seen, after| seen.is_open(s(after), patience, delivery);
        assert!(open(Seen::default(), 99) && !open(Seen::default(), 100));
        let fired = Seen { fired_after: Some(s(90)), ..Seen::default() };
        assert!(open(fired, 149) && !open(fired, 150), "on its way for a minute at most");
        assert!(!open(Seen { reached: Reached::Inhibited, ..fired }, 91));
    }
}
