//! The bytes of Metadata, DescribeConfigs and a login, in the oldest versions that say what is asked here:
//! Kafka 1.0 to 4.1 take them (<https://kafka.apache.org/protocol>). Encoded and decoded by the
//! `kafka-protocol` crate.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    ApiKey, DescribeConfigsRequest, DescribeConfigsResponse, MetadataRequest, MetadataResponse,
    RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::counts::{self, Fits};
use super::describe::{Broker, KafkaView, PartitionView, TopicSettings, TopicView};

const METADATA_VERSION: i16 = 4;
const DESCRIBE_CONFIGS_VERSION: i16 = 1;
const SASL_HANDSHAKE_VERSION: i16 = 1;
const SASL_AUTHENTICATE_VERSION: i16 = 0;
/// Answers come one a connection, so any number does.
const CORRELATION: i32 = 1;
const CLIENT: &str = "firstcome";
/// What DescribeConfigs calls a topic.
const RESOURCE_TOPIC: i8 = 2;
/// A partition without a leader.
const NOBODY: i32 = -1;
const NO_ERROR: i16 = 0;

/// Why a question came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadAnswer {
    /// It cannot be written, or its answer cannot be read.
    #[error("not a broker's answer: {0}")]
    Unreadable(String),
    /// The broker does not take the login.
    #[error("{0}")]
    Refused(String),
}

/// Who has which part of these topics. Asking makes none of them.
pub(super) fn metadata(topics: &[&str]) -> Result<Bytes, BadAnswer> {
    let topics = topics
        .iter()
        .map(|topic| MetadataRequestTopic::default().with_name(Some(TopicName(text(topic)))));
    let question = MetadataRequest::default()
        .with_topics(Some(topics.collect()))
        .with_allow_auto_topic_creation(false);
    framed(ApiKey::Metadata, METADATA_VERSION, &question)
}

/// How these topics are set.
pub(super) fn topic_settings(topics: &[&str]) -> Result<Bytes, BadAnswer> {
    let topics = topics.iter().map(|topic| {
        DescribeConfigsResource::default()
            .with_resource_type(RESOURCE_TOPIC)
            .with_resource_name(text(topic))
            .with_configuration_keys(None)
    });
    let question = DescribeConfigsRequest::default().with_resources(topics.collect());
    framed(ApiKey::DescribeConfigs, DESCRIBE_CONFIGS_VERSION, &question)
}

/// Whether the broker takes a login by this mechanism.
pub(super) fn sasl_handshake(mechanism: &str) -> Result<Bytes, BadAnswer> {
    let question = SaslHandshakeRequest::default().with_mechanism(text(mechanism));
    framed(ApiKey::SaslHandshake, SASL_HANDSHAKE_VERSION, &question)
}

/// What the mechanism says next.
pub(super) fn sasl_authenticate(said: Vec<u8>) -> Result<Bytes, BadAnswer> {
    let question = SaslAuthenticateRequest::default().with_auth_bytes(said.into());
    framed(ApiKey::SaslAuthenticate, SASL_AUTHENTICATE_VERSION, &question)
}

/// Its length, its header, the question.
fn framed<Q: Encodable + HeaderVersion>(
    key: ApiKey,
    version: i16,
    question: &Q,
) -> Result<Bytes, BadAnswer> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(CORRELATION)
        .with_client_id(Some(text(CLIENT)));
    let mut request = BytesMut::new();
    header
        .encode(&mut request, Q::header_version(version))
        .and_then(|()| question.encode(&mut request, version))
        .map_err(|error| BadAnswer::Unreadable(error.to_string()))?;
    let length =
        u32::try_from(request.len()).map_err(|error| BadAnswer::Unreadable(error.to_string()))?;
    let mut frame = BytesMut::new();
    frame.put_u32(length);
    frame.put(request);
    Ok(frame.freeze())
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Reads the answer to [`metadata`].
pub(super) fn read_metadata(answer: Bytes) -> Result<KafkaView, BadAnswer> {
    let answer: MetadataResponse = read(answer, METADATA_VERSION, counts::of_metadata)?;
    let brokers = answer.brokers.into_iter().map(|broker| Broker {
        id: broker.node_id.0,
        host: broker.host.to_string(),
        port: broker.port,
    });
    let known = answer.topics.into_iter().filter(|topic| topic.error_code == NO_ERROR);
    let topics = known.filter_map(|topic| {
        let name = topic.name?.0.to_string();
        let mut partitions: Vec<PartitionView> = topic.partitions.into_iter().map(view).collect();
        partitions.sort_by_key(|partition| partition.number);
        Some(TopicView { name, partitions })
    });
    Ok(KafkaView { brokers: brokers.collect(), topics: topics.collect() })
}

/// That nobody leads it is an error there and an answer to us.
fn view(partition: MetadataResponsePartition) -> PartitionView {
    let leader = partition.leader_id.0;
    let mut in_sync: Vec<i32> = partition.isr_nodes.iter().map(|broker| broker.0).collect();
    in_sync.sort_unstable();
    PartitionView {
        number: partition.partition_index,
        leader: (leader != NOBODY).then_some(leader),
        replicas: partition.replica_nodes.iter().map(|broker| broker.0).collect(),
        in_sync,
    }
}

/// Reads the answer to [`topic_settings`]. Left out: what the broker does not tell.
pub(super) fn read_topic_settings(
    answer: Bytes,
) -> Result<BTreeMap<String, TopicSettings>, BadAnswer> {
    let fits = counts::of_topic_settings;
    let answer: DescribeConfigsResponse = read(answer, DESCRIBE_CONFIGS_VERSION, fits)?;
    let known = answer.results.into_iter().filter(|topic| topic.error_code == NO_ERROR);
    let settings = known.map(|topic| {
        let told = topic.configs.into_iter();
        let told = told.filter_map(|one| Some((one.name.to_string(), one.value?.to_string())));
        (topic.resource_name.to_string(), told.collect())
    });
    Ok(settings.collect())
}

/// Reads the answer to [`sasl_handshake`].
pub(super) fn read_sasl_handshake(answer: Bytes) -> Result<(), BadAnswer> {
    let fits = counts::of_sasl_handshake;
    let answer: SaslHandshakeResponse = read(answer, SASL_HANDSHAKE_VERSION, fits)?;
    if answer.error_code == NO_ERROR {
        return Ok(());
    }
    let taken: Vec<&str> = answer.mechanisms.iter().map(|name| &**name).collect();
    let taken = if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") };
    let code = answer.error_code;
    Err(BadAnswer::Refused(format!("the broker takes logins by {taken} here (error {code})")))
}

/// Reads the answer to [`sasl_authenticate`]: what the broker says to the mechanism.
pub(super) fn read_sasl_authenticate(answer: Bytes) -> Result<Bytes, BadAnswer> {
    let fits = counts::of_sasl_authenticate;
    let answer: SaslAuthenticateResponse = read(answer, SASL_AUTHENTICATE_VERSION, fits)?;
    if answer.error_code == NO_ERROR {
        return Ok(answer.auth_bytes);
    }
    let why = answer.error_message.unwrap_or_default();
    Err(BadAnswer::Refused(format!("the login was refused ({}): {}", answer.error_code, &*why)))
}

fn read<A: Decodable + HeaderVersion>(
    mut answer: Bytes,
    version: i16,
    fits: fn(&[u8]) -> Option<Fits>,
) -> Result<A, BadAnswer> {
    let bad = |error: &dyn std::fmt::Display| BadAnswer::Unreadable(error.to_string());
    let header = ResponseHeader::decode(&mut answer, A::header_version(version));
    let header = header.map_err(|error| bad(&error))?;
    if header.correlation_id != CORRELATION {
        return Err(bad(&format_args!("it answers question {}", header.correlation_id)));
    }
    let Fits = fits(&answer).ok_or_else(|| bad(&"it lacks what it counts"))?;
    A::decode(&mut answer, version).map_err(|error| bad(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_count(to: &mut Vec<u8>, count: usize) {
        to.extend(i32::try_from(count).unwrap().to_be_bytes());
    }

    /// The header, and how long the broker wants us to wait.
    fn begun() -> Vec<u8> {
        [CORRELATION, 0].map(i32::to_be_bytes).concat()
    }

    /// The answer with the largest count in each place where one may be.
    fn garbled(answer: &[u8]) -> impl Iterator<Item = Bytes> {
        garbled_after(answer, 8)
    }

    /// The same, after so many bytes.
    fn garbled_after(answer: &[u8], first: usize) -> impl Iterator<Item = Bytes> {
        (first..answer.len() - 3).map(|at| {
            let mut garbled = answer.to_vec();
            garbled[at..at + 4].copy_from_slice(&i32::MAX.to_be_bytes());
            garbled.into()
        })
    }

    fn put_text(to: &mut Vec<u8>, text: &str) {
        to.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
        to.extend(text.as_bytes());
    }

    fn ints(to: &mut Vec<u8>, all: &[i32]) {
        put_count(to, all.len());
        all.iter().for_each(|one| to.extend(one.to_be_bytes()));
    }

    #[test]
    fn a_question_is_framed_and_names_its_topics() {
        let question = metadata(&["wins"]).unwrap();
        assert_eq!(
            usize::try_from(i32::from_be_bytes([0, 0, 0, question[3]])),
            Ok(question.len() - 4)
        );
        assert_eq!(&question[4..8], [0, 3, 0, 4]);
        assert_eq!(&question[question.len() - 7..], b"\x00\x04wins\x00");
        let question = topic_settings(&["wins"]).unwrap();
        assert_eq!(&question[4..8], [0, 32, 0, 1]);
        assert!(question.ends_with(b"\x02\x00\x04wins\xff\xff\xff\xff\x00"));
    }

    #[test]
    fn metadata_is_read() {
        let mut answer = begun();
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

        let view = read_metadata(answer.clone().into()).unwrap();
        assert_eq!(view.brokers, [Broker { id: 7, host: "kafka-7".to_owned(), port: 9_092 }]);
        let partition =
            PartitionView { number: 0, leader: None, replicas: vec![7, 8], in_sync: vec![8] };
        assert_eq!(
            view.topics,
            [TopicView { name: "wins".to_owned(), partitions: vec![partition] }]
        );
        for length in 0..answer.len() {
            let cut = Bytes::copy_from_slice(&answer[..length]);
            assert!(read_metadata(cut).is_err(), "{length}");
        }
        // Whoever believes such a count asks for so much memory that the process ends.
        let bad = garbled(&answer).filter(|garbled| read_metadata(garbled.clone()).is_err());
        assert!(bad.count() >= 5, "each count that is too large is refused");
        answer[3] += 1;
        assert!(read_metadata(answer.into()).is_err(), "it answers another question");
    }

    #[test]
    fn settings_are_read() {
        let mut answer = begun();
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

        let all = read_topic_settings(answer.clone().into()).unwrap();
        assert_eq!(
            all["wins"],
            BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())])
        );
        assert!(read_topic_settings(Bytes::copy_from_slice(&answer[..20])).is_err());
        let bad = garbled(&answer).filter(|garbled| read_topic_settings(garbled.clone()).is_err());
        assert!(bad.count() >= 4, "each count that is too large is refused");
    }

    #[test]
    fn what_a_broker_says_to_a_mechanism_is_read() {
        let answer = |code: i16| {
            let mut answer = CORRELATION.to_be_bytes().to_vec();
            answer.extend(code.to_be_bytes());
            put_count(&mut answer, 2);
            put_text(&mut answer, "SCRAM-SHA-512");
            put_text(&mut answer, "PLAIN");
            answer
        };
        read_sasl_handshake(answer(NO_ERROR).into()).unwrap();
        let refused = read_sasl_handshake(answer(33).into()).unwrap_err().to_string();
        assert!(refused.contains("SCRAM-SHA-512, PLAIN") && refused.contains("33"), "{refused}");
        cut_or_garbled(&answer(NO_ERROR), |answer| read_sasl_handshake(answer).is_err());
    }

    #[test]
    fn what_a_broker_says_to_a_login_is_read() {
        let answer = |code: i16, why: Option<&str>| {
            let mut answer = CORRELATION.to_be_bytes().to_vec();
            answer.extend(code.to_be_bytes());
            match why {
                Some(why) => put_text(&mut answer, why),
                None => answer.extend((-1_i16).to_be_bytes()),
            }
            put_count(&mut answer, 3);
            answer.extend(b"v=1");
            answer
        };
        let good = answer(NO_ERROR, None);
        assert_eq!(read_sasl_authenticate(good.clone().into()).unwrap(), &b"v=1"[..]);
        let refused = |why| read_sasl_authenticate(answer(58, why).into()).unwrap_err().to_string();
        assert_eq!(refused(Some("no such user")), "the login was refused (58): no such user");
        assert_eq!(refused(None), "the login was refused (58): ");
        cut_or_garbled(&good, |answer| read_sasl_authenticate(answer).is_err());
    }

    /// Whether an answer is refused wherever it was cut, and with each count too large.
    fn cut_or_garbled(answer: &[u8], refused: impl Fn(Bytes) -> bool) {
        for length in 0..answer.len() {
            assert!(refused(Bytes::copy_from_slice(&answer[..length])), "cut at {length}");
        }
        assert!(garbled_after(answer, 4).any(refused), "a count that is too large is refused");
    }
}
