//! What can be asked of the dead-letter desk.

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use contract::ids::EventId;

use super::event::parse_time;
use super::{By, Output, at_most};
use crate::consume::batch::Reason;
use crate::desk::{Cursor, LetterName};
use crate::store::desk::{LetterFilter, Resolution, StateFilter};

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DltCommand {
    /// List letters, those that failed first first
    ///
    /// Example: persister dlt list --event spring --reason rejected
    List(ListLetters),
    /// Show a letter with its record
    Show {
        /// Its name, such as 5/1234: where its record stood first
        letter: LetterName,
        /// Output.
        #[command(flatten)]
        output: Output,
    },
    /// Bring letters again, the normal way: through the topic of wins. Safe to repeat
    ///
    /// Exit codes: 0 each is a row or was settled before, 1 one is not, 2 wrong usage.
    /// Example: persister dlt replay 5/1234
    Replay(ReplayLetters),
    /// Give letters up: what they told of is not to become a row. The books close with them
    ///
    /// A win that MySQL refused keeps its unit, its number and its user's place: somebody was told.
    /// Example: persister dlt discard 5/1234 --why "a test of the loader"
    Discard(DiscardLetters),
}

/// Which letters.
#[derive(Debug, Clone, Args)]
pub struct Filters {
    /// Those of an event
    #[arg(long)]
    pub event: Option<EventId>,
    /// Those that failed for that
    #[arg(long, value_parser = reason_parser())]
    pub reason: Option<Reason>,
    /// Those that failed first from then on, such as 2026-11-27T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<u64>,
    /// Those that failed first before then
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until: Option<u64>,
}

/// A page of letters.
#[derive(Debug, Args)]
pub struct ListLetters {
    /// Which.
    #[command(flatten)]
    pub filters: Filters,
    /// Those that stand so
    #[arg(long, value_enum, default_value_t = StateArg::Waiting)]
    pub state: StateArg,
    /// How many at most
    #[arg(
        long,
        value_name = "LETTERS",
        default_value_t = 50,
        value_parser = at_most(1_000)
    )]
    pub limit: u32,
    /// Those behind a page; it says what to write here
    #[arg(long, value_name = "NEXT")]
    pub after: Option<Cursor>,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// Letters that are brought again.
#[derive(Debug, Args)]
pub struct ReplayLetters {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// Who gives the command.
    #[command(flatten)]
    pub by: By,
    /// Wait so long for what becomes of them; 0: do not wait
    #[arg(
        long = "wait-s",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = RangedU64ValueParser::<u64>::new().range(0..=3_600)
    )]
    pub wait_s: u64,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// Letters that are given up.
#[derive(Debug, Args)]
pub struct DiscardLetters {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// Who gives the command; why must be said, and stays with the letter.
    #[command(flatten)]
    pub by: By,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// Letters by name, or those that wait and fit.
#[derive(Debug, Args)]
pub struct Which {
    /// Their names, such as 5/1234
    #[arg(
        required_unless_present_any = FILTERS,
        conflicts_with_all = FILTERS,
        num_args = 1..=1_000
    )]
    pub letters: Vec<LetterName>,
    /// Or all that wait and fit.
    #[command(flatten)]
    pub filters: Filters,
    /// How many at most
    #[arg(
        long,
        value_name = "LETTERS",
        default_value_t = 100,
        value_parser = at_most(1_000)
    )]
    pub limit: u32,
}

const FILTERS: [&str; 4] = ["event", "reason", "since", "until"];

/// How letters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// Not settled
    Waiting,
    /// Made rows by their event's arming
    United,
    /// Brought again, and rows
    Replayed,
    /// Discarded by an operator
    GivenUp,
    /// All
    All,
}

impl StateArg {
    fn filter(self) -> StateFilter {
        match self {
            Self::Waiting => StateFilter::Waiting,
            Self::United => StateFilter::Resolved(Resolution::United),
            Self::Replayed => StateFilter::Resolved(Resolution::Replayed),
            Self::GivenUp => StateFilter::Resolved(Resolution::GivenUp),
            Self::All => StateFilter::Any,
        }
    }
}

impl Filters {
    /// Those of them that stand so.
    pub fn standing(&self, state: StateFilter) -> LetterFilter {
        LetterFilter {
            event: self.event.clone(),
            reason: self.reason,
            since_ms: self.since.unwrap_or(0),
            until_ms: self.until.unwrap_or(0),
            state,
        }
    }
}

impl ListLetters {
    /// What is asked for.
    pub fn filter(&self) -> LetterFilter {
        self.filters.standing(self.state.filter())
    }
}

fn reason_parser() -> impl TypedValueParser<Value = Reason> {
    let words = Reason::ALL.map(Reason::as_str);
    PossibleValuesParser::new(words)
        .try_map(|word| Reason::parse(&word).ok_or("the parser knows the words"))
}
