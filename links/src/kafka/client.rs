//! The client that all partitions of a process share, and its successors.

use std::sync::Arc;
use std::time::Duration;

use rskafka::BackoffConfig;
use rskafka::client::{Client, ClientBuilder};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

use super::config::KafkaConfig;
use super::error::KafkaError;
use super::partition::Partition;

/// To find a broker that answers and to learn who leads what.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Who reaches for a leader again needs to know who leads now, not who led this long ago.
const FRESH: Duration = Duration::from_secs(1);
/// The largest answer of a broker.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The Kafka cluster. Connects when it is first used; a clone is cheap and shares everything.
///
/// To be used inside one tokio runtime: its connections live there.
#[derive(Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

struct Inner {
    config: KafkaConfig,
    current: Mutex<Generation>,
}

/// The client, and how many were made before it. A client knows who led the partitions when it
/// was made and may never learn more, so one that led to a failure is not used again.
#[derive(Default)]
struct Generation {
    number: u64,
    made: Option<(Instant, Arc<Client>)>,
}

impl Generation {
    /// The client, if it is good for a call that last failed with generation `failed` (0: none).
    fn good_after(&self, failed: u64) -> Option<Arc<Client>> {
        let (made, client) = self.made.as_ref()?;
        let good = failed == 0 || (self.number > failed && made.elapsed() < FRESH);
        good.then(|| Arc::clone(client))
    }
}

impl Kafka {
    /// The cluster that the brokers belong to.
    pub fn new(config: KafkaConfig) -> Self {
        Self { inner: Arc::new(Inner { config, current: Mutex::default() }) }
    }

    /// The cluster that these brokers (`host:port`) belong to, in plain text and as nobody.
    pub fn plain(brokers: Vec<String>) -> Self {
        Self::new(KafkaConfig::plain(brokers))
    }

    /// A partition of a topic. Calls on one [`Partition`] share a connection, on which Kafka
    /// answers one at a time: use one for fetches that wait and another to produce.
    pub fn partition(&self, topic: impl Into<Arc<str>>, partition: i32) -> Partition {
        Partition::new(self.clone(), topic.into(), partition)
    }

    /// The brokers that were named.
    pub(super) fn brokers(&self) -> &[String] {
        &self.inner.config.brokers
    }

    pub(super) fn config(&self) -> &KafkaConfig {
        &self.inner.config
    }

    /// A client, and its generation, for a call that last failed with generation `failed` (0:
    /// none), within [`CONNECT_TIMEOUT`].
    pub(super) async fn client(&self, failed: u64) -> Result<(u64, Arc<Client>), KafkaError> {
        timeout(CONNECT_TIMEOUT, self.good_after(failed))
            .await
            .map_err(|_| KafkaError::NotSent(format!("no broker within {CONNECT_TIMEOUT:?}")))?
    }

    async fn good_after(&self, failed: u64) -> Result<(u64, Arc<Client>), KafkaError> {
        // Held while connecting: whoever waits takes the client that comes of it.
        let mut current = self.inner.current.lock().await;
        if let Some(client) = current.good_after(failed) {
            return Ok((current.number, client));
        }
        let client = Arc::new(connect(&self.inner.config).await?);
        let number = current.number + 1;
        *current = Generation { number, made: Some((Instant::now(), Arc::clone(&client))) };
        info!(generation = number, "connected to Kafka");
        Ok((number, client))
    }
}

/// Asks all brokers at once and takes the first that answers: one that hangs delays nothing.
async fn connect(config: &KafkaConfig) -> Result<Client, KafkaError> {
    let mut tries = JoinSet::new();
    for broker in &config.brokers {
        let mut builder = ClientBuilder::new(vec![broker.clone()])
            .client_id("firstcome")
            .max_message_size(MAX_MESSAGE_BYTES)
            .backoff_config(no_retries());
        if let Some(tls) = &config.tls {
            builder = builder.tls_config(tls.config());
        }
        if let Some(login) = &config.login {
            builder = builder.sasl_config(login.for_rskafka());
        }
        tries.spawn(builder.build());
    }
    let mut last = "no broker is named".to_owned();
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => last = error.to_string(),
            Err(error) => last = error.to_string(),
        }
        debug!(error = last, "a Kafka broker cannot be reached");
    }
    Err(KafkaError::NotSent(last))
}

/// rskafka gives up at the first error: it would send a produce twice and knows no deadline.
fn no_retries() -> BackoffConfig {
    BackoffConfig { deadline: Some(Duration::ZERO), ..BackoffConfig::default() }
}
