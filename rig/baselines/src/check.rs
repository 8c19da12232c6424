//! What a baseline's store says of its sale.

use std::time::Duration;

use contract::ids::EventId;
use fred::interfaces::{KeysInterface, SetsInterface};
use mysql_async::Conn;
use serde::Serialize;

use crate::cli::{Checked, Waiting};
use crate::error::{Failed, within};
use crate::ledger::{self, Tables};
use crate::mysql::Mysql;
use crate::redis::{Keys, Redis};
use crate::{v1, v2, v3, v4};

/// To count everything.
const COUNT_WITHIN: Duration = Duration::from_secs(60);

/// Printed as one line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Counts {
    version: &'static str,
    event: EventId,
    /// Units for sale.
    stock: u64,
    /// Units that were given away.
    winners: u64,
    /// Users who have one.
    distinct_users: u64,
    /// Claims that were answered with a win or a loss, where the answer itself did not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<u64>,
}

impl Counts {
    /// What is wrong, if anything is.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        if self.winners > self.stock {
            return Some("oversold");
        }
        (self.winners != self.distinct_users).then_some("units and users differ")
    }
}

/// Asks the store.
pub(crate) async fn counts(checked: Checked) -> Result<Counts, Failed> {
    match checked {
        Checked::V1(at) => in_mysql("v1", &Mysql::new(at.at.opts()), at.event, &v1::TABLES).await,
        Checked::V3(at) => {
            let mysql = Mysql::new(at.at.opts());
            let counts = in_mysql("v3", &mysql, at.event, &v3::TABLES).await?;
            let mut conn = mysql.connect().await?;
            let decided =
                within(COUNT_WITHIN, "the offsets", v3::decided(&mut conn, &counts.event)).await?;
            Ok(Counts { decided: Some(decided), ..counts })
        }
        Checked::V2(at) => {
            in_redis(v2::name(Waiting::Polling), &Redis::new(&at.at.redis.0), at.event).await
        }
        Checked::V2Pubsub(at) => {
            in_redis(v2::name(Waiting::Told), &Redis::new(&at.at.redis.0), at.event).await
        }
        Checked::V4(at) => in_redis(v4::NAME, &Redis::new(&at.at.redis.0), at.event).await,
    }
}

async fn in_mysql(
    version: &'static str,
    mysql: &Mysql,
    event: EventId,
    tables: &Tables,
) -> Result<Counts, Failed> {
    let mut conn: Conn = mysql.connect().await?;
    let ((stock, issued), (winners, distinct_users)) = within(COUNT_WITHIN, "the rows", async {
        let stock = ledger::event(&mut conn, tables, &event).await?;
        Ok::<_, mysql_async::Error>((stock, ledger::count(&mut conn, tables, &event).await?))
    })
    .await?;
    if issued != winners {
        return Err(Failed::Unusable("the event's row and its wins differ"));
    }
    Ok(Counts { version, event, stock, winners, distinct_users, decided: None })
}

async fn in_redis(version: &'static str, redis: &Redis, event: EventId) -> Result<Counts, Failed> {
    let redis = redis.client().await?;
    let keys = Keys::new(version, &event);
    let stock: u64 = redis.get(&keys.stock).await?;
    // Below zero, more were given away than there were.
    let left: i64 = redis.get(&keys.left).await?;
    let distinct_users: u64 = redis.scard(&keys.winners).await?;
    let winners = stock.saturating_sub_signed(left);
    Ok(Counts { version, event, stock, winners, distinct_users, decided: None })
}
