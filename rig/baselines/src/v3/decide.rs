//! Who of a batch wins: pure.

use std::collections::HashSet;

/// New winners in the order of their claims, each with the number that it gets. `users` are claims
/// as they came, one user perhaps several times; `winners` are those of them who have won before.
pub(super) fn decide<'a>(
    users: &[&'a str],
    winners: &[String],
    stock: u64,
    issued: u64,
) -> Vec<(&'a str, u64)> {
    let mut seen: HashSet<&str> = winners.iter().map(String::as_str).collect();
    let fresh = users.iter().copied().filter(|user| seen.insert(user));
    fresh.zip(issued + 1..=stock).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_come_win_while_units_are_left() {
        let users = ["ann", "bob", "ann", "cleo", "dora"];
        assert_eq!(decide(&users, &[], 9, 2), [("ann", 3), ("bob", 4), ("cleo", 5), ("dora", 6)]);
        assert_eq!(decide(&users, &["bob".to_owned()], 4, 2), [("ann", 3), ("cleo", 4)]);
        assert!(decide(&users, &[], 2, 2).is_empty());
    }
}
