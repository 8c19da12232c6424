//! The outbox: wins that Kafka has not acknowledged, one stream entry a batch.
//!
//! An entry's id is `epoch-sequence`, the sequence being the first one that the batch granted, so
//! that an acknowledgement can never meet another epoch's entry. Its fields are `format`, `epoch`
//! and `wins`: `user,win` joined by `;`.

use crate::coupon::{BadWin, Win};
use crate::ids::UserId;

/// Format of the entries that `lua/claim.lua` writes.
pub const FORMAT: u32 = 1;

/// Field: the format, in decimal.
pub const FIELD_FORMAT: &str = "format";
/// Field: the epoch that granted the wins, in decimal.
pub const FIELD_EPOCH: &str = "epoch";
/// Field: the wins; see [`parse_wins`].
pub const FIELD_WINS: &str = "wins";

/// A win and who won it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserWin {
    /// The winner.
    pub user: UserId,
    /// What was won.
    pub win: Win,
}

/// The id of the entry of a batch whose first grant got `first_sequence`.
pub fn entry_id(epoch: u64, first_sequence: u64) -> String {
    format!("{epoch}-{first_sequence}")
}

/// Reads [`FIELD_WINS`].
pub fn parse_wins(text: &str) -> Result<Vec<UserWin>, BadWin> {
    text.split(';').map(parse_user_win).collect()
}

fn parse_user_win(text: &str) -> Result<UserWin, BadWin> {
    let bad = || BadWin { field: "user", text: text.to_owned() };
    let (user, win) = text.split_once(',').ok_or_else(bad)?;
    Ok(UserWin { user: user.parse().map_err(|_| bad())?, win: win.parse()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coupon::tests::win;

    #[test]
    fn entries_are_read_as_the_script_writes_them() {
        let text = format!("ann,{};bob,{}", win(1), win(2));
        let wins = parse_wins(&text).unwrap();
        assert_eq!(wins[0], UserWin { user: "ann".parse().unwrap(), win: win(1) });
        assert_eq!(wins[1], UserWin { user: "bob".parse().unwrap(), win: win(2) });
        assert_eq!(entry_id(3, 17), "3-17");
    }

    #[test]
    fn a_broken_entry_is_refused() {
        for text in ["", "ann", "a b,", &format!("ann,{};", win(1))] {
            assert!(parse_wins(text).is_err(), "{text:?}");
        }
    }
}
