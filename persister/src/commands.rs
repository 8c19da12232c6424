//! The subcommands that end: what they print and how they exit.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use contract::coupon::CouponState;
use contract::ids::EventId;
use links::kafka::Kafka;
use links::redis::Cluster;
use serde::Serialize;

use crate::cli::{Change, CouponCommand, Create, EventCommand, Output, Reconcile, Wait};
use crate::events::change::{self, Verb};
use crate::events::create::{self, check};
use crate::events::view::{Details, EventView, list, show, view};
use crate::events::wait::{Waited, carried, change_is_carried, waits_for};
use crate::reconcile::{self, Mode, Reconciler, Trouble};
use crate::store::changes::CouponChanged;
use crate::store::events::Event;
use crate::store::schema::Migrated;
use crate::store::{Session, Store, StoreError};

/// How a subcommand ended; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    Done,
    /// 1.
    Failed,
    /// 2: wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// Says on stderr why it does not go on.
pub fn fail(exit: Exit, why: impl Display) -> Exit {
    eprintln!("persister: {why}");
    exit
}

/// `migrate`.
pub async fn migrate(store: &Store) -> Result<Exit, StoreError> {
    Ok(match store.connect().await?.migrate().await? {
        Migrated::Applied(names) if names.is_empty() => {
            println!("the schema is up to date");
            Exit::Done
        }
        Migrated::Applied(names) => {
            println!("applied {}", names.join(", "));
            Exit::Done
        }
        Migrated::Busy => fail(Exit::Failed, "another migrate is at work: try again"),
        Migrated::Newer(version) => fail(
            Exit::Failed,
            format_args!("the schema has version {version}: this build is older, update it"),
        ),
    })
}

/// `event …`.
pub async fn event(store: &Store, verb: &EventCommand) -> Result<Exit, StoreError> {
    if let EventCommand::Create(arguments) = verb {
        return create_event(store, arguments).await;
    }
    let mut session = store.connect().await?;
    if let Some((verb, arguments)) = verb.change() {
        return change_event(&mut session, verb, arguments).await;
    }
    match verb {
        EventCommand::List { output } => {
            print(*output, &list(&mut session).await?, |events| print_list(events));
            Ok(Exit::Done)
        }
        EventCommand::Show { event, output } => Ok(match show(&mut session, event).await? {
            Some(details) => {
                print(*output, &details, print_details);
                Exit::Done
            }
            None => no_such_event(event),
        }),
        EventCommand::Create(_)
        | EventCommand::Stock(_)
        | EventCommand::Open(_)
        | EventCommand::Pause(_)
        | EventCommand::Resume(_)
        | EventCommand::Close(_) => Ok(Exit::Done),
    }
}

/// `reconcile`.
pub async fn reconcile(
    store: Store,
    cluster: Cluster,
    kafka: Kafka,
    arguments: &Reconcile,
) -> Result<Exit, Trouble> {
    let mode = if arguments.repair { Mode::Repair } else { Mode::Report };
    let reconciler = Reconciler::new(store, cluster, kafka, mode);
    Ok(match reconciler.run(arguments.event.as_ref()).await? {
        reconcile::Outcome::Ran(report) => {
            print(arguments.output, &report, reconcile::print);
            if report.is_clean() { Exit::Done } else { Exit::Failed }
        }
        reconcile::Outcome::Busy => fail(Exit::Failed, "another reconcile is at work"),
        reconcile::Outcome::NoSuchEvent => match &arguments.event {
            Some(event) => no_such_event(event),
            None => fail(Exit::Failed, "there is no such event"),
        },
    })
}

async fn create_event(store: &Store, arguments: &Create) -> Result<Exit, StoreError> {
    let now_ms = u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0);
    let event = match check(arguments.wish(), now_ms) {
        Ok(event) => event,
        Err(bad) => return Ok(fail(Exit::Usage, bad)),
    };
    let mut session = store.connect().await?;
    match create::create(&mut session, &event).await? {
        create::Outcome::Created(event) => {
            await_and_print(&mut session, "created", event, arguments.wait, arguments.output).await
        }
        create::Outcome::IdUsed(event) => Ok(fail(
            Exit::Failed,
            format_args!(
                "{} was created before and is {}: ids are never used again, choose another",
                event.event_id,
                event.phase.as_str()
            ),
        )),
    }
}

async fn change_event(
    session: &mut Session,
    verb: Verb,
    arguments: &Change,
) -> Result<Exit, StoreError> {
    let id = &arguments.event;
    let (outcome, event) = match change::change(session, id, verb).await? {
        change::Outcome::Changed(event) => ("changed", event),
        change::Outcome::Already(event) => ("already", event),
        change::Outcome::Refused(_, why) => {
            return Ok(fail(Exit::Failed, format_args!("{id} was not changed: {why}")));
        }
        change::Outcome::Held(_, units) => {
            let text = format_args!("{id} was not changed: winners hold {units} units");
            return Ok(fail(Exit::Failed, text));
        }
        change::Outcome::Overtaken(now) => {
            let text = format_args!(
                "{id} was not changed: somebody else just did, it is {} at version {} now",
                now.phase.as_str(),
                now.version
            );
            return Ok(fail(Exit::Failed, text));
        }
        change::Outcome::Unknown => return Ok(no_such_event(id)),
    };
    await_and_print(session, outcome, event, arguments.wait, arguments.output).await
}

/// `coupon …`.
pub async fn coupon(store: &Store, verb: &CouponCommand) -> Result<Exit, StoreError> {
    let (arguments, to) = match verb {
        CouponCommand::Return(arguments) => (arguments, CouponState::Returned),
        CouponCommand::Revoke(arguments) => (arguments, CouponState::Revoked),
    };
    let id = &arguments.coupon;
    let mut session = store.connect().await?;
    let (outcome, row) = match session.change_coupon(id, to).await? {
        CouponChanged::Done(row) => ("changed", row),
        CouponChanged::Already(row) => ("already", row),
        CouponChanged::Refused(row) => {
            let state = row.state.as_str();
            return Ok(fail(Exit::Failed, format_args!("{id} was not changed: it is {state}")));
        }
        CouponChanged::BeingArmed(event) => {
            let text = format_args!("{id} was not changed: {event} is being armed, ask again");
            return Ok(fail(Exit::Failed, text));
        }
        CouponChanged::Unknown => {
            let text = format_args!("no row has coupon {id}; it may be on its way");
            return Ok(fail(Exit::Failed, text));
        }
    };
    let patience = Duration::from_secs(arguments.wait.seconds);
    let carried = change_is_carried(&mut session, &row.event_id, id, patience).await?;
    let done = DoneCoupon {
        outcome,
        carried,
        coupon_id: id.to_string(),
        event_id: row.event_id.to_string(),
        user_id: row.user_id.to_string(),
        sequence: row.sequence,
        state: row.state.as_str(),
    };
    print(arguments.output, &done, print_coupon);
    Ok(if carried || arguments.wait.seconds == 0 { Exit::Done } else { Exit::Failed })
}

/// What `coupon return` and `coupon revoke` print as JSON.
#[derive(Serialize)]
struct DoneCoupon<'a> {
    /// changed or already.
    outcome: &'a str,
    /// Whether the shard has it.
    carried: bool,
    coupon_id: String,
    event_id: String,
    user_id: String,
    sequence: u64,
    state: &'a str,
}

fn print_coupon(done: &DoneCoupon<'_>) {
    let already = if done.outcome == "already" { "already " } else { "" };
    let DoneCoupon { coupon_id, event_id, user_id, sequence, state, .. } = done;
    print!("{coupon_id}: number {sequence} of {event_id}, {user_id}'s, is {already}{state}");
    println!("; {}", if done.carried { "Redis has it" } else { "Redis does not have it yet" });
}

/// What `create`, `open`, `pause`, `resume`, `close` and `stock` print as JSON.
#[derive(Serialize)]
struct Done<'a> {
    /// created, changed or already.
    outcome: &'a str,
    /// Whether shard and directory carry it.
    carried: bool,
    #[serde(flatten)]
    event: EventView,
}

async fn await_and_print(
    session: &mut Session,
    outcome: &str,
    event: Event,
    wait: Wait,
    output: Output,
) -> Result<Exit, StoreError> {
    let patience = Duration::from_secs(wait.seconds);
    let (event, waiting_for) = if wait.seconds == 0 {
        let why = waits_for(session, &event).await?;
        (event, why)
    } else {
        match carried(session, &event.event_id, event.version, patience).await? {
            Waited::Carried(now) => (now, String::new()),
            Waited::NotYet(now, why) => (now, why),
            Waited::Gone => return Ok(no_such_event(&event.event_id)),
        }
    };
    let carried = event.carried_version >= event.version;
    let exit = if carried || wait.seconds == 0 { Exit::Done } else { Exit::Failed };
    let event = view(&event, waiting_for);
    print(output, &Done { outcome, carried, event }, print_done);
    Ok(exit)
}

fn no_such_event(event: &EventId) -> Exit {
    fail(Exit::Failed, format_args!("there is no event {event}"))
}

fn print<T: Serialize>(output: Output, value: &T, for_people: impl FnOnce(&T)) {
    if !output.json {
        return for_people(value);
    }
    match serde_json::to_string(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("persister: {error}"),
    }
}

fn print_done(done: &Done<'_>) {
    let event = &done.event;
    let outcome = match done.outcome {
        "created" => "created, ",
        "already" => "already ",
        _ => "",
    };
    print!(
        "{}: {outcome}{}, {} units, {} per user",
        event.event_id, event.phase, event.stock, event.per_user_limit
    );
    if done.carried {
        println!("; Redis and the edges carry it");
    } else {
        println!("\nnot carried to Redis and the edges yet: {}", event.waiting_for);
    }
}

fn print_list(events: &[EventView]) {
    if events.is_empty() {
        println!("no events; make one with: persister event create spring --stock 500 --open");
        return;
    }
    let width = events.iter().map(|event| event.event_id.len()).max().unwrap_or(0).max(5);
    println!("{:width$}  {:9}  {:>11}  {:>8}  CARRIED", "EVENT", "PHASE", "STOCK", "PER USER");
    for event in events {
        println!(
            "{:width$}  {:9}  {:>11}  {:>8}  {}",
            event.event_id,
            event.phase,
            event.stock,
            event.per_user_limit,
            if event.waiting_for.is_empty() { "yes" } else { &event.waiting_for }
        );
    }
}

fn print_details(details: &Details) {
    let event = &details.event;
    let carried = if event.carried_version == event.version {
        "yes".to_owned()
    } else {
        format!("no, Redis and the edges carry version {}", event.carried_version)
    };
    let lines = [
        ("event", event.event_id.clone()),
        ("phase wanted", event.phase.to_owned()),
        ("stock", event.stock.to_string()),
        ("per user", event.per_user_limit.to_string()),
        ("opens at", event.opens_at.clone().unwrap_or_else(|| "at once".to_owned())),
        ("closes at", event.closes_at.clone().unwrap_or_else(|| "when closed".to_owned())),
        ("confirm", event.confirm.to_owned()),
        ("version", event.version.to_string()),
        ("carried", carried),
        (
            "waits for",
            if event.waiting_for.is_empty() { "-" } else { &event.waiting_for }.to_owned(),
        ),
        ("epoch", event.epoch.to_string()),
        ("rows", format!("{} ({} units)", details.rows, details.units)),
        ("dead letters", details.dead_letters.to_string()),
        ("created at", event.created_at.clone()),
        ("changed at", event.updated_at.clone()),
    ];
    for (name, value) in lines {
        println!("{name:13}  {value}");
    }
}
