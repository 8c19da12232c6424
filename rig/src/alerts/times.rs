//! How long each alert may take to fire, by the rules as Prometheus reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pace::duration;

/// For what nobody counts on: a scrape or an evaluation that comes late where a whole stack shares two
/// cores, and the half second between two of our own looks.
pub(super) const SLACK: Duration = Duration::from_secs(15);
/// Until it is seen that the expression holds, and again until it is seen that it held long enough.
const EVALUATIONS: u32 = 2;
/// One sample more than before is enough for it, so its range need not pass.
const SEES_AT_ONCE: &str = "increase";
/// Rules of this name have their ranges elsewhere: how long they take cannot be read here.
const RECORDED: &str = "firstcome:";

/// The times of a rules file and of the configuration that it is read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    scrape: Duration,
    evaluation: Duration,
    rules: BTreeMap<String, Rule>,
}

/// What an alert's rule says of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Rule {
    /// Its `for`.
    lasts: Duration,
    /// The longest range that must be full of the fault, or empty of anything else.
    fills: Duration,
    /// The longest time that it looks back, by a range or an offset.
    remembers: Duration,
}

impl Times {
    /// Of texts at whatever pace they are; an interval that is not written counts as none.
    pub(super) fn read(configuration: &str, rules: &str) -> Self {
        let interval = |name: &str| first(configuration, name).unwrap_or_default();
        let rules = rules.split("- alert: ").skip(1).filter_map(rule);
        Self {
            scrape: interval("scrape_interval: "),
            evaluation: interval("evaluation_interval: "),
            rules: rules.collect(),
        }
    }

    /// How long the alert may take from the fault until it fires, where its expression can hold after
    /// `needs`, whatever the rules' pace. None: it is no alert, or its ranges stand elsewhere.
    pub(super) fn within(&self, alert: &str, needs: Duration) -> Option<Duration> {
        let rule = self.rules.get(alert)?;
        let seen = self.scrape + self.evaluation * EVALUATIONS;
        Some(needs + rule.fills + rule.lasts + seen + SLACK)
    }

    /// How long the alert may go on after all is well, beside a scrape and an evaluation.
    pub(super) fn remembers(&self, alert: &str) -> Duration {
        self.rules.get(alert).map_or(Duration::ZERO, |rule| rule.remembers)
    }
}

/// A rule, by what stands behind `- alert: `.
fn rule(text: &str) -> Option<(String, Rule)> {
    let (name, rest) = text.split_once('\n')?;
    // Behind the labels stand words for people, and what is said of the next rule.
    let said = rest.split("labels:").next().unwrap_or_default();
    if said.contains(RECORDED) {
        return None;
    }
    let (fills, looks_back) = ranges(said);
    let remembers = looks_back.max(longest(said, " offset "));
    let lasts = first(said, "\n        for: ").unwrap_or_default();
    Some((name.trim().to_owned(), Rule { lasts, fills, remembers }))
}

/// The longest range of all functions that need it whole, and the longest of all.
fn ranges(expression: &str) -> (Duration, Duration) {
    let (mut fills, mut all) = (Duration::ZERO, Duration::ZERO);
    for (at, _) in expression.match_indices('[') {
        let Some((seconds, _)) = duration(&expression[at + 1..]) else { continue };
        let range = Duration::from_secs(seconds);
        all = all.max(range);
        if function(&expression[..at]) != SEES_AT_ONCE {
            fills = fills.max(range);
        }
    }
    (fills, all)
}

/// The function whose argument a text ends with.
fn function(before: &str) -> &str {
    let called = before.rsplit_once('(').map_or("", |(called, _)| called);
    called
        .rsplit(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .next()
        .unwrap_or("")
}

/// The longest duration that stands behind `before`.
fn longest(text: &str, before: &str) -> Duration {
    let found = text.split(before).skip(1).filter_map(duration);
    Duration::from_secs(found.map(|(seconds, _)| seconds).max().unwrap_or(0))
}

/// The first duration that stands behind `before`.
fn first(text: &str, before: &str) -> Option<Duration> {
    let (_, behind) = text.split_once(before)?;
    duration(behind).map(|(seconds, _)| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::pace::Pace;

    const CONFIGURATION: &str =
        "scrape_interval: 5s\n  scrape_timeout: 4s\n  evaluation_interval: 5s\n";
    const RULES: &str = "groups:
      - alert: Gone
        expr: |
          up{job=~\"a[0-9]\"} == 0
        for: 30s
        labels: {severity: page}
      # Nothing [9m] of this counts.
      - alert: Stuck
        expr: |
          held > 0 and rate(sent_total{way=\"(any)\"}[1m]) == 0
        for: 1m
        labels: {severity: page}
      - alert: Letters
        expr: |
          sum by (why) (increase(letters_total{why=\"new\"}[10m])) > 0
            or sum(letters_total unless letters_total offset 20m) > 0
        labels: {severity: ticket}
      - alert: Burns
        expr: |
          firstcome:claims_failed:share_1h > 0.0144
        labels: {severity: page}
";

    fn times(pace: Pace) -> Times {
        Times::read(&pace.of_configuration(CONFIGURATION), &pace.of_rules(RULES))
    }

    fn within(times: &Times, alert: &str) -> Option<u64> {
        times.within(alert, Duration::ZERO).map(|within| (within - SLACK).as_secs())
    }

    #[test]
    fn an_alert_takes_its_for_a_scrape_and_two_evaluations() {
        let written = times(Pace::AS_WRITTEN);
        assert_eq!(within(&written, "Gone"), Some(30 + 5 + 2 * 5));
        let later = written.within("Gone", Duration::from_secs(7));
        assert_eq!(later, Some(Duration::from_secs(45 + 7) + SLACK));
        assert_eq!(within(&times(Pace::QUICK), "Gone"), Some(3 + 1 + 2), "at its pace");
    }

    #[test]
    fn a_range_must_pass_unless_an_increase_is_looked_for() {
        let written = times(Pace::AS_WRITTEN);
        assert_eq!(within(&written, "Stuck"), Some(60 + 60 + 15));
        assert_eq!(within(&written, "Letters"), Some(15));
        assert_eq!(within(&times(Pace::QUICK), "Stuck"), Some(10 + 6 + 3));
    }

    #[test]
    fn what_was_is_remembered_for_the_longest_range_or_offset() {
        let written = times(Pace::AS_WRITTEN);
        let remembers = |alert: &str| written.remembers(alert).as_secs();
        assert_eq!((remembers("Gone"), remembers("Stuck"), remembers("Letters")), (0, 60, 1_200));
    }

    #[test]
    fn what_has_its_ranges_elsewhere_or_is_nowhere_has_no_time() {
        let written = times(Pace::AS_WRITTEN);
        assert_eq!(within(&written, "Burns"), None);
        assert_eq!(within(&written, "Nothing"), None);
    }
}
