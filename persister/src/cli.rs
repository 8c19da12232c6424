//! The command line: what can be asked for, in words a stranger understands.

use chrono::DateTime;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use contract::event::Confirm;
use contract::ids::{CouponId, EventId};

use crate::events::change::Verb;
use crate::events::create::{Begin, PER_USER_LIMIT, STOCK, Wish};

const ENVIRONMENT: &str = "\
Environment:
  FIRSTCOME_MYSQL           mysql://user:password@host:port/database (required)
  FIRSTCOME_REDIS           Redis nodes, host:port,host:port (required by run and reconcile)
  FIRSTCOME_REDIS_REPLICAS  replicas of each master [1]
  FIRSTCOME_KAFKA           Kafka brokers, host:port,host:port (required by run and reconcile)
  FIRSTCOME_NAME            name of this process [persister-PID@HOST]
  FIRSTCOME_METRICS_LISTEN  where run serves /health and /metrics [127.0.0.1:9090]
  FIRSTCOME_LOG             info, debug, persister=debug, ... [info]
  FIRSTCOME_LOG_FORMAT      json or pretty [json]

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.";

/// Firstcome's persister: writes every win into MySQL, and carries what operators want of events
/// to Redis and to the edges.
#[derive(Debug, Parser)]
#[command(name = "persister", version, after_help = ENVIRONMENT)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the database's schema up to date. Safe to repeat
    Migrate,
    /// Run until SIGTERM. Of several processes one leads, the others stand by
    Run,
    /// Create, show and change events (sales)
    Event {
        /// What to do with it.
        #[command(subcommand)]
        verb: EventCommand,
    },
    /// Return or revoke a coupon
    Coupon {
        /// What to do with it.
        #[command(subcommand)]
        verb: CouponCommand,
    },
    /// Hold every win in Redis and every row in MySQL side by side
    ///
    /// Reports only, unless --repair is given. Each run is a row in the table reconciliations.
    /// Exit codes: 0 they agree, 1 they differ or not all could be judged, 2 wrong usage.
    Reconcile(Reconcile),
}

/// What to do with a coupon.
#[derive(Debug, Subcommand)]
pub enum CouponCommand {
    /// Take a coupon back: its unit goes on sale again, its number is never used again
    Return(ChangeCoupon),
    /// Take a coupon away: its unit is not sold again, and counts against its user's limit
    Revoke(ChangeCoupon),
}

/// A change of a coupon.
#[derive(Debug, Args)]
pub struct ChangeCoupon {
    /// The coupon's id, as its winner was told
    pub coupon: CouponId,
    /// How to wait.
    #[command(flatten)]
    pub wait: Wait,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// What to hold side by side.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// One event [default: every one that was armed and is not archived]
    #[arg(long)]
    pub event: Option<EventId>,
    /// Publish again what MySQL lacks, and ask the leader to arm again what Redis lacks or counts
    /// wrongly
    #[arg(long)]
    pub repair: bool,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// What to do with an event.
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Create an event. Its id can never be used again
    ///
    /// Example: persister event create spring --stock 500 --open
    Create(Create),
    /// List all events
    List {
        /// Output.
        #[command(flatten)]
        output: Output,
    },
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
    /// Put a scheduled event on sale, inside its window
    Open(Change),
    /// Stop an event for a while; winners are still answered
    Pause(Change),
    /// Let a paused event go on
    Resume(Change),
    /// End an event for good; winners are still answered
    Close(Change),
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
    /// Put it on sale at once, rather than by `event open`
    #[arg(long)]
    open: bool,
    /// How to wait.
    #[command(flatten)]
    pub wait: Wait,
    /// Output.
    #[command(flatten)]
    pub output: Output,
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

/// A change of an event.
#[derive(Debug, Args)]
pub struct Change {
    /// The event's id
    pub event: EventId,
    /// How to wait.
    #[command(flatten)]
    pub wait: Wait,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, Args)]
pub struct Wait {
    /// Wait so long for Redis and the edges to carry the change; 0: do not wait
    #[arg(
        long = "wait-s",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = RangedU64ValueParser::<u64>::new().range(0..=3_600)
    )]
    pub seconds: u64,
}

/// How to print.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// When a win is told.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConfirmArg {
    Replica,
    Log,
}

impl Create {
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
            begin: if self.open { Begin::Open } else { Begin::Scheduled },
        }
    }
}

impl EventCommand {
    /// The change that is asked for, if it is one.
    pub fn change(&self) -> Option<(Verb, &Change)> {
        Some(match self {
            Self::Stock(stock) => (Verb::Stock(stock.to), &stock.change),
            Self::Open(change) => (Verb::Open, change),
            Self::Pause(change) => (Verb::Pause, change),
            Self::Resume(change) => (Verb::Resume, change),
            Self::Close(change) => (Verb::Close, change),
            Self::Create(_) | Self::List { .. } | Self::Show { .. } => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time must be RFC 3339 after 1970, such as 2026-11-27T09:00:00Z")]
struct BadTime;

fn parse_time(text: &str) -> Result<u64, BadTime> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| BadTime)?;
    match u64::try_from(time.timestamp_millis()) {
        Ok(ms) if ms > 0 => Ok(ms),
        _ => Err(BadTime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("persister").chain(words.split_whitespace()))
    }

    fn wish(words: &str) -> Wish {
        match parse(words).unwrap().command {
            Command::Event { verb: EventCommand::Create(create) } => create.wish(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_event_is_described_by_its_options() {
        let plain = wish("event create spring --stock 500");
        assert_eq!((plain.stock, plain.per_user_limit), (500, 1));
        assert_eq!((plain.begin, plain.confirm), (Begin::Scheduled, Confirm::Replica));
        let full = wish(
            "event create spring --stock 500 --limit 3 --opens-at 2026-11-27T10:00:00+01:00 \
             --closes-at 2026-11-28T09:00:00Z --confirm log --open --wait-s 0 --json",
        );
        assert_eq!(full.opens_at_ms, Some(1_795_770_000_000));
        assert_eq!(full.closes_at_ms, Some(1_795_770_000_000 + 86_400_000));
        assert_eq!((full.per_user_limit, full.confirm), (3, Confirm::Log));
        assert_eq!(full.begin, Begin::Open);
    }

    #[test]
    fn wrong_usage_is_refused_by_the_parser() {
        for bad in [
            "",
            "event",
            "event create spring",
            "event create spring --stock 0",
            "event create spring --stock 100000001",
            "event create spring --stock 5 --limit 0",
            "event create spring --stock 5 --limit 101",
            "event create spring --stock 5 --opens-at tomorrow",
            "event create spring --stock 5 --opens-at 1969-01-01T00:00:00Z",
            "event create a{b} --stock 5",
            "event show",
            "event open spring --wait-s -1",
            "event stock spring",
            "event stock spring --to 0",
            "coupon return 17",
            "reconcile spring",
            "reconcile --event a{b}",
        ] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
