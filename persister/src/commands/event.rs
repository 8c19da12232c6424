//! `persister event …`.

use std::io::Write;
use std::time::Duration;

use chrono::Utc;
use contract::ids::EventId;

use super::{Exit, fail, no_such_event, print};
use crate::audit::LineView;
use crate::cli::{Change, Create, EventCommand, FormatArg, Given};
use crate::events::change::{self, Verb};
use crate::events::create::{self, check};
use crate::events::done::{Done, WOULD, done, would};
use crate::events::view::{Details, EventView, Page, list, show};
use crate::events::winners::Export;
use crate::store::events::Event;
use crate::store::{Session, Store, StoreError};

/// `event …`.
pub async fn event(store: &Store, verb: &EventCommand) -> Result<Exit, StoreError> {
    if let EventCommand::Create(arguments) = verb {
        return create_event(store, arguments).await;
    }
    let mut session = store.connect().await?;
    if let Some((verb, arguments)) = verb.change() {
        return change_event(&mut session, &verb, arguments).await;
    }
    match verb {
        EventCommand::List(arguments) => {
            let page = arguments.page();
            let Some(events) = list(&mut session, &page).await? else {
                return Ok(fail(Exit::Failed, "--after names no event"));
            };
            print(arguments.output, &events, |events| print_list(events, &page));
            Ok(Exit::Done)
        }
        EventCommand::Show { event, output } => Ok(match show(&mut session, event).await? {
            Some(details) => {
                print(*output, &details, print_details);
                Exit::Done
            }
            None => no_such_event(event),
        }),
        EventCommand::Winners { event, format } => print_winners(store, event, *format).await,
        EventCommand::Create(_)
        | EventCommand::Reschedule(_)
        | EventCommand::Label(_)
        | EventCommand::Stock(_)
        | EventCommand::Open(_)
        | EventCommand::Pause(_)
        | EventCommand::Resume(_)
        | EventCommand::Close(_)
        | EventCommand::Archive(_) => Ok(Exit::Done),
    }
}

async fn create_event(store: &Store, arguments: &Create) -> Result<Exit, StoreError> {
    let now_ms = u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0);
    let event = match check(arguments.wish(), now_ms) {
        Ok(event) => event,
        Err(bad) => return Ok(fail(Exit::Usage, bad)),
    };
    let session = &mut store.connect().await?;
    let (outcome, event) = match create::create(session, &event, &arguments.ask()).await? {
        create::Outcome::Created(event) => ("created", event),
        create::Outcome::Already(event) => ("already", event),
        create::Outcome::Would(event) => {
            print(arguments.given.output, &would(None, &event), print_done);
            return Ok(Exit::Done);
        }
        create::Outcome::IdUsed(event) => {
            return Ok(fail(
                Exit::Failed,
                format_args!(
                    "{} was created before and is {}: ids are never used again, choose another",
                    event.event_id,
                    event.phase.as_str()
                ),
            ));
        }
    };
    await_and_print(session, outcome, event, &arguments.given).await
}

async fn change_event(
    session: &mut Session,
    verb: &Verb,
    arguments: &Change,
) -> Result<Exit, StoreError> {
    let id = &arguments.event;
    let (outcome, event) = match change::change(session, id, verb, &arguments.ask()).await? {
        change::Outcome::Changed(_, event) => ("changed", event),
        change::Outcome::Already(event) => ("already", event),
        change::Outcome::Would(before, after) => {
            print(arguments.given.output, &would(Some(&before), &after), print_done);
            return Ok(Exit::Done);
        }
        change::Outcome::Refused(_, why) => {
            return Ok(fail(Exit::Failed, format_args!("{id} was not changed: {why}")));
        }
        change::Outcome::Held(_, units) => {
            let text = format_args!("{id} was not changed: winners hold {units} units");
            return Ok(fail(Exit::Failed, text));
        }
        change::Outcome::Overtaken(now, since) => {
            let text = format_args!(
                "{id} was not changed: somebody else just did, it is {} at version {} now",
                now.phase.as_str(),
                now.version
            );
            let exit = fail(Exit::Failed, text);
            for line in since {
                eprintln!("  {}", LineView::of(line).sentence());
            }
            return Ok(exit);
        }
        change::Outcome::Unknown => return Ok(no_such_event(id)),
    };
    await_and_print(session, outcome, event, &arguments.given).await
}

/// A reader that has seen enough ends it.
async fn print_winners(
    store: &Store,
    event: &EventId,
    format: FormatArg,
) -> Result<Exit, StoreError> {
    let export = Export::begin(store.clone(), event.clone(), format.into()).await?;
    let Some(mut export) = export else {
        return Ok(no_such_event(event));
    };
    while let Some(lines) = export.next().await? {
        if std::io::stdout().write_all(lines.as_bytes()).is_err() {
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Done)
}

async fn await_and_print(
    session: &mut Session,
    outcome: &'static str,
    event: Event,
    given: &Given,
) -> Result<Exit, StoreError> {
    let patience = Duration::from_secs(given.wait.seconds);
    let Some(done) = done(session, outcome, event, patience).await? else {
        return Ok(fail(Exit::Failed, "the event is gone"));
    };
    print(given.output, &done, print_done);
    Ok(if done.carried || patience.is_zero() { Exit::Done } else { Exit::Failed })
}

fn print_done(done: &Done) {
    let event = &done.event;
    if done.outcome == WOULD {
        println!("{}: nothing was changed. It would be so:", event.event_id);
        for effect in &done.effects {
            println!("  {effect}");
        }
        return;
    }
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

fn print_list(events: &[EventView], page: &Page) {
    if events.is_empty() && (page.after.is_some() || page.phase.is_some()) {
        return println!("no such events");
    }
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
    let full = u32::try_from(events.len()) == Ok(page.limit);
    if let Some(last) = events.last().filter(|_| full) {
        println!("more: --after {}", last.event_id);
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
        ("labels", event.labels.sentence()),
        ("version", event.version.to_string()),
        ("carried", carried),
        (
            "waits for",
            if event.waiting_for.is_empty() { "-" } else { &event.waiting_for }.to_owned(),
        ),
        ("epoch", event.epoch.to_string()),
        ("rows", format!("{} ({} units)", details.rows, details.units)),
        ("dead letters", details.dead_letters.to_string()),
        ("created at", event.created_at.clone().unwrap_or_default()),
        ("changed at", event.updated_at.clone().unwrap_or_default()),
    ];
    for (name, value) in lines {
        println!("{name:13}  {value}");
    }
}
