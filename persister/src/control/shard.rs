//! The scripts that change an event on its shard, each by compare.

use std::sync::LazyLock;

use contract::event::Phase;
use contract::ids::{EventId, UserId};
use contract::keys::EventKeys;
use links::redis::{Cluster, Master, RedisError, Reply, Script, WinsPage};

use super::plan::{Process, Sight};
use crate::store::changes::PendingChange;
use crate::store::epochs::Armed;
use crate::store::events::Event;
use crate::store::union::Ledger;

static ARM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../../../lua/arm.lua")));
static OPEN: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/open.lua")));
static ARMED_WINS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/armed_wins.lua")));
static PUT_WINS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/put_wins.lua")));
static CHANGE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/change.lua")));
static APPLY: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/apply.lua")));
static RENEW: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/renew.lua")));

/// What `lua/arm.lua` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ArmReply {
    /// The shard carries the epoch.
    Armed(Armed),
    /// The node is not a master any more.
    Replica,
    /// The node was replaced before.
    Older(u64),
    /// The shard carries this epoch of another arming, or a higher one.
    Ahead(u64),
}

/// What `lua/open.lua`, `lua/apply.lua` and `lua/renew.lua` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// It stands so now.
    Done,
    /// The shard is not what it was thought to be.
    Moved,
    /// Winners hold more than the new stock.
    Held(u64),
}

/// What a shard must be to take a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) epoch: u64,
    pub(super) identity: &'a str,
    pub(super) version: u64,
    pub(super) phase: Phase,
    pub(super) moves: u64,
}

/// Looks at an event's shard.
pub(super) async fn look(cluster: &Cluster, event: &EventId) -> Sight {
    let Some(master) = cluster.master_of(Cluster::slot_of(event)) else {
        return Sight::NoMaster;
    };
    let seen = async {
        // The process first: if it is replaced in between, its successor's keys do not match it.
        let process = cluster.process_of(&master).await?;
        let process = Process {
            replid: process.replid,
            run_id: process.run_id,
            config_epoch: master.config_epoch,
        };
        Ok::<_, RedisError>(match cluster.state(event).await? {
            Some(state) => Sight::Present(process, Box::new(state)),
            None => Sight::Missing(process),
        })
    };
    seen.await.unwrap_or_else(|error| Sight::Away(error.to_string()))
}

/// Begins an arming on that very master.
pub(super) async fn arm(
    cluster: &Cluster,
    master: &Master,
    event: &EventId,
    epoch: u64,
    armer: &str,
    lowest_config_epoch: u64,
) -> Result<ArmReply, RedisError> {
    let (epoch, lowest) = (epoch.to_string(), lowest_config_epoch.to_string());
    let args = [epoch.as_str(), armer, lowest.as_str()];
    let reply = run_on(cluster, master, &ARM, event, &args).await?;
    parse_arm(&reply).ok_or_else(|| unreadable(&reply))
}

/// Ends an arming: the shard carries the event's row.
pub(super) async fn open(
    cluster: &Cluster,
    event: &Event,
    armed: ArmedAs<'_>,
    ledger: Ledger,
) -> Result<Applied, RedisError> {
    let numbers = [
        armed.epoch,
        event.stock,
        event.per_user_limit.into(),
        event.opens_at_ms,
        event.closes_at_ms,
        event.version,
        ledger.held,
        ledger.sequence,
    ]
    .map(|number| number.to_string());
    let [epoch, row @ ..] = &numbers;
    let phase = event.carried_phase();
    let mut args = vec![epoch.as_str(), armed.armer, armed.replid, phase.as_str()];
    args.extend(row.iter().map(String::as_str));
    run(cluster, &OPEN, &event.event_id, &args).await
}

/// The arming that a shard must be in: its epoch, its token, and the process that it began on.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArmedAs<'a> {
    pub(super) event: &'a EventId,
    pub(super) epoch: u64,
    pub(super) armer: &'a str,
    pub(super) replid: &'a str,
}

/// What a script that compares the arming answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InArming<T> {
    /// The arming is that one.
    Done(T),
    /// Another arming, or another process, has the event.
    Moved,
}

/// A page of the wins of an event that is being armed; `cursor` 0 begins.
pub(super) async fn armed_wins(
    cluster: &Cluster,
    armed: ArmedAs<'_>,
    cursor: u64,
    count: u32,
) -> Result<InArming<WinsPage>, RedisError> {
    let (cursor, count) = (cursor.to_string(), count.to_string());
    let reply = run_armed(cluster, &ARMED_WINS, armed, &[&cursor, &count]).await?;
    let page = match reply.items() {
        Some([word, rest @ ..]) if word.text() == Some("page") => {
            WinsPage::parse(&Reply::Array(rest.to_vec())).map(InArming::Done)
        }
        Some([word, _]) if word.text() == Some("moved") => Some(InArming::Moved),
        _ => None,
    };
    page.ok_or_else(|| unreadable(&reply))
}

/// Gives users the wins that MySQL has of them, as the wins hash spells them; returns how many had
/// others. No wins take a user's away.
pub(super) async fn put_wins(
    cluster: &Cluster,
    armed: ArmedAs<'_>,
    users: &[(UserId, String)],
) -> Result<InArming<u64>, RedisError> {
    let words = users.iter().flat_map(|(user, wins)| [user.as_str(), wins.as_str()]);
    let words: Vec<&str> = words.collect();
    let reply = run_armed(cluster, &PUT_WINS, armed, &words).await?;
    let put = match reply.items() {
        Some([word, changed]) if word.text() == Some("put") => {
            unsigned(changed).map(InArming::Done)
        }
        Some([word, _]) if word.text() == Some("moved") => Some(InArming::Moved),
        _ => None,
    };
    put.ok_or_else(|| unreadable(&reply))
}

async fn run_armed(
    cluster: &Cluster,
    script: &Script,
    armed: ArmedAs<'_>,
    words: &[&str],
) -> Result<Reply, RedisError> {
    let keys = EventKeys::new(armed.event);
    let epoch = armed.epoch.to_string();
    let mut args = vec![epoch.as_str(), armed.armer, armed.replid];
    args.extend_from_slice(words);
    let slot = Cluster::slot_of(armed.event);
    cluster.run_script(slot, script, &[keys.state.as_str(), keys.wins.as_str()], &args).await
}

/// Brings an event's row to its open shard, in that phase.
pub(super) async fn apply(
    cluster: &Cluster,
    expected: Expected<'_>,
    event: &Event,
    phase: Phase,
) -> Result<Applied, RedisError> {
    let numbers = [
        expected.epoch,
        expected.version,
        expected.moves,
        event.stock,
        event.per_user_limit.into(),
        event.opens_at_ms,
        event.closes_at_ms,
        event.version,
    ]
    .map(|number| number.to_string());
    let [epoch, version, moves, row @ ..] = &numbers;
    let known = [epoch, expected.identity, version, expected.phase.as_str(), moves];
    let mut args = known.to_vec();
    args.push(phase.as_str());
    args.extend(row.iter().map(String::as_str));
    run(cluster, &APPLY, &event.event_id, &args).await
}

/// What `lua/change.lua` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeReply {
    /// The shard has the changes, but for coupons that it does not have at all.
    Changed { missing: u64 },
    /// The shard is not what it was thought to be, or it is open.
    Moved,
}

/// Brings changed coupons to a shard that is not open.
pub(super) async fn change(
    cluster: &Cluster,
    expected: Expected<'_>,
    event: &Event,
    changes: &[PendingChange],
) -> Result<ChangeReply, RedisError> {
    let mut words = vec![expected.epoch.to_string(), expected.identity.to_owned()];
    for change in changes {
        words.extend([
            change.user_id.to_string(),
            change.coupon_id.to_hex(),
            change.state.as_str().to_owned(),
            change.revision.to_string(),
        ]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let keys = EventKeys::new(&event.event_id);
    let keys = [keys.state.as_str(), keys.wins.as_str()];
    let slot = Cluster::slot_of(&event.event_id);
    let reply = cluster.run_script(slot, &CHANGE, &keys, &words).await?;
    parse_change(&reply).ok_or_else(|| unreadable(&reply))
}

fn parse_change(reply: &Reply) -> Option<ChangeReply> {
    let [word, rest @ ..] = reply.items()? else {
        return None;
    };
    match (word.text()?, rest) {
        ("changed", [_, missing]) => Some(ChangeReply::Changed { missing: unsigned(missing)? }),
        ("moved", _) => Some(ChangeReply::Moved),
        _ => None,
    }
}

/// Renews an event's identity.
pub(super) async fn renew(
    cluster: &Cluster,
    event: &EventId,
    epoch: u64,
    from: &str,
    to: &str,
) -> Result<Applied, RedisError> {
    let epoch = epoch.to_string();
    run(cluster, &RENEW, event, &[epoch.as_str(), from, to]).await
}

async fn run(
    cluster: &Cluster,
    script: &Script,
    event: &EventId,
    args: &[&str],
) -> Result<Applied, RedisError> {
    let keys = EventKeys::new(event);
    let slot = Cluster::slot_of(event);
    let reply = cluster.run_script(slot, script, &[keys.state.as_str()], args).await?;
    parse_applied(&reply).ok_or_else(|| unreadable(&reply))
}

async fn run_on(
    cluster: &Cluster,
    master: &Master,
    script: &Script,
    event: &EventId,
    args: &[&str],
) -> Result<Reply, RedisError> {
    let keys = EventKeys::new(event);
    cluster.run_script_on(master, script, &[keys.state.as_str()], args).await
}

pub(super) fn unreadable(reply: &Reply) -> RedisError {
    RedisError::Unknown(format!("a script answered {reply:?}"))
}

fn parse_arm(reply: &Reply) -> Option<ArmReply> {
    let [word, rest @ ..] = reply.items()? else {
        return None;
    };
    Some(match (word.text()?, rest) {
        ("armed", [replid, run_id, config_epoch]) => ArmReply::Armed(Armed {
            identity: replid.text()?.to_owned(),
            run_id: run_id.text()?.to_owned(),
            config_epoch: unsigned(config_epoch)?,
        }),
        ("replica", []) => ArmReply::Replica,
        ("older", [config_epoch]) => ArmReply::Older(unsigned(config_epoch)?),
        ("ahead", [epoch]) => ArmReply::Ahead(unsigned(epoch)?),
        _ => return None,
    })
}

fn parse_applied(reply: &Reply) -> Option<Applied> {
    let [word, rest @ ..] = reply.items()? else {
        return None;
    };
    Some(match (word.text()?, rest) {
        ("opened" | "applied" | "renewed", _) => Applied::Done,
        ("moved", _) => Applied::Moved,
        ("held", [units]) => Applied::Held(unsigned(units)?),
        _ => return None,
    })
}

pub(super) fn unsigned(reply: &Reply) -> Option<u64> {
    reply.integer()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(items: &[&str]) -> Reply {
        let item = |text: &&str| match text.parse() {
            Ok(number) => Reply::Integer(number),
            Err(_) => Reply::Text((*text).to_owned().into()),
        };
        Reply::Array(items.iter().map(item).collect())
    }

    #[test]
    fn answers_of_the_arming_script_are_read() {
        let armed = Armed { identity: "r".to_owned(), run_id: "p".to_owned(), config_epoch: 3 };
        let armed = Some(ArmReply::Armed(armed));
        assert_eq!(parse_arm(&array(&["armed", "r", "p", "3"])), armed);
        assert_eq!(parse_arm(&array(&["replica"])), Some(ArmReply::Replica));
        assert_eq!(parse_arm(&array(&["older", "2"])), Some(ArmReply::Older(2)));
        assert_eq!(parse_arm(&array(&["ahead", "9"])), Some(ArmReply::Ahead(9)));
        for bad in [array(&[]), array(&["armed"]), array(&["opened"]), Reply::Nil] {
            assert_eq!(parse_arm(&bad), None);
        }
    }

    #[test]
    fn answers_of_the_other_scripts_are_read() {
        for done in ["opened", "applied", "renewed"] {
            assert_eq!(parse_applied(&array(&[done])), Some(Applied::Done));
        }
        assert_eq!(parse_applied(&array(&["moved", "3", "1", "open"])), Some(Applied::Moved));
        assert_eq!(parse_applied(&array(&["held", "7"])), Some(Applied::Held(7)));
        for bad in [array(&["held"]), array(&["armed"]), Reply::Integer(1)] {
            assert_eq!(parse_applied(&bad), None);
        }
    }
}
