//! The subcommands that end: what they print and how they exit.

mod coupon;
pub mod dlt;
mod event;
mod user;

use std::fmt::Display;
use std::process::ExitCode;

use contract::ids::EventId;
use links::kafka::Kafka;
use links::redis::Cluster;
use serde::Serialize;

use crate::audit;
use crate::cli::preflight::Preflight;
use crate::cli::{AuditCommand, Output, Reconcile, ReconcileShow};
use crate::preflight::{self, Servers};
use crate::reconcile::{
    self, By, Reconciler, Trouble, history, kinds, one_run, print_history, print_kinds, print_run,
};
use crate::store::audit::Page;
use crate::store::schema::Migrated;
use crate::store::{Store, StoreError};
pub use coupon::coupon;
pub use event::event;
pub use user::user;

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

/// `reconcile history` and `reconcile kinds`.
pub async fn reconcile_show(store: &Store, show: &ReconcileShow) -> Result<Exit, StoreError> {
    let (run, limit, output) = match show {
        ReconcileShow::History { run, limit, output } => (run, limit, output),
        ReconcileShow::Kinds { output } => {
            print(*output, &kinds(), |kinds| print_kinds(kinds));
            return Ok(Exit::Done);
        }
    };
    let mut session = store.connect().await?;
    let Some(run) = run else {
        print(*output, &history(&mut session, *limit).await?, |runs| print_history(runs));
        return Ok(Exit::Done);
    };
    Ok(match one_run(&mut session, *run).await? {
        Some(view) => {
            print(*output, &view, print_run);
            Exit::Done
        }
        None => fail(Exit::Failed, format_args!("there is no run {run}, or no more")),
    })
}

/// `reconcile`.
pub async fn reconcile(
    store: Store,
    cluster: Cluster,
    kafka: Kafka,
    arguments: &Reconcile,
) -> Result<Exit, Trouble> {
    let by = By::Command(arguments.by.operator());
    let walk = (by, arguments.pace());
    let reconciler = Reconciler::new(store, cluster, kafka, arguments.mode(), walk);
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

/// `preflight`.
pub async fn preflight(
    store: &Store,
    servers: Servers<'_>,
    arguments: &Preflight,
) -> Result<Exit, StoreError> {
    let session = &mut store.connect().await?;
    let (event, options) = (&arguments.event, arguments.options());
    // Boxed: futures so deep within each other are beyond the compiler.
    let look = Box::pin(preflight::preflight(session, servers, event, options));
    let Some(report) = look.await? else {
        return Ok(no_such_event(event));
    };
    print(arguments.output, &report, |report| {
        report.lines.iter().for_each(|line| println!("{line}"));
    });
    Ok(if report.ok { Exit::Done } else { Exit::Failed })
}

/// `audit …`.
pub async fn audit(store: &Store, verb: &AuditCommand) -> Result<Exit, StoreError> {
    let AuditCommand::List(arguments) = verb;
    let page =
        Page { event: arguments.event.clone(), before: arguments.before, limit: arguments.limit };
    let lines = audit::list(&mut store.connect().await?, &page).await?;
    print(arguments.output, &lines, |lines| {
        for line in lines {
            println!("{} {}", line.id, line.sentence());
        }
    });
    Ok(Exit::Done)
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
