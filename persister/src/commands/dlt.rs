//! `dlt …`: what it prints and how it exits.

use std::time::Duration;

use links::kafka::Kafka;
use links::redis::Cluster;
use serde::Serialize;

use super::{Exit, fail, print};
use crate::cli::dlt::{DiscardLetters, DltCommand, ReplayLetters, Which};
use crate::desk::{
    Desk, DiscardOutcome, Discarded, LetterView, Outcome, PageView, Replayed, discard, page, show,
};
use crate::operator::spelt;
use crate::store::desk::StateFilter;
use crate::store::union::LogPlace;
use crate::store::{Session, Store, StoreError};

/// `dlt list` and `dlt show`.
pub async fn dlt(store: &Store, verb: &DltCommand) -> Result<Exit, StoreError> {
    let mut session = store.connect().await?;
    match verb {
        DltCommand::List(list) => {
            let after = list.after.map(|cursor| cursor.0);
            let page = page(&mut session, &list.filter(), after, list.limit).await?;
            print(list.output, &page, print_page);
            Ok(Exit::Done)
        }
        DltCommand::Show { letter, output } => match show(&mut session, letter.0).await? {
            Some(view) => {
                print(*output, &view, print_letter);
                Ok(Exit::Done)
            }
            None => Ok(fail(Exit::Failed, format_args!("there is no letter {letter}"))),
        },
        DltCommand::Discard(arguments) => discard_all(&mut session, arguments).await,
        DltCommand::Replay(_) => Ok(Exit::Done),
    }
}

/// What `dlt replay` prints as JSON.
#[derive(Serialize)]
struct Done<T> {
    letters: Vec<T>,
}

/// `dlt replay`.
pub async fn replay(
    store: Store,
    cluster: Cluster,
    kafka: &Kafka,
    arguments: &ReplayLetters,
) -> Result<Exit, StoreError> {
    let places = places(&mut store.connect().await?, &arguments.which).await?;
    let desk = Desk::new(store, cluster, kafka);
    let patience = Duration::from_secs(arguments.wait_s);
    let (operator, mode) = (arguments.by.operator(), arguments.by.mode());
    let letters = desk.replay(&places, &operator, mode, patience).await?;
    let on_its_way = |one: &Replayed| one.outcome == Outcome::OnItsWay && arguments.wait_s == 0;
    let done = letters.iter().all(|one| one.is_done() || on_its_way(one));
    print(arguments.output, &Done { letters }, |done| print_replayed(&done.letters));
    Ok(if done { Exit::Done } else { Exit::Failed })
}

async fn discard_all(
    session: &mut Session,
    arguments: &DiscardLetters,
) -> Result<Exit, StoreError> {
    let operator = arguments.by.operator();
    if operator.why.trim().is_empty() {
        return Ok(fail(Exit::Usage, "say why letters are given up, with --why"));
    }
    let mut letters = Vec::new();
    for place in places(session, &arguments.which).await? {
        letters.push(discard(session, place, &operator, arguments.by.mode()).await?);
    }
    let done = letters.iter().all(Discarded::is_done);
    print(arguments.output, &Done { letters }, |done| print_discarded(&done.letters));
    Ok(if done { Exit::Done } else { Exit::Failed })
}

/// The letters that are named, or those that wait and fit.
async fn places(session: &mut Session, which: &Which) -> Result<Vec<LogPlace>, StoreError> {
    if !which.letters.is_empty() {
        return Ok(which.letters.iter().map(|name| name.0).collect());
    }
    let filter = which.filters.standing(StateFilter::Waiting);
    let letters = session.letters(&filter, None, which.limit).await?;
    Ok(letters.iter().map(|letter| letter.place).collect())
}

fn print_page(page: &PageView) {
    if page.letters.is_empty() {
        return println!("no letters");
    }
    for letter in &page.letters {
        let LetterView { letter, state, reason, message, first_failed_at, attempts, .. } = letter;
        let message = spelt(message);
        println!("{letter}  {first_failed_at}  {reason}, {state}, failed {attempts}×: {message}");
    }
    if let Some(next) = &page.next {
        println!("more: --after {next}");
    }
}

fn print_letter(view: &LetterView) {
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let lines = [
        ("letter", view.letter.clone()),
        ("state", view.state.to_owned()),
        ("reason", view.reason.to_owned()),
        ("message", view.message.clone()),
        ("event", dash(&view.event_id)),
        ("coupon", dash(&view.coupon_id)),
        ("request", dash(&view.request_id)),
        ("failed", format!("{}×", view.attempts)),
        ("first", view.first_failed_at.clone()),
        ("last", view.last_failed_at.clone()),
        ("settled", dash(&view.resolved_at)),
        ("given up by", dash(&view.given_up_by)),
        ("because", dash(&view.given_up_why)),
        ("record", dash(&view.record)),
    ];
    for (name, value) in lines {
        println!("{name:11}  {}", spelt(&value));
    }
}

fn print_replayed(letters: &[Replayed]) {
    if letters.is_empty() {
        println!("no letters");
    }
    for Replayed { letter, outcome, detail } in letters {
        let words = match outcome {
            Outcome::Row => "is a row now",
            Outcome::FailedAgain => "failed again",
            Outcome::OnItsWay => "is on its way",
            Outcome::Settled => "was settled before",
            Outcome::Refused => "is not brought again",
            Outcome::Failed => "was not taken by Kafka, and waits on",
            Outcome::Unknown => "does not exist",
            Outcome::WouldReplay => "would be brought again",
        };
        let detail = if detail.is_empty() { String::new() } else { format!(": {}", spelt(detail)) };
        println!("{letter} {words}{detail}");
    }
}

fn print_discarded(letters: &[Discarded]) {
    if letters.is_empty() {
        println!("no letters");
    }
    for Discarded { letter, outcome, detail } in letters {
        let words = match outcome {
            DiscardOutcome::GivenUp => "is given up",
            DiscardOutcome::Already => "was given up before",
            DiscardOutcome::Refused => "is not given up",
            DiscardOutcome::Unknown => "does not exist",
            DiscardOutcome::WouldGiveUp => "would be given up",
        };
        let detail = if detail.is_empty() { String::new() } else { format!(": {}", spelt(detail)) };
        println!("{letter} {words}{detail}");
    }
}
