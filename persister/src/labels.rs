//! Labels of an event: words of its operators, which nothing else reads.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;

/// The most labels of an event.
const MAX_LABELS: usize = 16;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 32;
/// The longest text, in characters. With the names, 16 of them fit their column.
const MAX_TEXT_CHARS: usize = 128;

/// An event's labels, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

/// Why labels cannot be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLabels {
    /// Not `name=text`.
    #[error("a label is NAME=TEXT, or NAME= to take it away")]
    Form,
    /// A name that is none.
    #[error("a label's name has 1 to {MAX_NAME_BYTES} of a-z, 0-9, '.', '_' and '-'")]
    Name,
    /// A text that is too long, or has control characters.
    #[error("a label's text has {MAX_TEXT_CHARS} visible characters at most")]
    Text,
    /// Too many.
    #[error("an event has {MAX_LABELS} labels at most")]
    TooMany,
}

/// A label that is set, or taken away where its text is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    name: String,
    text: String,
}

impl Label {
    /// A label of that name and text, checked.
    pub fn new(name: &str, text: &str) -> Result<Self, BadLabels> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(BadLabels::Name);
        }
        if text.chars().count() > MAX_TEXT_CHARS || text.chars().any(char::is_control) {
            return Err(BadLabels::Text);
        }
        Ok(Self { name: name.to_owned(), text: text.to_owned() })
    }
}

impl FromStr for Label {
    type Err = BadLabels;

    fn from_str(text: &str) -> Result<Self, BadLabels> {
        let (name, text) = text.split_once('=').ok_or(BadLabels::Form)?;
        Self::new(name.trim(), text.trim())
    }
}

impl Labels {
    /// With these set or taken away.
    pub fn with(&self, labels: &[Label]) -> Result<Self, BadLabels> {
        let mut all = self.0.clone();
        for Label { name, text } in labels {
            if text.is_empty() {
                all.remove(name);
            } else {
                all.insert(name.clone(), text.clone());
            }
        }
        if all.len() > MAX_LABELS { Err(BadLabels::TooMany) } else { Ok(Self(all)) }
    }

    /// As MySQL keeps them.
    pub fn to_column(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// As they come back from there.
    pub fn from_column(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// `name=text, …`, for people.
    pub fn sentence(&self) -> String {
        let words: Vec<String> =
            self.0.iter().map(|(name, text)| format!("{name}={text}")).collect();
        if words.is_empty() { "-".to_owned() } else { words.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_and_taken_away() {
        let label = |text: &str| text.parse::<Label>().unwrap();
        let labels = Labels::default().with(&[label("team=blue"), label("city = Köln")]).unwrap();
        assert_eq!(labels.sentence(), "city=Köln, team=blue");
        let labels = labels.with(&[label("city="), label("team=red")]).unwrap();
        assert_eq!(labels.sentence(), "team=red");
        assert_eq!(Labels::from_column(&labels.to_column()), Some(labels));
    }

    #[test]
    fn labels_have_bounds() {
        let parse = |text: &str| text.parse::<Label>().unwrap_err();
        assert_eq!(parse("team"), BadLabels::Form);
        for name in ["=x", "Team=x", "a b=x", &format!("{}=x", "a".repeat(33))] {
            assert_eq!(parse(name), BadLabels::Name, "{name}");
        }
        assert_eq!(parse(&format!("a={}", "x".repeat(129))), BadLabels::Text);
        assert_eq!(parse("a=x\ny"), BadLabels::Text);
        let many: Vec<Label> =
            (0..17).map(|n| Label::new(&format!("l{n}"), "x").unwrap()).collect();
        assert_eq!(Labels::default().with(&many), Err(BadLabels::TooMany));
        let widest: Vec<Label> =
            (0..16).map(|n| Label::new(&format!("{n:032}"), &"\\".repeat(128)).unwrap()).collect();
        let widest = Labels::default().with(&widest).unwrap().to_column();
        assert!(widest.chars().count() <= 5_120, "the widest fits the column");
    }
}
