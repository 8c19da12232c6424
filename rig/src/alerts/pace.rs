//! The same rules with shorter times, so that trying them takes minutes.

/// How much shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(u64);

/// A range needs a few scrapes in it, which come each second at most.
const SHORTEST_RANGE_S: u64 = 10;
/// What must last must be seen twice.
const SHORTEST_FOR_S: u64 = 2;
/// Prometheus takes whole seconds here.
const SHORTEST_INTERVAL_S: u64 = 1;

impl Pace {
    /// The times as they are written.
    pub const AS_WRITTEN: Self = Self(1);
    /// A tenth of them.
    pub const QUICK: Self = Self(10);

    /// For people.
    pub fn sentence(self) -> String {
        match self.0 {
            1 => "rules as they are written".to_owned(),
            by => format!("a copy of the rules, with their times divided by {by}"),
        }
    }

    /// Ranges, offsets and `for` of rules.
    pub(super) fn of_rules(self, text: &str) -> String {
        let text = self.after(text, "[", SHORTEST_RANGE_S);
        let text = self.after(&text, " offset ", SHORTEST_RANGE_S);
        self.after(&text, "\n        for: ", SHORTEST_FOR_S)
    }

    /// How often Prometheus looks.
    pub(super) fn of_configuration(self, text: &str) -> String {
        ["scrape_interval: ", "scrape_timeout: ", "evaluation_interval: "]
            .into_iter()
            .fold(text.to_owned(), |text, before| self.after(&text, before, SHORTEST_INTERVAL_S))
    }

    /// The text with every duration that stands behind `before` made shorter.
    fn after(self, text: &str, before: &str, shortest_s: u64) -> String {
        let mut pieces = text.split(before);
        let mut shorter = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            shorter.push_str(before);
            match duration(piece) {
                Some((seconds, rest)) if self.0 > 1 => {
                    shorter.push_str(&format!("{}s", self.shorter(seconds, shortest_s)));
                    shorter.push_str(rest);
                }
                _ => shorter.push_str(piece),
            }
        }
        shorter
    }

    /// Never longer than it is written.
    fn shorter(self, seconds: u64, shortest_s: u64) -> u64 {
        (seconds / self.0).max(shortest_s).min(seconds)
    }
}

/// A duration that a text begins with, in seconds, and what follows it.
pub(super) fn duration(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let seconds = match text[digits..].bytes().next()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        _ => return None,
    };
    Some((number * seconds, &text[digits + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "\
        expr: |
          rate(a{code=~\"b[0-9]\"}[5m]) > 0.1 and rate(b[20s]) > c offset 10m
        for: 30s
        labels: {severity: page}
";

    #[test]
    fn times_get_shorter_and_nothing_else_changes() {
        let quick = Pace::QUICK.of_rules(&format!("  - alert: A\n{RULE}"));
        let expected = RULE.replace("5m", "30s").replace("20s", "10s").replace("10m", "60s");
        assert_eq!(quick, format!("  - alert: A\n{}", expected.replace("for: 30s", "for: 3s")));
        assert_eq!(Pace::AS_WRITTEN.of_rules(RULE), RULE);
        let intervals = "scrape_interval: 5s\n  evaluation_interval: 30s\n";
        let shorter = "scrape_interval: 1s\n  evaluation_interval: 3s\n";
        assert_eq!(Pace::QUICK.of_configuration(intervals), shorter);
    }

    #[test]
    fn no_time_gets_longer() {
        let quick = |range: &str| Pace::QUICK.of_rules(&format!("rate(a[{range}])"));
        assert_eq!(quick("5s"), "rate(a[5s])");
        assert_eq!(quick("10m"), "rate(a[60s])");
    }
}
