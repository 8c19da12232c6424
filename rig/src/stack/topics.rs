//! `ops/kafka/topics.conf`.

use std::num::ParseIntError;

/// A topic to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    /// Its name.
    pub name: String,
    /// Partitions.
    pub partitions: u32,
    /// Copies of each.
    pub replicas: u32,
    /// `name=value` as Kafka spells them.
    pub settings: Vec<String>,
}

/// A line is not `name partitions replicas setting=value…`.
#[derive(Debug, thiserror::Error)]
#[error("not a topic: {line:?} ({why})")]
pub(super) struct BadTopic {
    line: String,
    why: String,
}

/// Reads the file; `#` begins a comment.
pub(super) fn parse(text: &str) -> Result<Vec<Topic>, BadTopic> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(parse_line)
        .collect()
}

fn parse_line(line: &str) -> Result<Topic, BadTopic> {
    let bad = |why: String| BadTopic { line: line.to_owned(), why };
    let mut words = line.split_whitespace();
    let mut next = |what: &str| words.next().ok_or_else(|| bad(format!("no {what}")));
    let number = |word: &str| word.parse().map_err(|error: ParseIntError| bad(error.to_string()));
    let name = next("name")?.to_owned();
    let partitions = number(next("partitions")?)?;
    let replicas = number(next("replicas")?)?;
    let settings: Vec<String> = words.map(str::to_owned).collect();
    match settings.iter().find(|setting| !setting.contains('=')) {
        Some(setting) => Err(bad(format!("{setting} is no setting=value"))),
        None => Ok(Topic { name, partitions, replicas, settings }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_the_topics_of_the_contract() {
        let topics = parse(include_str!("../../../ops/kafka/topics.conf")).unwrap();
        let shape: Vec<(&str, u32, u32)> = topics
            .iter()
            .map(|topic| (topic.name.as_str(), topic.partitions, topic.replicas))
            .collect();
        let partitions = contract::topics::COUPON_ISSUED_PARTITIONS.unsigned_abs();
        assert_eq!(
            shape,
            [
                (contract::topics::COUPON_ISSUED, partitions, 3),
                (contract::topics::COUPON_ISSUED_DLT, 1, 3),
                (contract::topics::DIRECTORY, 1, 3),
            ]
        );
        for topic in &topics {
            let has = |setting: &str| topic.settings.iter().any(|given| given == setting);
            assert!(has("min.insync.replicas=2"), "{topic:?}");
            assert!(has("unclean.leader.election.enable=false"), "{topic:?}");
            assert!(topic.settings.iter().any(|set| set.starts_with("segment.ms=")), "{topic:?}");
        }
    }

    #[test]
    fn a_broken_line_is_named() {
        for line in ["a", "a 1", "a x 3", "a 1 3 retention"] {
            assert!(parse(line).unwrap_err().to_string().contains(line));
        }
    }
}
