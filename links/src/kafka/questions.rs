//! The bytes of Metadata (version 4) and DescribeConfigs (version 1), which Kafka 1.0 to 4.1 take
//! (<https://kafka.apache.org/protocol>). Both are older than the protocol's compact encodings.

use std::collections::BTreeMap;

use super::describe::{Broker, KafkaView, PartitionView, TopicSettings, TopicView};

const METADATA: (i16, i16) = (3, 4);
const DESCRIBE_CONFIGS: (i16, i16) = (32, 1);
/// Answers come one a connection, so any number does.
const CORRELATION: i32 = 1;
const CLIENT: &str = "firstcome";
/// What DescribeConfigs calls a topic.
const RESOURCE_TOPIC: i8 = 2;
/// A partition without a leader.
const NOBODY: i32 = -1;
const NO_ERROR: i16 = 0;

/// An answer that ends early or holds what it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a broker's answer cannot be read: {0}")]
pub(super) struct BadAnswer(&'static str);

/// Who has which part of these topics. Asking makes none of them.
pub(super) fn metadata(topics: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    put_count(&mut body, topics.len());
    topics.iter().for_each(|topic| put_text(&mut body, topic));
    let may_be_made = 0;
    body.push(may_be_made);
    framed(METADATA, &body)
}

/// How these topics are set.
pub(super) fn topic_settings(topics: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    put_count(&mut body, topics.len());
    for topic in topics {
        body.extend(RESOURCE_TOPIC.to_be_bytes());
        put_text(&mut body, topic);
        let all_settings: i32 = -1;
        body.extend(all_settings.to_be_bytes());
    }
    let with_synonyms = 0;
    body.push(with_synonyms);
    framed(DESCRIBE_CONFIGS, &body)
}

fn framed((key, version): (i16, i16), body: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(key.to_be_bytes());
    request.extend(version.to_be_bytes());
    request.extend(CORRELATION.to_be_bytes());
    put_text(&mut request, CLIENT);
    request.extend(body);
    let mut frame = Vec::new();
    put_count(&mut frame, request.len());
    frame.extend(request);
    frame
}

/// Our own names are short and our lists too.
fn put_count(to: &mut Vec<u8>, count: usize) {
    to.extend(i32::try_from(count).unwrap_or(i32::MAX).to_be_bytes());
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    to.extend(i16::try_from(text.len()).unwrap_or(i16::MAX).to_be_bytes());
    to.extend(text.as_bytes());
}

/// Reads the answer to [`metadata`].
pub(super) fn read_metadata(answer: &[u8]) -> Result<KafkaView, BadAnswer> {
    let mut bytes = Bytes(answer);
    let _correlation = bytes.int()?;
    let _throttled_ms = bytes.int()?;
    let brokers = bytes.list(|bytes| {
        let (id, host, port) = (bytes.int()?, bytes.text()?, bytes.int()?);
        let _rack = bytes.nullable_text()?;
        Ok(Broker { id, host, port })
    })?;
    let _cluster = bytes.nullable_text()?;
    let _controller = bytes.int()?;
    let topics = bytes.list(|bytes| {
        let (error, name) = (bytes.short()?, bytes.text()?);
        let _internal = bytes.byte()?;
        let partitions = bytes.list(read_partition)?;
        Ok((error == NO_ERROR).then_some(TopicView { name, partitions }))
    })?;
    Ok(KafkaView { brokers, topics: topics.into_iter().flatten().collect() })
}

fn read_partition(bytes: &mut Bytes<'_>) -> Result<PartitionView, BadAnswer> {
    // That nobody leads it is an error here and an answer to us.
    let _error = bytes.short()?;
    let (number, leader) = (bytes.int()?, bytes.int()?);
    let (replicas, in_sync) = (bytes.list(Bytes::int)?, bytes.list(Bytes::int)?);
    Ok(PartitionView { number, leader: (leader != NOBODY).then_some(leader), replicas, in_sync })
}

/// Reads the answer to [`topic_settings`].
pub(super) fn read_topic_settings(
    answer: &[u8],
) -> Result<BTreeMap<String, TopicSettings>, BadAnswer> {
    let mut bytes = Bytes(answer);
    let _correlation = bytes.int()?;
    let _throttled_ms = bytes.int()?;
    let topics = bytes.list(|bytes| {
        let error = bytes.short()?;
        let _message = bytes.nullable_text()?;
        let _kind = bytes.byte()?;
        let name = bytes.text()?;
        let settings = bytes.list(read_setting)?;
        Ok((error == NO_ERROR).then(|| (name, settings.into_iter().flatten().collect())))
    })?;
    Ok(topics.into_iter().flatten().collect())
}

/// A setting; None where the broker does not tell its value.
fn read_setting(bytes: &mut Bytes<'_>) -> Result<Option<(String, String)>, BadAnswer> {
    let (name, value) = (bytes.text()?, bytes.nullable_text()?);
    let (_read_only, _source, _sensitive) = (bytes.byte()?, bytes.byte()?, bytes.byte()?);
    let _synonyms =
        bytes.list(|bytes| Ok((bytes.text()?, bytes.nullable_text()?, bytes.byte()?)))?;
    Ok(value.map(|value| (name, value)))
}

/// What is left of an answer.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BadAnswer> {
        let (first, rest) = self.0.split_first_chunk().ok_or(BadAnswer("it ends early"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<i8, BadAnswer> {
        self.take().map(i8::from_be_bytes)
    }

    fn short(&mut self) -> Result<i16, BadAnswer> {
        self.take().map(i16::from_be_bytes)
    }

    fn int(&mut self) -> Result<i32, BadAnswer> {
        self.take().map(i32::from_be_bytes)
    }

    fn text(&mut self) -> Result<String, BadAnswer> {
        self.nullable_text()?.ok_or(BadAnswer("a name is missing"))
    }

    fn nullable_text(&mut self) -> Result<Option<String>, BadAnswer> {
        let Ok(length) = usize::try_from(self.short()?) else {
            return Ok(None);
        };
        let (text, rest) = self.0.split_at_checked(length).ok_or(BadAnswer("it ends early"))?;
        self.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| BadAnswer("a text is not UTF-8"))?;
        Ok(Some(text.to_owned()))
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, BadAnswer>,
    ) -> Result<Vec<T>, BadAnswer> {
        // A list that is null counts -1.
        (0..self.int()?).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(to: &mut Vec<u8>, all: &[i32]) {
        put_count(to, all.len());
        all.iter().for_each(|one| to.extend(one.to_be_bytes()));
    }

    #[test]
    fn a_question_is_framed_and_names_its_topics() {
        let question = metadata(&["wins"]);
        assert_eq!(
            usize::try_from(i32::from_be_bytes([0, 0, 0, question[3]])),
            Ok(question.len() - 4)
        );
        assert_eq!(&question[4..8], [0, 3, 0, 4]);
        assert_eq!(&question[question.len() - 7..], b"\x00\x04wins\x00");
        let question = topic_settings(&["wins"]);
        assert_eq!(&question[4..8], [0, 32, 0, 1]);
        assert!(question.ends_with(b"\x02\x00\x04wins\xff\xff\xff\xff\x00"));
    }

    #[test]
    fn metadata_is_read() {
        let mut answer = Vec::new();
        answer.extend([0; 8]);
        put_count(&mut answer, 1);
        answer.extend(7_i32.to_be_bytes());
        put_text(&mut answer, "kafka-7");
        answer.extend(9_092_i32.to_be_bytes());
        answer.extend((-1_i16).to_be_bytes());
        put_text(&mut answer, "cluster");
        answer.extend(7_i32.to_be_bytes());
        put_count(&mut answer, 2);
        answer.extend(NO_ERROR.to_be_bytes());
        put_text(&mut answer, "wins");
        answer.push(0);
        put_count(&mut answer, 1);
        answer.extend(5_i16.to_be_bytes());
        answer.extend(0_i32.to_be_bytes());
        answer.extend(NOBODY.to_be_bytes());
        ints(&mut answer, &[7, 8]);
        ints(&mut answer, &[8]);
        answer.extend(3_i16.to_be_bytes());
        put_text(&mut answer, "unknown");
        answer.push(0);
        put_count(&mut answer, 0);

        let view = read_metadata(&answer).unwrap();
        assert_eq!(view.brokers, [Broker { id: 7, host: "kafka-7".to_owned(), port: 9_092 }]);
        let partition =
            PartitionView { number: 0, leader: None, replicas: vec![7, 8], in_sync: vec![8] };
        assert_eq!(
            view.topics,
            [TopicView { name: "wins".to_owned(), partitions: vec![partition] }]
        );
        for length in 0..answer.len() {
            assert!(read_metadata(&answer[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn settings_are_read() {
        let mut answer = Vec::new();
        answer.extend([0; 8]);
        put_count(&mut answer, 1);
        answer.extend(NO_ERROR.to_be_bytes());
        answer.extend((-1_i16).to_be_bytes());
        answer.extend(RESOURCE_TOPIC.to_be_bytes());
        put_text(&mut answer, "wins");
        put_count(&mut answer, 2);
        put_text(&mut answer, "min.insync.replicas");
        put_text(&mut answer, "2");
        answer.extend([0, 1, 0]);
        put_count(&mut answer, 0);
        put_text(&mut answer, "secret");
        answer.extend((-1_i16).to_be_bytes());
        answer.extend([0, 1, 1]);
        put_count(&mut answer, 0);

        let all = read_topic_settings(&answer).unwrap();
        assert_eq!(
            all["wins"],
            BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())])
        );
        assert!(read_topic_settings(&answer[..20]).is_err());
    }
}
