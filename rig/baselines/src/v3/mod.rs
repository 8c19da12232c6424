//! V3: a claim becomes a record in Kafka and is answered PENDING; a consumer decides, and writes
//! to MySQL. Who wants to know asks again, at `/api/v1/coupons/result`.

mod consumer;
mod decide;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::{EventId, UserId};
use links::kafka::Kafka;
use tokio::task::JoinSet;

use self::consumer::Consumer;
pub(crate) use self::consumer::decided;
use crate::claim::{self, Asked, Outcome};
use crate::cli::Sale;
use crate::error::{Failed, within};
use crate::ledger::{self, Tables};
use crate::mysql::Mysql;
use crate::queue::{self, PARTITIONS, Queue};

/// What its topic begins with.
const NAME: &str = "v3";
/// The tables.
pub(crate) const TABLES: Tables = Tables { events: "bench_v3_events", wins: "bench_v3_wins" };
/// For Kafka to have a claim. Until then it is not pending, it is nowhere.
const ENQUEUED_WITHIN: Duration = Duration::from_secs(10);
/// For the question after a claim's result.
const RESULT_WITHIN: Duration = Duration::from_secs(5);

struct Shop {
    mysql: Arc<Mysql>,
    event: EventId,
    queue: Queue,
}

/// Begins the sale anew and serves it; decides beside it, in the same process.
pub(crate) async fn run(
    sale: Sale,
    mysql: Mysql,
    brokers: Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let mysql = Arc::new(mysql);
    let topic = queue::topic(NAME, &sale.event);
    queue::make_topic(&brokers, &topic).await?;
    ledger::begin(&mut mysql.connect().await?, &TABLES, &sale).await?;
    let kafka = Kafka::plain(brokers);
    let mut consumers = JoinSet::new();
    for number in 0..PARTITIONS {
        let partition = kafka.partition(topic.as_str(), number);
        let consumer = Consumer::begin(partition, Arc::clone(&mysql), sale.event.clone()).await?;
        consumers.spawn(consumer.run());
    }
    let queue = Queue::new(&kafka, &topic);
    let shop = Arc::new(Shop { mysql, event: sale.event.clone(), queue });
    let serving = claim::serve(sale.listen, sale.event, move |asked, user| {
        let shop = Arc::clone(&shop);
        async move { shop.answer(asked, &user).await }
    });
    tokio::select! {
        served = serving => served,
        ended = consumers.join_next() => Err(format!("a consumer ended: {ended:?}").into()),
    }
}

impl Shop {
    async fn answer(&self, asked: Asked, user: &UserId) -> Result<Outcome, Failed> {
        match asked {
            Asked::Issue => self.enqueue(user).await,
            Asked::Result => self.result(user).await,
        }
    }

    async fn enqueue(&self, user: &UserId) -> Result<Outcome, Failed> {
        let told = self.queue.send(user, Vec::new()).await?;
        within(ENQUEUED_WITHIN, "Kafka", async {
            told.await.map_err(|_| Failed::Unusable("the producer has ended"))
        })
        .await??;
        Ok(Outcome::Pending)
    }

    async fn result(&self, user: &UserId) -> Result<Outcome, Failed> {
        let mut session = self.mysql.session().await?;
        let result = ledger::result(&mut session, &TABLES, &self.event, user);
        let result = within(RESULT_WITHIN, "a result", result).await?;
        session.put_back();
        Ok(result)
    }
}
