//! Deleting an archived event's keys, and what its shard says of that.

use std::sync::LazyLock;

use contract::keys::EventKeys;
use links::redis::{Cluster, Info, RedisError, Reply, Script};

use super::shard::{unreadable, unsigned};
use crate::store::events::Event;

static ARCHIVE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/archive.lua")));

/// A process that has none of an event's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Without {
    /// `master_replid`.
    pub(super) replid: String,
    /// How many it had until just now.
    pub(super) had: u64,
    /// How far its stream is, in bytes: by there they are gone.
    pub(super) offset: u64,
    /// How far each of its replicas has acknowledged the stream.
    pub(super) acknowledged: Vec<u64>,
}

/// Deletes all keys of an event that is archived. None: its shard knows more than MySQL, or moved.
pub(super) async fn put_away(
    cluster: &Cluster,
    event: &Event,
) -> Result<Option<Without>, RedisError> {
    let Some(master) = cluster.master_of(Cluster::slot_of(&event.event_id)) else {
        return Ok(None);
    };
    let keys = EventKeys::new(&event.event_id);
    let keys = [&keys.state, &keys.wins, &keys.outbox, &keys.expiry].map(String::as_str);
    let (epoch, version) = (event.epoch.to_string(), event.version.to_string());
    let reply = cluster.run_script_on(&master, &ARCHIVE, &keys, &[&epoch, &version]).await?;
    // Afterwards, so that the stream has it.
    let info = cluster.info_of(master.address, &["replication"]).await?;
    match parse_archived(&reply).ok_or_else(|| unreadable(&reply))? {
        ArchiveReply::Archived { had, replid } => Ok(without(had, replid, &info)),
        ArchiveReply::Moved => Ok(None),
    }
}

/// What a process says of its stream, if it is that one still.
fn without(had: u64, replid: String, info: &Info) -> Option<Without> {
    if info.get("master_replid") != Some(replid.as_str()) {
        return None;
    }
    let followers = info.followers().into_iter().filter(|follower| follower.online);
    let acknowledged = followers.map(|follower| follower.offset).collect();
    Some(Without { replid, had, offset: info.number("master_repl_offset")?, acknowledged })
}

/// What `lua/archive.lua` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ArchiveReply {
    /// So many keys were deleted; that process has none now.
    Archived { had: u64, replid: String },
    /// The shard knows more than MySQL.
    Moved,
}

fn parse_archived(reply: &Reply) -> Option<ArchiveReply> {
    let [word, rest @ ..] = reply.items()? else {
        return None;
    };
    match (word.text()?, rest) {
        ("archived", [had, replid]) => {
            Some(ArchiveReply::Archived { had: unsigned(had)?, replid: replid.text()?.to_owned() })
        }
        ("moved", _) => Some(ArchiveReply::Moved),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(items: &[&str]) -> Reply {
        Reply::Array(items.iter().map(|item| Reply::Text((*item).to_owned().into())).collect())
    }

    #[test]
    fn a_process_without_the_keys_is_the_one_that_deleted_them() {
        let answer = |had| {
            let replid = Reply::Text("aa".to_owned().into());
            Reply::Array(vec![Reply::Text("archived".to_owned().into()), had, replid])
        };
        let deleted = parse_archived(&answer(Reply::Integer(3)));
        let replid = "aa".to_owned();
        assert_eq!(deleted, Some(ArchiveReply::Archived { had: 3, replid }));
        let moved = parse_archived(&array(&["moved", "3", "1", "open"]));
        assert_eq!(moved, Some(ArchiveReply::Moved));
        assert_eq!(parse_archived(&answer(Reply::Nil)), None);
        let info = |replid: &str| {
            Info::parse(&format!(
                "role:master\r\nmaster_replid:{replid}\r\nmaster_repl_offset:50\r\n\
                 slave0:ip=127.0.0.1,port=7003,state=online,offset=42,lag=1\r\n\
                 slave1:ip=127.0.0.1,port=7004,state=wait_bgsave,offset=0,lag=0\r\n"
            ))
        };
        let same = without(3, "aa".to_owned(), &info("aa")).unwrap();
        assert_eq!((same.had, same.offset, same.acknowledged), (3, 50, vec![42]));
        assert_eq!(without(3, "aa".to_owned(), &info("bb")), None);
    }
}
