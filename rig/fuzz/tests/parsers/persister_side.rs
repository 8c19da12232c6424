//! What operators write.

use fuzz::{holds, text};
use persister::admin::tokens::Tokens;
use persister::labels::Label;
use persister::operator::{parse_name, parse_why};

#[test]
fn tokens_are_taken_only_where_each_would_be_known_again() {
    let token = "aaaaaaaaaaaaaaaaaaaaaaaa";
    let right =
        [format!("ann:operator:{token}"), format!("# x\nann:viewer:{token},bob:operator:{token}b")];
    holds(text(right.into()), |text| match Tokens::parse(&text) {
        // Each is its owner's. A short one is nobody's, whatever is written around it.
        Some(tokens) => {
            entries(&text).all(|[name, role, token]| {
                let caller = tokens.identify(token);
                caller.is_some_and(|known| known.name == name && known.role.as_str() == role)
            }) && tokens.identify("").is_none()
                && tokens.identify("aaaaaaa").is_none()
        }
        None => true,
    });
}

/// What is written of each caller.
fn entries(text: &str) -> impl Iterator<Item = [&str; 3]> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let entries = lines.flat_map(|line| line.split(',')).filter(|entry| !entry.trim().is_empty());
    entries.map(|entry| {
        let mut fields = entry.splitn(3, ':').map(str::trim);
        std::array::from_fn(|_| fields.next().unwrap_or_default())
    })
}

#[test]
fn names_reasons_and_labels_stay_on_their_line() {
    let printable = |text: &str| !text.chars().any(char::is_control);
    holds(text(vec!["ann".to_owned(), "more units came".to_owned()]), |text| {
        parse_why(&text).is_none_or(|why| printable(&why))
    });
    holds(text(vec!["ann".to_owned(), "ann@host".to_owned()]), |text| {
        parse_name(&text).is_none_or(|name| printable(&name) && !name.is_empty())
    });
    holds(text(vec!["team=growth".to_owned(), "old=".to_owned()]), |text| {
        let said = text.split_once('=').map(|(name, text)| [name.trim(), text.trim()]);
        text.parse::<Label>().is_err() || said.is_some_and(|said| said.into_iter().all(printable))
    });
}
