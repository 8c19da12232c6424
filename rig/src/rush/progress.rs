//! The progress of a rush: one line that changes on a terminal, a line every two seconds in a pipe.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::live::{Figures, Live};

/// Between two changes of the line.
const LINE_EVERY: Duration = Duration::from_millis(200);
/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// One line that changes.
    Line,
    /// A line now and then.
    Plain,
    /// Not at all: in tests.
    Silent,
}

impl Display {
    /// What fits standard output.
    pub fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Line } else { Self::Plain }
    }

    /// Shows the counters until it is dropped.
    pub(super) async fn show(self, live: &Live) {
        let every = match self {
            Self::Line => LINE_EVERY,
            Self::Plain => PLAIN_EVERY,
            Self::Silent => return std::future::pending().await,
        };
        let began = Instant::now();
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.print(&text(live.figures(), began.elapsed()));
        }
    }

    /// Shows the counters once more, and ends the line.
    pub(super) fn end(self, live: &Live, took: Duration) {
        if self != Self::Silent {
            self.print(&text(live.figures(), took));
        }
        if self == Self::Line {
            println!();
        }
    }

    fn print(self, text: &str) {
        if self == Self::Line {
            // Back to the beginning of the line, and what was longer is cleared.
            print!("\r{text}\x1b[K");
            // Progress that cannot be shown is no reason to end a rush.
            let _shown = io::stdout().flush();
        } else {
            println!("{text}");
        }
    }
}

fn text(figures: Figures, took: Duration) -> String {
    let Figures { sent, told, sold_out, refused, again, p50_us, p99_us, persisted } = figures;
    let refused = if refused > 0 { format!(" · refused {refused}") } else { String::new() };
    format!(
        "{:5.1} s  sent {sent} · won {told} · sold out {sold_out}{refused} · again {again} · \
         p50 {:.1} ms · p99 {:.1} ms · persisted {persisted}",
        took.as_secs_f64(),
        p50_us as f64 / 1e3,
        p99_us as f64 / 1e3
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_all_that_one_wants_to_see() {
        let figures = Figures {
            sent: 1_234,
            told: 100,
            sold_out: 1_100,
            refused: 0,
            again: 34,
            p50_us: 4_100,
            p99_us: 22_040,
            persisted: 80,
        };
        assert_eq!(
            text(figures, Duration::from_millis(3_250)),
            "  3.2 s  sent 1234 · won 100 · sold out 1100 · again 34 · p50 4.1 ms · p99 22.0 ms \
             · persisted 80"
        );
        let refused = text(Figures { refused: 7, ..figures }, Duration::ZERO);
        assert!(refused.contains("sold out 1100 · refused 7 ·"), "{refused}");
    }
}
