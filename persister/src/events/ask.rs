//! How an operator asks for a change, whatever it is.

use serde_json::{Map, Value, json};

use super::view::optional_time;
pub use crate::store::audit::Mode;
use crate::store::audit::{Action, Line, Operator};
use crate::store::events::{Event, Wanted};

/// How a change is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who asks, and why.
    pub operator: Operator,
    /// Whether it is to be done.
    pub mode: Mode,
    /// The version that the operator looked at; None: whatever it is.
    pub if_version: Option<u64>,
}

/// The most lines of the audit that tell an operator what others did.
pub const TOLD_LINES: u32 = 10;

/// What of two rows differs, as the audit keeps it.
pub fn difference(was: &Wanted, becomes: &Wanted) -> (Value, Value) {
    let (mut from, mut to) = (Map::new(), Map::new());
    let mut field = |name: &str, was: Value, becomes: Value| {
        if was != becomes {
            from.insert(name.to_owned(), was);
            to.insert(name.to_owned(), becomes);
        }
    };
    field("phase", json!(was.phase.as_str()), json!(becomes.phase.as_str()));
    field("stock", json!(was.stock), json!(becomes.stock));
    let shown = |ms| json!(optional_time(ms));
    field("opens_at", shown(was.opens_at_ms), shown(becomes.opens_at_ms));
    field("closes_at", shown(was.closes_at_ms), shown(becomes.closes_at_ms));
    field("labels", json!(was.labels), json!(becomes.labels));
    (from.into(), to.into())
}

/// The event as it stands once a change is made.
pub fn after(before: &Event, becomes: &Wanted) -> Event {
    Event {
        phase: becomes.phase,
        stock: becomes.stock,
        opens_at_ms: becomes.opens_at_ms,
        closes_at_ms: becomes.closes_at_ms,
        labels: becomes.labels.clone(),
        version: before.version + 1,
        ..before.clone()
    }
}

/// Whether an operator asks again for what was their own change: their first answer was lost.
/// `since` is all that was changed since they looked.
pub fn asks_again(ask: &Ask, action: Action, since: &[Line]) -> bool {
    let [line] = since else {
        return false;
    };
    line.who == ask.operator.who && line.action == action.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::audit::Way;
    use contract::event::Phase;

    fn line(who: &str, action: Action) -> Line {
        Line {
            id: 1,
            at_ms: 1,
            who: who.to_owned(),
            way: "api".to_owned(),
            action: action.as_str().to_owned(),
            event_id: None,
            version: Some(2),
            subject: String::new(),
            was: Value::Null,
            became: Value::Null,
            why: String::new(),
        }
    }

    #[test]
    fn only_what_differs_is_audited() {
        let was = Wanted {
            phase: Phase::Open,
            stock: 5,
            opens_at_ms: 0,
            closes_at_ms: 0,
            labels: Default::default(),
        };
        let becomes = Wanted { stock: 8, closes_at_ms: 1_700_000_000_123, ..was.clone() };
        let (from, to) = difference(&was, &becomes);
        assert_eq!(from, json!({"stock": 5, "closes_at": null}));
        assert_eq!(to, json!({"stock": 8, "closes_at": "2023-11-14T22:13:20.123Z"}));
    }

    #[test]
    fn somebody_elses_change_is_not_ones_own() {
        let operator = Operator { who: "ann".to_owned(), way: Way::Api, why: String::new() };
        let ask = Ask { operator, mode: Mode::Do, if_version: Some(1) };
        let again = |since: &[Line]| asks_again(&ask, Action::Pause, since);
        assert!(again(&[line("ann", Action::Pause)]));
        assert!(!again(&[line("bob", Action::Pause)]));
        assert!(!again(&[line("ann", Action::Close)]));
        assert!(!again(&[line("ann", Action::Pause), line("ann", Action::Pause)]));
        assert!(!again(&[]));
    }
}
