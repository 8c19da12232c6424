//! Waits until what is on its way has arrived, then judges.

use std::time::Duration;

use contract::ids::EventId;
use links::redis::{BadNode, Cluster, RedisConfig, RedisError};
use tokio::time::{Instant, sleep};

use super::history::History;
use super::mysql::{Mysql, MysqlError};
use super::redis::{outbox_is_empty, snapshot};
use super::snapshot::RedisSnapshot;
use super::verdict::Verdict;
use crate::stack::{Handle, PartKind, StackError};

/// A relay publishes what a dead edge left within 5 s, and a persister takes over within 6 s.
pub const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where the checker reads.
pub struct Sources {
    /// Redis.
    pub redis: Cluster,
    /// MySQL.
    pub mysql: Mysql,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum NoVerdict {
    /// The stack does not say where things are.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The addresses of Redis are wrong.
    #[error(transparent)]
    Nodes(#[from] BadNode),
    /// Redis did not say.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// MySQL did not say.
    #[error(transparent)]
    Mysql(#[from] MysqlError),
}

impl Sources {
    /// Those of a running stack.
    pub async fn of(stack: &Handle) -> Result<Self, NoVerdict> {
        let nodes = stack.addresses(PartKind::Redis).iter().map(ToString::to_string).collect();
        Ok(Self {
            redis: Cluster::connect(RedisConfig::plain(nodes)).await?,
            mysql: Mysql::new(&stack.mysql_url()?)?,
        })
    }

    /// Judges as soon as nothing is on its way any more, or `within` has passed.
    pub async fn judge(
        &mut self,
        history: &History,
        within: Duration,
    ) -> Result<Verdict, NoVerdict> {
        let deadline = Instant::now() + within;
        loop {
            let verdict = self.look(history).await;
            let late = Instant::now() >= deadline;
            match verdict {
                Ok(Some(verdict)) if late || !verdict.may_settle() => return Ok(verdict),
                Err(error) if late => return Err(error),
                // With an outbox that does not empty, the last look is at everything.
                Ok(None) if late => return self.whole(history).await,
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Cheap as long as something is obviously on its way.
    async fn look(&mut self, history: &History) -> Result<Option<Verdict>, NoVerdict> {
        let event = &history.header.event;
        if !outbox_is_empty(&self.redis, event).await? {
            return Ok(None);
        }
        if self.mysql.count(event).await? < history.coupons_told() {
            return Ok(None);
        }
        self.whole(history).await.map(Some)
    }

    async fn whole(&mut self, history: &History) -> Result<Verdict, NoVerdict> {
        let event: &EventId = &history.header.event;
        let mut redis = snapshot(&self.redis, event).await?;
        let mysql = self.mysql.snapshot(event).await?;
        // Of an archived event the rows alone are held against what was told. Keys that are still
        // there are looked at like any others.
        if mysql.archived && redis.is_empty() {
            redis = RedisSnapshot::by_rows(&mysql);
        }
        Ok(super::check(history, &redis, &mysql))
    }
}
