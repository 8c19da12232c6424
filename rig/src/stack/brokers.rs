//! What a broker says of all partitions, asked over the wire: a JVM for each question took most of
//! the CPU of a fault run, and on a busy machine did not start in time.

use std::io;
use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    ApiKey, MetadataRequest, MetadataResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Of the question; every Kafka since 2.8 knows it.
const VERSION: i16 = 12;
/// The most bytes of an answer; 14 partitions have 1 KB.
const ANSWER_MOST: usize = 1024 * 1024;
/// What stands for no leader.
const NO_LEADER: i32 = -1;

/// Partitions of all topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partitions {
    /// How many there are.
    pub(super) all: usize,
    /// Those of them that lack a leader or a replica in sync.
    pub(super) short: usize,
}

/// Asks one broker. The caller sets the deadline.
pub(super) async fn partitions(broker: SocketAddr) -> io::Result<Partitions> {
    let mut stream = TcpStream::connect(broker).await?;
    stream.write_all(&question()?).await?;
    let length = stream.read_u32().await? as usize;
    if length > ANSWER_MOST {
        return Err(io::Error::other(format!("an answer of {length} bytes")));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(count(&read(answer.into())?))
}

/// Its length in four bytes, its header, its body.
fn question() -> io::Result<Bytes> {
    let header = RequestHeader::default()
        .with_request_api_key(ApiKey::Metadata as i16)
        .with_request_api_version(VERSION)
        .with_client_id(Some(StrBytes::from_static_str("rig")));
    let all_topics = MetadataRequest::default().with_topics(None);
    let mut question = BytesMut::new();
    header
        .encode(&mut question, MetadataRequest::header_version(VERSION))
        .and_then(|()| all_topics.encode(&mut question, VERSION))
        .map_err(io::Error::other)?;
    let mut framed = BytesMut::new();
    framed.put_u32(u32::try_from(question.len()).map_err(io::Error::other)?);
    framed.put(question);
    Ok(framed.freeze())
}

fn read(mut answer: Bytes) -> io::Result<MetadataResponse> {
    ResponseHeader::decode(&mut answer, MetadataResponse::header_version(VERSION))
        .and_then(|_| MetadataResponse::decode(&mut answer, VERSION))
        .map_err(io::Error::other)
}

fn count(answer: &MetadataResponse) -> Partitions {
    let partitions = || answer.topics.iter().flat_map(|topic| &topic.partitions);
    let short = partitions().filter(|partition| !is_full(partition)).count();
    Partitions { all: partitions().count(), short }
}

fn is_full(partition: &MetadataResponsePartition) -> bool {
    let in_sync = partition.isr_nodes.len();
    partition.leader_id.0 != NO_LEADER && in_sync > 0 && in_sync == partition.replica_nodes.len()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::BrokerId;
    use kafka_protocol::messages::metadata_response::MetadataResponseTopic;

    use super::*;

    fn partition(leader: i32, in_sync: &[i32]) -> MetadataResponsePartition {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
        MetadataResponsePartition::default()
            .with_leader_id(BrokerId(leader))
            .with_replica_nodes(ids(&[1, 2, 3]))
            .with_isr_nodes(ids(in_sync))
    }

    #[test]
    fn a_partition_that_lacks_a_leader_or_a_replica_is_counted() {
        let topics = [
            vec![partition(1, &[3, 1, 2]), partition(1, &[3, 1])],
            vec![partition(NO_LEADER, &[1, 2, 3]), partition(NO_LEADER, &[])],
        ];
        let topics = topics.map(|all| MetadataResponseTopic::default().with_partitions(all));
        let answer = MetadataResponse::default().with_topics(topics.to_vec());
        assert_eq!(count(&answer), Partitions { all: 4, short: 3 });
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(read(Bytes::from_static(b"HTTP/1.1 400 Bad Request")).is_err());
    }
}
