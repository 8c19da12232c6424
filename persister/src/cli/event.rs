//! `persister event …`.

use chrono::DateTime;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand, ValueEnum};
use contract::event::{Confirm, Phase};
use contract::ids::EventId;

use super::{Given, Output, at_most};
use crate::events::ask::Ask;
use crate::events::change::{Verb, Window};
use crate::events::create::{Begin, PER_USER_LIMIT, STOCK, Wish};
use crate::events::view::{EVENTS, MAX_EVENTS, Page};
use crate::events::winners::Format;
use crate::labels::Label;
use crate::store::LAST_MS;

/// What to do with an event.
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Create an event. Its id can never be used again
    ///
    /// Example: persister event create spring --stock 500 --open
    Create(Create),
    /// List events, the oldest first
    List(ListEvents),
    /// Show an event: what is wanted, how far it is carried, what it waits for, its rows
    Show {
        /// The event's id
        event: EventId,
        /// Output.
        #[command(flatten)]
        output: Output,
    },
    /// Set how many units there are: more go on sale at once, fewer only as far as nobody holds them
    ///
    /// Example: persister event stock spring --to 800
    Stock(ChangeStock),
    /// Move its window, as long as it has not ended
    ///
    /// Example: persister event reschedule spring --closes-at 2026-12-02T18:00:00Z
    Reschedule(Reschedule),
    /// Label it with words of your own; they change nothing else
    ///
    /// Example: persister event label spring team=blue city=
    Label(SetLabels),
    /// Print everybody who won, in the order of their numbers, with what became of their coupons
    Winners {
        /// The event's id
        event: EventId,
        /// How
        #[arg(long, value_enum, default_value_t = FormatArg::Csv)]
        format: FormatArg,
    },
    /// Put a scheduled event on sale, inside its window
    Open(Change),
    /// Stop an event for a while; winners are still answered
    Pause(Change),
    /// Let a paused event go on
    Resume(Change),
    /// End an event for good; winners are still answered
    Close(Change),
    /// Put a closed event away for good: its Redis keys go, its rows stay
    ///
    /// Refused while dead letters of it wait. Nobody is answered about it any more, winners least of
    /// all: 404 unknown_event.
    Archive(Change),
}

/// A page of events.
#[derive(Debug, Args)]
pub struct ListEvents {
    /// Those that were created after this one
    #[arg(long, value_name = "EVENT")]
    after: Option<EventId>,
    /// Those that are to stand so
    #[arg(long, value_enum)]
    phase: Option<PhaseArg>,
    /// How many at most
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = EVENTS,
        value_parser = at_most(MAX_EVENTS)
    )]
    limit: u32,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// How operators may want an event to stand.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PhaseArg {
    Scheduled,
    Open,
    Paused,
    Closed,
    Archived,
}

impl ListEvents {
    /// What is asked for.
    pub fn page(&self) -> Page {
        let phase = self.phase.map(|phase| match phase {
            PhaseArg::Scheduled => Phase::Scheduled,
            PhaseArg::Open => Phase::Open,
            PhaseArg::Paused => Phase::Paused,
            PhaseArg::Closed => Phase::Closed,
            PhaseArg::Archived => Phase::Archived,
        });
        Page { after: self.after.clone(), phase, limit: self.limit }
    }
}

/// A new event.
#[derive(Debug, Args)]
pub struct Create {
    /// The event's id: 1 to 64 letters, digits, '_' and '-'
    event: EventId,
    /// Units in all
    #[arg(long, value_name = "UNITS", value_parser = RangedU64ValueParser::<u64>::new().range(STOCK))]
    stock: u64,
    /// Units that one user may hold
    #[arg(
        long,
        value_name = "UNITS",
        default_value_t = 1,
        value_parser = RangedU64ValueParser::<u32>::new().range(PER_USER_LIMIT)
    )]
    limit: u32,
    /// When the window begins, such as 2026-11-27T09:00:00Z [default: at once]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    opens_at: Option<u64>,
    /// When the window ends [default: when somebody closes it]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    closes_at: Option<u64>,
    /// When a win is told: once the shard's replica holds it, or only once Kafka does (slower)
    #[arg(long, value_enum, default_value_t = ConfirmArg::Replica)]
    confirm: ConfirmArg,
    /// NAME=TEXT, words of your own; may be given several times
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<Label>,
    /// Put it on sale at once, rather than by `event open`
    #[arg(long)]
    open: bool,
    /// How it is given.
    #[command(flatten)]
    pub given: Given,
}

/// A change of an event's stock.
#[derive(Debug, Args)]
pub struct ChangeStock {
    /// Units in all
    #[arg(long, value_name = "UNITS", value_parser = RangedU64ValueParser::<u64>::new().range(STOCK))]
    pub to: u64,
    /// The rest.
    #[command(flatten)]
    pub change: Change,
}

/// A change of an event's window.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["opens_at", "closes_at"])]
pub struct Reschedule {
    /// When it begins; none: from the beginning [default: as it is]
    #[arg(long, value_name = "TIME", value_parser = parse_end)]
    opens_at: Option<u64>,
    /// When it ends; none: when somebody closes it [default: as it is]
    #[arg(long, value_name = "TIME", value_parser = parse_end)]
    closes_at: Option<u64>,
    /// The rest.
    #[command(flatten)]
    change: Change,
}

/// A change of an event's labels.
#[derive(Debug, Args)]
pub struct SetLabels {
    /// The rest.
    #[command(flatten)]
    change: Change,
    /// NAME=TEXT; NAME= takes it away
    #[arg(required = true)]
    labels: Vec<Label>,
}

/// How winners are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FormatArg {
    /// Comma-separated, with a line of names
    Csv,
    /// A JSON object a line
    Ndjson,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Csv => Self::Csv,
            FormatArg::Ndjson => Self::Ndjson,
        }
    }
}

/// A change of an event.
#[derive(Debug, Args)]
pub struct Change {
    /// The event's id
    pub event: EventId,
    /// Only if it has this version still, as `event show` said it
    #[arg(
        long,
        value_name = "VERSION",
        value_parser = RangedU64ValueParser::<u64>::new().range(1..)
    )]
    if_version: Option<u64>,
    /// How it is given.
    #[command(flatten)]
    pub given: Given,
}

/// When a win is told.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConfirmArg {
    Replica,
    Log,
}

impl Change {
    /// How it is asked for.
    pub fn ask(&self) -> Ask {
        Ask {
            operator: self.given.by.operator(),
            mode: self.given.by.mode(),
            if_version: self.if_version,
        }
    }
}

impl Create {
    /// How it is asked for.
    pub fn ask(&self) -> Ask {
        Ask { operator: self.given.by.operator(), mode: self.given.by.mode(), if_version: None }
    }

    /// The event that is described.
    pub fn wish(&self) -> Wish {
        Wish {
            event_id: self.event.clone(),
            stock: self.stock,
            per_user_limit: self.limit,
            opens_at_ms: self.opens_at,
            closes_at_ms: self.closes_at,
            confirm: match self.confirm {
                ConfirmArg::Replica => Confirm::Replica,
                ConfirmArg::Log => Confirm::Log,
            },
            labels: self.labels.clone(),
            begin: if self.open { Begin::Open } else { Begin::Scheduled },
        }
    }
}

impl EventCommand {
    /// The change that is asked for, if it is one.
    pub fn change(&self) -> Option<(Verb, &Change)> {
        Some(match self {
            Self::Stock(stock) => (Verb::Stock(stock.to), &stock.change),
            Self::Reschedule(to) => {
                let window = Window { opens_at_ms: to.opens_at, closes_at_ms: to.closes_at };
                (Verb::Reschedule(window), &to.change)
            }
            Self::Label(set) => (Verb::Label(set.labels.clone()), &set.change),
            Self::Open(change) => (Verb::Open, change),
            Self::Pause(change) => (Verb::Pause, change),
            Self::Resume(change) => (Verb::Resume, change),
            Self::Close(change) => (Verb::Close, change),
            Self::Archive(change) => (Verb::Archive, change),
            Self::Create(_) | Self::List(_) | Self::Show { .. } | Self::Winners { .. } => {
                return None;
            }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time must be RFC 3339, from 1970 to 9999 in UTC, such as 2026-11-27T09:00:00Z")]
pub(super) struct BadTime;

fn parse_end(text: &str) -> Result<u64, BadTime> {
    if text == "none" { Ok(0) } else { parse_time(text) }
}

pub(super) fn parse_time(text: &str) -> Result<u64, BadTime> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| BadTime)?;
    match u64::try_from(time.timestamp_millis()) {
        Ok(ms) if (1..=LAST_MS).contains(&ms) => Ok(ms),
        _ => Err(BadTime),
    }
}
