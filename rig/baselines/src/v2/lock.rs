//! The usual lock: `SET key token NX PX`, released by comparing the token.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, SubscriberClient};
use fred::interfaces::{EventInterface, KeysInterface, PubsubInterface};
use fred::types::scripts::Script;
use fred::types::{Expiration, SetOptions};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::cli::Waiting;
use crate::error::{Failed, within};
use crate::redis::{COMMAND_WITHIN, Redis};

/// A holder that dies keeps others out for so long. Longer than all that is done under the lock:
/// five commands of a second at most each.
const HELD_AT_MOST_MS: i64 = 10_000;
/// A claim waits so long for the lock.
const WAIT_AT_MOST: Duration = Duration::from_secs(10);
/// Between two tries of one that polls: drawn from these, so that waiters do not come together.
const POLL_MS: RangeInclusive<u64> = 1..=5;
/// One that is told looks again by itself after this long: a message may be lost.
const UNTOLD_AT_MOST: Duration = Duration::from_millis(200);

/// Frees the lock if it is still ours, and tells whoever waits.
const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('PUBLISH', ARGV[2], '') end
return 1";

pub(super) struct Lock {
    redis: Client,
    key: String,
    release: Script,
    freed: Option<Freed>,
}

/// Proof that the lock was taken.
pub(super) struct Held {
    token: String,
}

/// Hears that the lock was freed, and wakes one waiter.
struct Freed {
    channel: String,
    waiters: Arc<Notify>,
    hearing: JoinHandle<()>,
    _subscriber: SubscriberClient,
}

impl Lock {
    pub(super) async fn new(
        redis: Client,
        key: String,
        waiting: Waiting,
        reach: &Redis,
    ) -> Result<Self, Failed> {
        let release = Script::from_lua(RELEASE);
        release.load(&redis).await?;
        let freed = match waiting {
            Waiting::Polling => None,
            Waiting::Told => Some(Freed::hear(reach, format!("{key}:freed")).await?),
        };
        Ok(Self { redis, key, release, freed })
    }

    /// Waits until it is ours.
    pub(super) async fn take(&self) -> Result<Held, Failed> {
        let token = Uuid::now_v7().simple().to_string();
        let give_up = Instant::now() + WAIT_AT_MOST;
        while !self.try_once(&token).await? {
            if Instant::now() > give_up {
                return Err(Failed::Late { what: "the lock", after: WAIT_AT_MOST });
            }
            match &self.freed {
                None => sleep(Duration::from_millis(rand::random_range(POLL_MS))).await,
                // Told or not, the lock is looked at again.
                Some(freed) => drop(timeout(UNTOLD_AT_MOST, freed.waiters.notified()).await),
            }
        }
        Ok(Held { token })
    }

    async fn try_once(&self, token: &str) -> Result<bool, Failed> {
        let expires = Some(Expiration::PX(HELD_AT_MOST_MS));
        let set = self.redis.set(&self.key, token, expires, Some(SetOptions::NX), false);
        let set: Option<String> = set.await?;
        Ok(set.is_some())
    }

    pub(super) async fn release(&self, held: Held) -> Result<(), Failed> {
        let channel = self.freed.as_ref().map_or("", |freed| freed.channel.as_str());
        let arguments = vec![held.token.as_str(), channel];
        let released: u64 = self
            .release
            .evalsha_with_reload(&self.redis, vec![self.key.as_str()], arguments)
            .await?;
        match released {
            0 => Err(Failed::Unusable("the lock had expired before it was released")),
            _ => Ok(()),
        }
    }
}

impl Freed {
    async fn hear(reach: &Redis, channel: String) -> Result<Self, Failed> {
        let subscriber = reach.subscriber().await?;
        let mut messages = subscriber.message_rx();
        within(COMMAND_WITHIN, "a subscription", subscriber.subscribe(channel.as_str())).await?;
        let waiters = Arc::new(Notify::new());
        let wakes = Arc::clone(&waiters);
        // Ends with the subscriber. Messages that came too fast to be heard woke nobody, but one
        // of them is heard.
        let hearing = tokio::spawn(async move {
            while !matches!(messages.recv().await, Err(RecvError::Closed)) {
                wakes.notify_one();
            }
        });
        Ok(Self { channel, waiters, hearing, _subscriber: subscriber })
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}
