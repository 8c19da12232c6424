//! V2: a lock in Redis around plain commands: whoever holds it reads what is left, takes one and
//! notes the winner.

mod lock;

use std::error::Error;
use std::sync::Arc;

use contract::ids::UserId;
use fred::clients::Client;
use fred::interfaces::{KeysInterface, SetsInterface};

use self::lock::Lock;
use crate::claim::{self, Asked, Outcome};
use crate::cli::{Sale, Waiting};
use crate::error::Failed;
use crate::redis::{Keys, Redis};

struct Shop {
    redis: Client,
    keys: Keys,
    stock: u64,
    lock: Lock,
}

/// What the keys of this variant begin with.
pub(crate) fn name(waiting: Waiting) -> &'static str {
    match waiting {
        Waiting::Polling => "v2",
        Waiting::Told => "v2-pubsub",
    }
}

/// Begins the sale anew and serves it.
pub(crate) async fn run(sale: Sale, redis: Redis, waiting: Waiting) -> Result<(), Box<dyn Error>> {
    let client = redis.client().await?;
    let keys = Keys::new(name(waiting), &sale.event);
    keys.begin(&client, sale.stock).await?;
    let lock = Lock::new(client.clone(), keys.lock.clone(), waiting, &redis).await?;
    let shop = Arc::new(Shop { redis: client, keys, stock: sale.stock.units(), lock });
    claim::serve(sale.listen, sale.event, move |asked, user| {
        let shop = Arc::clone(&shop);
        // A client that goes away must leave neither the lock taken nor a unit without its winner.
        let answer = tokio::spawn(async move { shop.answer(asked, &user).await });
        async move { answer.await.unwrap_or(Err(Failed::Unusable("an answer was cut short"))) }
    })
    .await
}

impl Shop {
    async fn answer(&self, asked: Asked, user: &UserId) -> Result<Outcome, Failed> {
        let held = self.lock.take().await?;
        let outcome = match asked {
            Asked::Issue => self.issue(user).await,
            Asked::Result => self.result(user).await,
        };
        self.lock.release(held).await?;
        outcome
    }

    /// Four commands at most, each with a deadline: together shorter than the lock lasts, so
    /// nobody else is in here.
    async fn issue(&self, user: &UserId) -> Result<Outcome, Failed> {
        if self.redis.sismember(&self.keys.winners, user.as_str()).await? {
            return Ok(Outcome::Again);
        }
        let left: u64 = self.redis.get(&self.keys.left).await?;
        if left == 0 {
            return Ok(Outcome::SoldOut);
        }
        // First the unit, then the winner: a failure in between leaves one unsold.
        let left: u64 = self.redis.decr(&self.keys.left).await?;
        self.redis.sadd::<(), _, _>(&self.keys.winners, user.as_str()).await?;
        Ok(Outcome::Won { sequence: self.stock - left })
    }

    async fn result(&self, user: &UserId) -> Result<Outcome, Failed> {
        let won = self.redis.sismember(&self.keys.winners, user.as_str()).await?;
        Ok(if won { Outcome::Again } else { Outcome::Pending })
    }
}
