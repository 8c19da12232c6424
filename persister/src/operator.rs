//! Who gives a command: what `--as` says, else the user of the system. And what of others' words a
//! terminal may see.

use std::fs;

use crate::store::audit::{MAX_WHO_CHARS, MAX_WHY_CHARS};

/// Where the system's users are.
const PASSWD: &str = "/etc/passwd";

/// The user whose process this is: their name, or their number where it has none.
pub fn system_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = fs::read_to_string(PASSWD).unwrap_or_default();
    name_of(&users, uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// A name that the audit can hold: some visible characters, no more than its column takes.
pub fn parse_name(text: &str) -> Option<String> {
    let text = text.trim();
    let good =
        (1..=MAX_WHO_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}

/// A reason that the audit can hold, empty where there is none. It is one line of text: what people
/// are shown of it must not look like other lines.
pub fn parse_why(text: &str) -> Option<String> {
    let good = text.chars().count() <= MAX_WHY_CHARS && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}

/// Text of somebody else's for a terminal: what would move its cursor, or begin a line, is spelt.
pub fn spelt(text: &str) -> String {
    let spell = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(spell).collect()
}

fn name_of(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        if number.parse() == Ok(uid) { parse_name(name) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_that_the_system_knows() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name_of(users, 1000).as_deref(), Some("ann"));
        assert_eq!(name_of(users, 7), None);
        assert!(!system_user().is_empty());
    }

    #[test]
    fn what_moves_a_cursor_is_spelt() {
        assert_eq!(spelt("Köln → 5"), "Köln → 5");
        assert_eq!(spelt("a\nb\u{1b}[2J\u{85}"), r"a\nb\u{1b}[2J\u{85}");
    }

    #[test]
    fn a_name_fits_its_column() {
        assert_eq!(parse_name(" Ann B. ").as_deref(), Some("Ann B."));
        for bad in ["", "  ", "a\nb", &"x".repeat(65)] {
            assert_eq!(parse_name(bad), None, "{bad:?}");
        }
    }
}
