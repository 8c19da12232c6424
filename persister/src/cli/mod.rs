//! The command line: what can be asked for, in words a stranger understands.

pub mod dlt;
mod event;
pub mod preflight;
pub mod user;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use contract::ids::{CouponId, EventId};
use uuid::Uuid;

use crate::audit::MAX_LINES;
use crate::coupons::Unit;
use crate::operator::{parse_name, parse_why, system_user};
use crate::reconcile;
use crate::store::audit::{MAX_WHO_CHARS, MAX_WHY_CHARS, Mode, Operator, Way};
pub use event::{Change, Create, EventCommand, FormatArg};

const ENVIRONMENT: &str = "\
Environment:
  FIRSTCOME_MYSQL           mysql://user:password@host:port/database (required)
  FIRSTCOME_MYSQL_FILE      a file with that, instead
  FIRSTCOME_MYSQL_TLS       off, public, or a PEM file with those who sign for the server [off]
  FIRSTCOME_REDIS           Redis nodes, host:port,host:port (required by run, reconcile, preflight and dlt replay)
  FIRSTCOME_REDIS_USER      who logs in to Redis [its default user]
  FIRSTCOME_REDIS_PASSWORD  with this password
  FIRSTCOME_REDIS_PASSWORD_FILE  a file with that, instead
  FIRSTCOME_REDIS_TLS       off, public, or a PEM file with those who sign for the nodes [off]
  FIRSTCOME_REDIS_TLS_NAME  a name in the certificates of all nodes [each node's address]
  FIRSTCOME_REDIS_REPLICAS  replicas of each master [1]
  FIRSTCOME_KAFKA           Kafka brokers, host:port,host:port (required by run, reconcile, preflight and dlt replay)
  FIRSTCOME_KAFKA_TLS       off, public, or a PEM file with those who sign for the brokers [off]
  FIRSTCOME_KAFKA_USER      who logs in to Kafka [nobody]
  FIRSTCOME_KAFKA_PASSWORD  with this password
  FIRSTCOME_KAFKA_PASSWORD_FILE  a file with that, instead
  FIRSTCOME_KAFKA_SASL      SCRAM-SHA-512, SCRAM-SHA-256 or, over TLS, PLAIN [SCRAM-SHA-512]
  FIRSTCOME_NGINX           private port of each NGINX, host:port,host:port, for preflight [it does not ask]
  FIRSTCOME_NAME            name of this process [persister-PID@HOST]
  FIRSTCOME_METRICS_LISTEN  where run serves /health and /metrics [127.0.0.1:9090]
  FIRSTCOME_ADMIN_LISTEN    where run serves the admin API [it does not]
  FIRSTCOME_ADMIN_TOKENS    its tokens, NAME:ROLE:TOKEN,...; roles: viewer, operator
  FIRSTCOME_ADMIN_TOKENS_FILE  a file with one of them a line, instead
  FIRSTCOME_EDGES           private port of each edge, host:port,host:port, for the console [it says nothing of claims]
  FIRSTCOME_OTLP_ENDPOINT   where spans of traced claims go [nowhere]
  FIRSTCOME_METRICS         on or off: whether anything is recorded for /metrics [on]
  FIRSTCOME_RECONCILE_EVERY_S  how often the leader reconciles by itself, in seconds [3600; 0: never]
  FIRSTCOME_RECONCILE_MODE  report or repair: what it does then about what it finds [report]
  FIRSTCOME_LOG             info, debug, persister=debug, ... [info]
  FIRSTCOME_LOG_FORMAT      json or pretty [json]
  FIRSTCOME_ON_PANIC        go_on or abort: what a panic in one job does to the process [go_on]

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
    /// What operators did: who, when, what, and why
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        verb: AuditCommand,
    },
    /// Hold every win in Redis and every row in MySQL side by side
    ///
    /// Reports only, unless --repair is given. Each run is a row in the table reconciliations.
    /// Exit codes: 0 they agree, 1 they differ or not all could be judged, 2 wrong usage.
    Reconcile(Reconcile),
    /// Look a system over before an event's sale: each line ok, or what to do. Changes nothing
    ///
    /// Exit codes: 0 nothing is to be done, 1 something is, 2 wrong usage.
    /// Example: persister preflight spring --outage-minutes 30
    Preflight(preflight::Preflight),
    /// Erase users from what is archived, and later from what is not
    User {
        /// What to do.
        #[command(subcommand)]
        verb: user::UserCommand,
    },
    /// Look at dead letters (records that are no rows), bring them again, give them up
    Dlt {
        /// What to do with them.
        #[command(subcommand)]
        verb: dlt::DltCommand,
    },
}

/// What to do with the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List changes, newest first
    List(ListAudit),
}

/// Which changes to list.
#[derive(Debug, Args)]
pub struct ListAudit {
    /// Of one event [default: all]
    #[arg(long)]
    pub event: Option<EventId>,
    /// Only older ones than the change of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    pub before: u64,
    /// How many at most
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = at_most(MAX_LINES)
    )]
    pub limit: u32,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// What to do with a coupon.
#[derive(Debug, Subcommand)]
pub enum CouponCommand {
    /// Take a coupon back: its unit goes on sale again, its number is never used again
    Return(ChangeCoupon),
    /// Take a coupon away: it counts against its user's limit, and its unit is not sold again
    ///
    /// Example: persister coupon revoke 01a1fd48-0d11-7484-94b2-6be04706b507 --give-back
    Revoke(RevokeCoupon),
}

/// A coupon that is taken away.
#[derive(Debug, Args)]
pub struct RevokeCoupon {
    /// Its unit goes on sale again, under another number; the state is `withdrawn` then
    #[arg(long)]
    give_back: bool,
    /// The rest.
    #[command(flatten)]
    pub change: ChangeCoupon,
}

impl RevokeCoupon {
    /// What becomes of its unit.
    pub fn unit(&self) -> Unit {
        if self.give_back { Unit::GivenBack } else { Unit::Kept }
    }
}

/// A change of a coupon.
#[derive(Debug, Args)]
pub struct ChangeCoupon {
    /// The coupon's id, as its winner was told
    pub coupon: CouponId,
    /// How it is given.
    #[command(flatten)]
    pub given: Given,
}

/// What to hold side by side.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Reconcile {
    /// Or what to show.
    #[command(subcommand)]
    pub show: Option<ReconcileShow>,
    /// One event [default: every one that was armed and is not archived]
    #[arg(long)]
    pub event: Option<EventId>,
    /// Publish again what MySQL lacks, and ask the leader to arm again what Redis lacks or counts
    /// wrongly
    #[arg(long)]
    pub repair: bool,
    /// As slowly as the leader's own runs, for an event that is on sale: 15 minutes a million winners
    #[arg(long)]
    pub gently: bool,
    /// Who has it repair; with --dry-run it only reports.
    #[command(flatten)]
    pub by: By,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// What to show of runs.
#[derive(Debug, Subcommand)]
pub enum ReconcileShow {
    /// Show the last runs, by command and by the leader itself, newest first
    History {
        /// One run, with its report
        #[arg(long, value_name = "RUN")]
        run: Option<Uuid>,
        /// How many at most
        #[arg(
            long,
            value_name = "RUNS",
            default_value_t = 20,
            value_parser = at_most(1_000)
        )]
        limit: u32,
        /// Output.
        #[command(flatten)]
        output: Output,
    },
    /// Show the kinds of difference that there are, and what repairing does about each
    Kinds {
        /// Output.
        #[command(flatten)]
        output: Output,
    },
}

/// How many of a list: one at least.
fn at_most(most: u32) -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=u64::from(most))
}

/// How a change is given.
#[derive(Debug, Clone, Args)]
pub struct Given {
    /// Who gives it.
    #[command(flatten)]
    pub by: By,
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

/// Who gives a command, and how it is meant.
#[derive(Debug, Clone, Args)]
pub struct By {
    /// Who gives it, for the audit [default: the user of the system]
    #[arg(long = "as", value_name = "NAME", value_parser = parse_who)]
    who: Option<String>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = parse_reason)]
    why: String,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
}

impl Reconcile {
    /// What the run may do about what it finds.
    pub fn mode(&self) -> reconcile::Mode {
        if self.repair && !self.by.dry_run() {
            reconcile::Mode::Repair
        } else {
            reconcile::Mode::Report
        }
    }

    /// How fast it walks.
    pub fn pace(&self) -> reconcile::Pace {
        if self.gently { reconcile::Pace::Resting } else { reconcile::Pace::Brisk }
    }
}

impl By {
    /// Who gives the command.
    pub fn operator(&self) -> Operator {
        Operator {
            who: self.who.clone().unwrap_or_else(system_user),
            way: Way::Cli,
            why: self.why.clone(),
        }
    }

    /// Whether nothing is to be done.
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether it is to be done.
    pub fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Do }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {MAX_WHO_CHARS} visible characters")]
struct BadName;

fn parse_who(text: &str) -> Result<String, BadName> {
    parse_name(text).ok_or(BadName)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason is one line of {MAX_WHY_CHARS} characters at most")]
struct BadReason;

fn parse_reason(text: &str) -> Result<String, BadReason> {
    parse_why(text).ok_or(BadReason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::create::{Begin, Wish};
    use clap::CommandFactory;
    use contract::event::Confirm;

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
    fn a_reason_is_one_line_of_text() {
        let why = |text: &str| {
            Cli::try_parse_from(["persister", "event", "open", "spring", "--why", text]).is_ok()
        };
        assert!(why("more came") && why(""));
        assert!(!why("ok\n57 bob (cli) close spring") && !why("\u{1b}[2J"));
        assert!(why(&"é".repeat(MAX_WHY_CHARS)) && !why(&"é".repeat(MAX_WHY_CHARS + 1)));
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
            "event create spring --stock 5 --opens-at 9999-12-31T23:59:59-12:00",
            "event create a{b} --stock 5",
            "event show",
            "event open spring --wait-s -1",
            "event stock spring",
            "event stock spring --to 0",
            "coupon return 17",
            "event open spring --if-version 0",
            "event reschedule spring",
            "event reschedule spring --opens-at soon",
            "event label spring",
            "event label spring Team=blue",
            "event winners spring --format xml",
            "event open spring --as=",
            "audit",
            "audit list --limit 0",
            "reconcile spring",
            "reconcile --event a{b}",
            "dlt",
            "dlt list --reason lost",
            "dlt list --limit 0",
            "dlt list --after 17",
            "dlt show 5",
            "dlt show 5/-1",
            "dlt replay",
            "dlt replay 5/1 --event spring",
            "dlt discard --as ann --why because",
            "user",
            "user erase",
            "user erase a{b}",
            "user erasures --limit 0",
            "preflight",
            "preflight a{b}",
            "preflight spring --outage-minutes 1441",
        ] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
