//! V4: the usual Lua script, one EVALSHA a claim through one shared client, then a record to
//! Kafka, which the answer does not wait for.

use std::error::Error;
use std::sync::Arc;

use contract::ids::{EventId, UserId};
use fred::clients::Client;
use fred::interfaces::SetsInterface;
use fred::types::scripts::Script;
use links::kafka::Kafka;
use serde_json::json;

use crate::claim::{self, Asked, Outcome};
use crate::cli::Sale;
use crate::error::Failed;
use crate::queue::{self, Queue};
use crate::redis::{Keys, Redis};

/// What its keys begin with.
pub(crate) const NAME: &str = "v4";

/// The sequence number of a new win; 0: sold out; -1: had won before.
const CLAIM: &str = "\
if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return -1 end
local left = tonumber(redis.call('GET', KEYS[2]))
if left <= 0 then return 0 end
redis.call('DECR', KEYS[2])
redis.call('SADD', KEYS[3], ARGV[1])
return tonumber(redis.call('GET', KEYS[1])) - left + 1";

struct Shop {
    redis: Client,
    keys: Keys,
    claim: Script,
    event: EventId,
    queue: Queue,
}

/// Begins the sale anew and serves it.
pub(crate) async fn run(
    sale: Sale,
    redis: Redis,
    brokers: Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let redis = redis.client().await?;
    let keys = Keys::new(NAME, &sale.event);
    keys.begin(&redis, sale.stock).await?;
    let claim = Script::from_lua(CLAIM);
    claim.load(&redis).await?;
    let topic = queue::topic(NAME, &sale.event);
    queue::make_topic(&brokers, &topic).await?;
    let queue = Queue::new(&Kafka::plain(brokers), &topic);
    let shop = Arc::new(Shop { redis, keys, claim, event: sale.event.clone(), queue });
    claim::serve(sale.listen, sale.event, move |asked, user| {
        let shop = Arc::clone(&shop);
        async move { shop.answer(asked, &user).await }
    })
    .await
}

impl Shop {
    async fn answer(&self, asked: Asked, user: &UserId) -> Result<Outcome, Failed> {
        if asked == Asked::Result {
            let won = self.redis.sismember(&self.keys.winners, user.as_str()).await?;
            return Ok(if won { Outcome::Again } else { Outcome::Pending });
        }
        let keys = vec![&self.keys.stock, &self.keys.left, &self.keys.winners];
        let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        let claimed = self.claim.evalsha_with_reload(&self.redis, keys, user.as_str());
        let claimed: i64 = claimed.await?;
        match u64::try_from(claimed) {
            Err(_) => Ok(Outcome::Again),
            Ok(0) => Ok(Outcome::SoldOut),
            Ok(sequence) => {
                self.publish(user, sequence).await?;
                Ok(Outcome::Won { sequence })
            }
        }
    }

    async fn publish(&self, user: &UserId, sequence: u64) -> Result<(), Failed> {
        let value = json!({
            "event_id": self.event.as_str(), "user_id": user.as_str(), "sequence": sequence,
        });
        // Whether Kafka has it is not awaited: that is what a lost win costs here.
        self.queue.send(user, value.to_string().into_bytes()).await.map(drop)
    }
}
