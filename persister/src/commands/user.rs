//! `user …`: what it prints and how it exits.

use super::{Exit, fail, print};
use crate::cli::user::{EraseUser, UserCommand};
use crate::erase::{Asked, ErasureView, Outcome, ask, check_reason, list};
use crate::store::{Session, Store, StoreError};

/// `user erase` and `user erasures`.
pub async fn user(store: &Store, verb: &UserCommand) -> Result<Exit, StoreError> {
    let mut session = store.connect().await?;
    match verb {
        UserCommand::Erase(arguments) => erase(&mut session, arguments).await,
        UserCommand::Erasures { limit, output } => {
            let erasures = list(&mut session, *limit).await?;
            print(*output, &erasures, |erasures| erasures.iter().for_each(print_erasure));
            Ok(Exit::Done)
        }
    }
}

async fn erase(session: &mut Session, arguments: &EraseUser) -> Result<Exit, StoreError> {
    let EraseUser { user, by, output } = arguments;
    let operator = by.operator();
    if let Err(refused) = check_reason(user, &operator.why) {
        return Ok(fail(Exit::Usage, format_args!("{refused} (--why)")));
    }
    let asked = ask(session, user, &operator, by.mode()).await?;
    print(*output, &asked, print_asked);
    Ok(Exit::Done)
}

fn print_asked(asked: &Asked) {
    let Asked { erasure, outcome, coupons, letters, reports, waits_for, letters_wait } = asked;
    let number = erasure.map_or_else(String::new, |number| format!("erasure {number}: "));
    match outcome {
        Outcome::WouldErase => {
            println!("would replace {coupons} rows and what else names the user")
        }
        Outcome::Erased | Outcome::Waits => {
            println!("{number}replaced {coupons} rows, {letters} letters, {reports} reports");
        }
    }
    if !waits_for.is_empty() {
        println!("follows once archived: {}", waits_for.join(", "));
    }
    if *letters_wait > 0 {
        println!("follows once brought again or given up: {letters_wait} dead letters of no event");
    }
}

fn print_erasure(view: &ErasureView) {
    let ErasureView { erasure, asked_at, who, way, why, coupons, letters, reports, .. } = view;
    let stands = match &view.forgotten_at {
        Some(at) => format!("forgotten {at}"),
        None => "open".to_owned(),
    };
    println!(
        "{erasure}  {asked_at} {who} ({way}): {coupons} rows, {letters} letters, {reports} reports, \
         {stands}; because: {why}"
    );
}
