//! The list of somebody's coupons: told like an answer to a claim, once it is held twice or by
//! Kafka. A list that lacks a coupon would be a loss told to a winner.

use std::sync::LazyLock;
use std::time::Duration;

use contract::coupon::{Win, parse_wins};
use contract::event::Confirm as Level;
use contract::ids::{EventId, UserId};
use contract::keys::EventKeys;
use contract::record;
use links::redis::{Cluster, RedisError, Reply, Script};
use links::script_connection::{Held, WaitFor};
use tokio::time::{Instant, sleep, timeout_at};

use super::confirm::Unconfirmed;
use super::shard::Purpose;
use super::{Claims, Parts, Untold};
use crate::publish::{Publication, ShownWin};

static SCRIPT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/mine.lua")));

/// Before a call that was not executed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// What the script returned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Looked {
    /// The state is missing, or this process may not answer.
    Fenced,
    /// The user's wins.
    Wins { epoch: u64, wins: Vec<Win> },
}

impl Claims {
    /// The wins of a user, to be told.
    pub async fn look(
        &self,
        event: &EventId,
        user: &UserId,
        deadline: Instant,
    ) -> Result<Vec<Win>, Untold> {
        let looked = self.parts.look(event, user);
        timeout_at(deadline, looked).await.unwrap_or(Err(Untold::Unavailable))
    }
}

impl Parts {
    async fn look(&self, event: &EventId, user: &UserId) -> Result<Vec<Win>, Untold> {
        let (looked, held) = loop {
            match self.call_look(event, user).await {
                Ok(answer) => break answer,
                Err(RedisError::NotOwner(_) | RedisError::NotExecuted(_)) => {
                    self.shards.refresh_soon();
                    sleep(RETRY_PAUSE).await;
                }
                Err(RedisError::Unknown(_) | RedisError::Refused(_)) => {
                    self.shards.refresh_soon();
                    return Err(Untold::Unavailable);
                }
            }
        };
        let Looked::Wins { epoch, wins } = looked else {
            return Err(Untold::Fenced);
        };
        if held == Held::NotShown {
            self.confirm_look(event, epoch, user, &wins).await?;
        }
        Ok(wins)
    }

    async fn call_look(
        &self,
        event: &EventId,
        user: &UserId,
    ) -> Result<(Looked, Held), RedisError> {
        let slot = Cluster::slot_of(event);
        let keys = EventKeys::new(event);
        let no_owner = || RedisError::NotExecuted(format!("slot {slot} has no master"));
        let shard = self.shards.owner_of(slot).ok_or_else(no_owner)?;
        let wait = match self.directory.find(event).map(|standing| standing.confirm) {
            Ok(Level::Replica) => shard.wait_for(self.shards.replicas()),
            Ok(Level::Log) | Err(_) => WaitFor::Skip,
        };
        let mut lease = shard.connection(Purpose::Look).await?;
        let (keys, args) = ([keys.state.as_str(), keys.wins.as_str()], [user.as_str()]);
        let reply = lease.connection.call(&SCRIPT, &keys, &args, wait).await;
        lease.give_back();
        let (reply, held) = reply?;
        shard.waited(wait, held);
        let shape = || RedisError::Refused(format!("mine.lua returned {reply:?}"));
        Ok((parse(&reply).ok_or_else(shape)?, held))
    }

    async fn confirm_look(
        &self,
        event: &EventId,
        epoch: u64,
        user: &UserId,
        wins: &[Win],
    ) -> Result<(), Untold> {
        let shown =
            |win: &Win| ShownWin { user: user.clone(), win: *win, request_id: None, trace: None };
        let publication = Publication {
            event: event.clone(),
            epoch,
            told: record::Told::Pending,
            wins: wins.iter().map(shown).collect(),
            entry: None,
        };
        let room = self.publisher.reserve(0);
        let unconfirmed = Unconfirmed { publication, granted: 0, room };
        self.confirm.by_log(unconfirmed).await.map_err(|_| Untold::Unconfirmed)
    }
}

fn parse(reply: &Reply) -> Option<Looked> {
    match reply.items()? {
        [] => Some(Looked::Fenced),
        [epoch, wins] => {
            let epoch = epoch.integer()?.try_into().ok()?;
            let wins = match wins.text()? {
                "" => Vec::new(),
                text => parse_wins(text).ok()?,
            };
            Some(Looked::Wins { epoch, wins })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_s_reply_is_read() {
        let win = "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b,7,-,1700000000123,1,1,issued,1";
        let reply = |text: String| Reply::Array(vec![Reply::Integer(2), Reply::Text(text.into())]);
        assert_eq!(parse(&Reply::Array(vec![])), Some(Looked::Fenced));
        assert_eq!(parse(&reply(String::new())), Some(Looked::Wins { epoch: 2, wins: vec![] }));
        let wins = vec![win.parse().unwrap(); 2];
        assert_eq!(parse(&reply(format!("{win};{win}"))), Some(Looked::Wins { epoch: 2, wins }));
        assert_eq!(parse(&reply("x".to_owned())), None);
        assert_eq!(parse(&Reply::Nil), None);
    }
}
