//! What an operator does to a round's event, from the words of the command.

use tokio::time::Instant;

use crate::rush::operation::Operation;

/// Something that an operator did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// What.
    pub(super) operation: Operation,
    /// Before it was asked for.
    pub(super) begun: Instant,
    /// After it was said to be done; `None`: it was not, and nobody knows.
    pub(super) ended: Option<Instant>,
}

/// What these arguments of the persister do to an event with so many units; `None`: nothing that
/// matters to those who ask for it.
pub(super) fn operation(arguments: &[&str], stock: u64) -> Option<Operation> {
    Some(match arguments {
        ["event", "pause", ..] => Operation::Pause,
        ["event", "resume", ..] => Operation::Resume,
        ["event", "close", ..] => Operation::Close,
        ["event", "stock", _, "--to", to, ..] => match to.parse::<u64>().ok()? {
            to if to >= stock => Operation::TopUp(to - stock),
            to => Operation::Lower(stock - to),
        },
        ["coupon", "return", coupon, ..] => Operation::Return(coupon.parse().ok()?),
        ["coupon", "revoke", coupon, "--give-back", ..] => {
            Operation::Withdraw(coupon.parse().ok()?)
        }
        ["coupon", "revoke", coupon, ..] => Operation::Revoke(coupon.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_command_say_what_it_does() {
        assert_eq!(operation(&["event", "pause", "e"], 5), Some(Operation::Pause));
        assert_eq!(operation(&["event", "stock", "e", "--to", "8"], 5), Some(Operation::TopUp(3)));
        assert_eq!(operation(&["event", "stock", "e", "--to", "4"], 5), Some(Operation::Lower(1)));
        assert_eq!(operation(&["reconcile", "--event", "e"], 5), None);
    }
}
