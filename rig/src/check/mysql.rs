//! What MySQL has of an event. Reads only; all of rig's SQL about coupons is here.

use std::time::Duration;

use contract::coupon::CouponState;
use contract::ids::{Attempt, CouponId, EventId};
use contract::record::{MAX_RECORD_BYTES, Record, decode};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts, OptsBuilder, Params, Row};
use tokio::time::timeout;

use super::snapshot::{Holding, Letter, LetterState, MysqlSnapshot, Rearm, Reason};

/// To connect and log in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For each statement; counting a million rows takes about 0.2 s.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows that are read at once.
const PAGE_ROWS: u64 = 20_000;

const SELECT_EVENT: &str = "\
    SELECT stock, per_user_limit, epoch, phase = 'archived' AND carried_version = version \
    FROM events WHERE event_id = ?";
const COUNT_ROWS: &str = "SELECT COUNT(*) FROM coupons WHERE event_id = ?";
const SUM_OFFSETS: &str =
    "SELECT CAST(COALESCE(SUM(next_offset), 0) AS SIGNED) FROM partitions WHERE topic = ?";
const COUNT_DEAD_LETTERS: &str = "SELECT COUNT(*) FROM dead_letters";
const SELECT_ROWS: &str = "\
    SELECT coupon_id, user_id, user_nth, sequence, quantity, attempt, state FROM coupons \
    WHERE event_id = ? AND sequence > ? ORDER BY sequence LIMIT ?";
const SELECT_EPOCHS: &str = "\
    SELECT epoch, CAST(UNIX_TIMESTAMP(started_at) * 1000 AS UNSIGNED), \
      CAST(UNIX_TIMESTAMP(opened_at) * 1000 AS UNSIGNED) \
    FROM event_epochs WHERE event_id = ? ORDER BY epoch";
const SELECT_LETTERS: &str = "\
    SELECT coupon_id, reason, LEFT(record, ?) AS record, resolved_at IS NULL AS waits, \
      COALESCE(resolution = 'given_up', FALSE) AS given_up \
    FROM dead_letters WHERE event_id = ? LIMIT ?";
/// Dead letters that are read: a flood of poison has no coupons.
const MAX_LETTERS: u64 = 100_000;

/// Why MySQL did not say.
#[derive(Debug, thiserror::Error)]
pub enum MysqlError {
    /// The address cannot be read.
    #[error("not mysql://user:password@host:port/database")]
    Url,
    /// No answer in time.
    #[error("MySQL did not answer in time")]
    TooLate,
    /// It answered with an error, or the connection was lost.
    #[error("MySQL: {0}")]
    Failed(Box<mysql_async::Error>),
    /// A row is not what sql/ describes.
    #[error("MySQL: the {0} of a coupon cannot be read")]
    Column(&'static str),
    /// It does not know the event.
    #[error("MySQL has no event {0}")]
    UnknownEvent(EventId),
}

/// A connection that is made when it is needed, and again after any failure.
pub struct Mysql {
    opts: Opts,
    conn: Option<Conn>,
}

impl Mysql {
    /// MySQL at `mysql://user:password@host:port/database`; connects to nothing yet.
    pub fn new(url: &str) -> Result<Self, MysqlError> {
        let opts = Opts::from_url(url).map_err(|_| MysqlError::Url)?;
        let opts = OptsBuilder::from_opts(opts)
            .prefer_socket(false)
            // Columns are in UTC; UNIX_TIMESTAMP reads them in the session's zone.
            .init(vec!["SET time_zone = '+00:00'"])
            .into();
        Ok(Self { opts, conn: None })
    }

    /// How many rows an event has, returned ones included.
    pub async fn count(&mut self, event: &EventId) -> Result<u64, MysqlError> {
        let counts: Vec<u64> = self.query(COUNT_ROWS, (event.as_str(),)).await?;
        Ok(counts.first().copied().unwrap_or(0))
    }

    /// How many records of a topic have been read, of all its partitions together.
    pub async fn next_offsets(&mut self, topic: &str) -> Result<i64, MysqlError> {
        let sums: Vec<i64> = self.query(SUM_OFFSETS, (topic,)).await?;
        Ok(sums.first().copied().unwrap_or(0))
    }

    /// How many dead letters there are, of all events and of none.
    pub async fn count_dead_letters(&mut self) -> Result<u64, MysqlError> {
        let counts: Vec<u64> = self.query(COUNT_DEAD_LETTERS, ()).await?;
        Ok(counts.first().copied().unwrap_or(0))
    }

    /// All of an event.
    pub async fn snapshot(&mut self, event: &EventId) -> Result<MysqlSnapshot, MysqlError> {
        let events: Vec<(u64, u32, u64, bool)> =
            self.query(SELECT_EVENT, (event.as_str(),)).await?;
        let &[(stock, limit, epoch, archived)] = events.as_slice() else {
            return Err(MysqlError::UnknownEvent(event.clone()));
        };
        let rearms = self.rearms(event).await?;
        let letters = self.letters(event).await?;
        let (mut rows, mut after) = (Vec::new(), 0);
        loop {
            let page = (event.as_str(), after, PAGE_ROWS);
            let page: Vec<Row> = self.query(SELECT_ROWS, page).await?;
            let Some(last) = page.last() else {
                return Ok(MysqlSnapshot { stock, limit, epoch, archived, rows, rearms, letters });
            };
            after = column(last, "sequence")?;
            let page: Result<Vec<Holding>, MysqlError> = page.iter().map(holding).collect();
            rows.append(&mut page?);
        }
    }

    async fn rearms(&mut self, event: &EventId) -> Result<Vec<Rearm>, MysqlError> {
        let rows = self.query(SELECT_EPOCHS, (event.as_str(),)).await?;
        let rearm = |(epoch, started_ms, opened_ms): (u64, u64, Option<u64>)| Rearm {
            epoch,
            started_ms,
            opened_ms,
        };
        Ok(rows.into_iter().map(rearm).collect())
    }

    async fn letters(&mut self, event: &EventId) -> Result<Vec<Letter>, MysqlError> {
        let params = (MAX_RECORD_BYTES, event.as_str(), MAX_LETTERS);
        let rows: Vec<Row> = self.query(SELECT_LETTERS, params).await?;
        rows.iter().map(letter).collect()
    }

    async fn query<T: FromRow + Send + 'static>(
        &mut self,
        statement: &'static str,
        params: impl Into<Params> + Send,
    ) -> Result<Vec<T>, MysqlError> {
        // Taken out: after a failure or a cancel, an answer may still be on its way to this one.
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => bounded(CONNECT_TIMEOUT, Conn::new(self.opts.clone())).await?,
        };
        let rows = bounded(QUERY_TIMEOUT, conn.exec(statement, params.into())).await?;
        self.conn = Some(conn);
        Ok(rows)
    }
}

async fn bounded<T>(
    within: Duration,
    work: impl Future<Output = mysql_async::Result<T>>,
) -> Result<T, MysqlError> {
    match timeout(within, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(MysqlError::Failed(Box::new(error))),
        Err(_) => Err(MysqlError::TooLate),
    }
}

fn holding(row: &Row) -> Result<Holding, MysqlError> {
    let text = |name| column::<String>(row, name);
    let bytes = |name| -> Result<Option<[u8; 16]>, MysqlError> {
        let bytes: Option<Vec<u8>> = column(row, name)?;
        let fixed = |bytes: Vec<u8>| bytes.try_into().map_err(|_| MysqlError::Column(name));
        bytes.map(fixed).transpose()
    };
    let coupon = bytes("coupon_id")?.ok_or(MysqlError::Column("coupon_id"))?;
    Ok(Holding {
        user: text("user_id")?.parse().map_err(|_| MysqlError::Column("user_id"))?,
        coupon: CouponId::from_bytes(coupon),
        sequence: column(row, "sequence")?,
        nth: column(row, "user_nth")?,
        quantity: column(row, "quantity")?,
        attempt: Attempt::from_bytes(bytes("attempt")?),
        state: CouponState::parse(&text("state")?).ok_or(MysqlError::Column("state"))?,
    })
}

fn letter(row: &Row) -> Result<Letter, MysqlError> {
    let coupon: Option<Vec<u8>> = column(row, "coupon_id")?;
    let record: Option<Vec<u8>> = column(row, "record")?;
    let reason: String = column(row, "reason")?;
    let state = match (column(row, "waits")?, column(row, "given_up")?) {
        (true, _) => LetterState::Waits,
        (false, true) => LetterState::GivenUp,
        (false, false) => LetterState::Settled,
    };
    let told = match decode(record.as_deref().unwrap_or_default()) {
        Ok(Record::Issued(win)) => Some(win.told),
        _ => None,
    };
    Ok(Letter {
        coupon: coupon.and_then(|bytes| bytes.try_into().ok()).map(CouponId::from_bytes),
        reason: if reason == "void" { Reason::Void } else { Reason::Other },
        told,
        state,
    })
}

fn column<T: mysql_async::prelude::FromValue>(
    row: &Row,
    name: &'static str,
) -> Result<T, MysqlError> {
    let value = row.get_opt::<T, _>(name).ok_or(MysqlError::Column(name))?;
    value.map_err(|_| MysqlError::Column(name))
}
