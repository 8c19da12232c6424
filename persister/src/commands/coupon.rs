//! `persister coupon …`.

use std::time::Duration;

use contract::coupon::CouponState;

use super::{Exit, fail, print};
use crate::cli::CouponCommand;
use crate::coupons::{Done, Outcome, change, revoked};
use crate::store::{Store, StoreError};

/// `coupon …`.
pub async fn coupon(store: &Store, verb: &CouponCommand) -> Result<Exit, StoreError> {
    let (arguments, to) = match verb {
        CouponCommand::Return(arguments) => (arguments, CouponState::Returned),
        CouponCommand::Revoke(revoke) => (&revoke.change, revoked(revoke.unit())),
    };
    let (id, by) = (&arguments.coupon, &arguments.given.by);
    let patience = Duration::from_secs(arguments.given.wait.seconds);
    let session = &mut store.connect().await?;
    let outcome = change(session, id, to, &by.operator(), by.mode(), patience).await?;
    Ok(match outcome {
        Outcome::Done(done) => {
            print(arguments.given.output, &done, print_done);
            let enough = done.carried || by.dry_run() || patience.is_zero();
            if enough { Exit::Done } else { Exit::Failed }
        }
        Outcome::Refused(state) => {
            fail(Exit::Failed, format_args!("{id} was not changed: it is {state}"))
        }
        Outcome::BeingArmed(event) => {
            let text = format_args!("{id} was not changed: {event} is being armed, ask again");
            fail(Exit::Failed, text)
        }
        Outcome::Archived(event) => {
            let text =
                format_args!("{id} was not changed: {event} is archived, its rows are final");
            fail(Exit::Failed, text)
        }
        Outcome::Unknown => {
            let text = format_args!("no row has coupon {id}; it may be on its way");
            fail(Exit::Failed, text)
        }
    })
}

fn print_done(done: &Done) {
    let Done { outcome, coupon_id, event_id, user_id, sequence, state, .. } = done;
    let is = match *outcome {
        "would_change" => "would be",
        "already" => "is already",
        _ => "is",
    };
    print!("{coupon_id}: number {sequence} of {event_id}, {user_id}'s, {is} {state}");
    match (*outcome, done.carried) {
        ("would_change", _) => println!("; nothing was changed"),
        (_, true) => println!("; Redis has it"),
        (_, false) => println!("; Redis does not have it yet"),
    }
}
