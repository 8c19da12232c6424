//! What a change of an event would do, in sentences.

use contract::event::Phase;

use super::view::time;
use crate::store::events::Event;

/// The sentences, at least one. `before` None: the event would be new.
pub fn effects(before: Option<&Event>, after: &Event) -> Vec<String> {
    let Some(before) = before else {
        return vec![created(after)];
    };
    let mut effects = Vec::new();
    if before.phase != after.phase {
        effects.push(phase(before.phase, after.phase));
    }
    if after.stock > before.stock {
        effects.push(format!(
            "stock {} → {}: {} units more go on sale within a second or two of it being open",
            before.stock,
            after.stock,
            after.stock - before.stock
        ));
    }
    if after.stock < before.stock {
        effects.push(format!(
            "stock {} → {}: {} units fewer; nobody loses what they hold",
            before.stock,
            after.stock,
            before.stock - after.stock
        ));
    }
    let window = |event: &Event| {
        let end = |ms, none: &str| if ms == 0 { none.to_owned() } else { time(ms) };
        format!(
            "{} to {}",
            end(event.opens_at_ms, "at once"),
            end(event.closes_at_ms, "when closed")
        )
    };
    if window(before) != window(after) {
        effects.push(format!(
            "on sale {} → {}, by the shard's clock",
            window(before),
            window(after)
        ));
    }
    if effects.is_empty() {
        effects.push("nothing that clients see".to_owned());
    }
    effects
}

fn created(event: &Event) -> String {
    let Event { stock, per_user_limit, .. } = event;
    let window = match (event.opens_at_ms, event.closes_at_ms) {
        (0, 0) => String::new(),
        (0, to) => format!(" until {}", time(to)),
        (from, 0) => format!(" from {}", time(from)),
        (from, to) => format!(" from {} until {}", time(from), time(to)),
    };
    let sale = if event.phase == Phase::Open { "it is on sale" } else { "it waits for event open" };
    format!("a new event of {stock} units, {per_user_limit} per user; {sale}{window}")
}

fn phase(from: Phase, to: Phase) -> String {
    let then = match to {
        Phase::Open => "claims are granted inside its window",
        Phase::Paused => "new claims get 503 paused, winners are still answered",
        Phase::Closed => {
            "new claims get 410 closed, for good; winners are still answered; it cannot be undone"
        }
        Phase::Archived => {
            "once all of it is in MySQL its Redis keys and its place in the directory go, and edges \
             answer 404 unknown_event, winners too; rows, dead letters and the audit stay; its id is \
             never used again; it cannot be undone"
        }
        _ => "as operators want it",
    };
    format!("{} → {}: {then}", from.as_str(), to.as_str())
}
