//! One connection to MySQL.

use std::sync::Arc;
use std::time::Duration;

use links::tls::{Authorities, Tls};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts, OptsBuilder, Params, SslOpts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::error::{StoreError, said};
use super::sql;
use crate::metrics::{self, Sessions};

/// To connect, log in and set the session up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For a session of a bounded store to become free.
const ROOM_TIMEOUT: Duration = Duration::from_secs(2);
/// For each statement. Longer than [`LOCK_WAIT_S`], so that a lock is given up by the server.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server lets a statement wait for a row's lock.
const LOCK_WAIT_S: u32 = 3;
/// The server ends a session that has asked nothing for so long, and undoes its transaction: one
/// whose process hangs in the middle must not hold its locks against the next leader.
const SERVER_PATIENCE_S: u32 = 8;
/// A session that was idle for so long is not used again; the server may be about to end it.
const FRESH_FOR: Duration = Duration::from_secs(4);
/// Statements that a connection keeps prepared: all of `sql` and the sizes of its lists.
const PREPARED_STATEMENTS: usize = 64;

/// Where MySQL is and who we are there. Never printed: it holds the password.
#[derive(Clone)]
pub struct DatabaseUrl(Opts);

/// The text is not a MySQL URL. It is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not mysql://user:password@host:port/database")]
pub struct BadUrl;

impl DatabaseUrl {
    /// Reads `mysql://user:password@host:port/database`; the database must be named. A URL that
    /// asks for TLS is refused: [`DatabaseUrl::over`] is how, and one of two would be passed over.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let opts = Opts::from_url(text).map_err(|_| BadUrl)?;
        match (opts.user(), opts.db_name(), opts.ssl_opts()) {
            (Some(user), Some(name), None) if !user.is_empty() && !name.is_empty() => {
                Ok(Self(opts))
            }
            _ => Err(BadUrl),
        }
    }

    /// The same place, over TLS where there is some: then a server that cannot show who it is, or
    /// that speaks plain text alone, is refused.
    pub fn over(self, tls: Option<&Tls>) -> Self {
        let authorities = match tls.map(Tls::authorities) {
            None => return self,
            Some(Authorities::Public) => SslOpts::default(),
            Some(Authorities::File(path)) => SslOpts::default()
                .with_root_certs(vec![path.clone().into()])
                .with_disable_built_in_roots(true),
        };
        Self(OptsBuilder::from_opts(self.0).ssl_opts(authorities).into())
    }
}

/// Opens sessions. A clone is cheap, and shares its bound.
#[derive(Clone)]
pub struct Store {
    opts: Opts,
    room: Option<Room>,
}

/// How many sessions there may be at once, for those who must leave connections to others.
#[derive(Clone)]
struct Room(Arc<Semaphore>);

impl Store {
    /// A store at that place; connects to nothing yet.
    pub fn new(url: &DatabaseUrl) -> Self {
        let opts = OptsBuilder::from_opts(url.0.clone())
            .prefer_socket(false)
            .tcp_nodelay(true)
            .stmt_cache_size(PREPARED_STATEMENTS)
            // Affected rows are rows that changed: an insert that met its own row counts 0.
            .client_found_rows(false)
            .init(sql::session_settings(LOCK_WAIT_S, SERVER_PATIENCE_S));
        Self { opts: opts.into(), room: None }
    }

    /// The same place with so many sessions at once. Whoever holds one must not ask for another:
    /// [`Store::renew`] is for that.
    pub fn bounded(&self, sessions: usize) -> Self {
        Self { opts: self.opts.clone(), room: Some(Room(Arc::new(Semaphore::new(sessions)))) }
    }

    /// A new session, within 3 s; where they are bounded, within 2 s more.
    pub async fn connect(&self) -> Result<Session, StoreError> {
        let place = match &self.room {
            Some(room) => Some(room.enter(ROOM_TIMEOUT).await?),
            None => None,
        };
        let of = if self.room.is_some() { Sessions::Admin } else { Sessions::Own };
        let conn = Some(self.open().await?);
        Ok(Session { conn, answered: Instant::now(), _counted: Counted::new(of), _place: place })
    }

    async fn open(&self) -> Result<Conn, StoreError> {
        let opened = self.try_open().await;
        opened.inspect_err(|_| metrics::mysql_refused())
    }

    async fn try_open(&self) -> Result<Conn, StoreError> {
        match timeout(CONNECT_TIMEOUT, Box::pin(Conn::new(self.opts.clone()))).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(StoreError::Unreachable(said(&error))),
            Err(_) => {
                let text = format!("no connection within {CONNECT_TIMEOUT:?}");
                Err(StoreError::Unreachable(text))
            }
        }
    }

    /// Another connection where a session cannot be used any more.
    pub async fn renew(&self, session: &mut Session) -> Result<(), StoreError> {
        if !session.is_fresh() {
            session.conn = None;
            session.conn = Some(self.open().await?);
            session.answered = Instant::now();
        }
        Ok(())
    }
}

/// Counts in the gauge of sessions for as long as it lives.
struct Counted(Sessions);

impl Counted {
    fn new(of: Sessions) -> Self {
        metrics::mysql_opened(of);
        Self(of)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::mysql_closed(self.0);
    }
}

impl Room {
    /// Waits for a place, for so long at most.
    async fn enter(&self, patience: Duration) -> Result<OwnedSemaphorePermit, StoreError> {
        let place = timeout(patience, Arc::clone(&self.0).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(StoreError::Busy(patience))
    }
}

/// One connection, used by one task.
///
/// It is spent after any error and after a query whose future was dropped: the server's answer may
/// still be on its way. Make another one.
pub struct Session {
    conn: Option<Conn>,
    answered: Instant,
    _counted: Counted,
    /// Where sessions are bounded; given back after the connection.
    _place: Option<OwnedSemaphorePermit>,
}

impl Session {
    /// Whether it can be used: it met no error, and was not idle for 4 s.
    pub fn is_fresh(&self) -> bool {
        self.conn.is_some() && self.answered.elapsed() < FRESH_FOR
    }

    /// All rows of a query.
    pub(super) async fn rows<T: FromRow + Send + 'static>(
        &mut self,
        statement: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let mut conn = self.conn.take().ok_or(StoreError::Spent)?;
        // Boxed here and below: whoever asks is several futures above, and what is deeper than these
        // is beyond the compiler.
        let answer = timeout(QUERY_TIMEOUT, Box::pin(conn.exec(statement, params))).await;
        self.settle(conn, statement, QUERY_TIMEOUT, answer)
    }

    /// The first row of a query.
    pub(super) async fn row<T: FromRow + Send + 'static>(
        &mut self,
        statement: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(statement, params).await?.into_iter().next())
    }

    /// Changes rows; returns how many changed.
    pub(super) async fn change(
        &mut self,
        statement: &str,
        params: impl Into<Params> + Send,
    ) -> Result<u64, StoreError> {
        let mut conn = self.conn.take().ok_or(StoreError::Spent)?;
        let answer = timeout(QUERY_TIMEOUT, Box::pin(conn.exec_drop(statement, params))).await;
        let changed = conn.affected_rows();
        self.settle(conn, statement, QUERY_TIMEOUT, answer)?;
        Ok(changed)
    }

    /// Runs a statement that cannot be prepared, within `deadline`.
    pub(super) async fn plain(
        &mut self,
        statement: &str,
        deadline: Duration,
    ) -> Result<(), StoreError> {
        let mut conn = self.conn.take().ok_or(StoreError::Spent)?;
        let answer = timeout(deadline, Box::pin(conn.query_drop(statement))).await;
        self.settle(conn, statement, deadline, answer)
    }

    /// Begins a transaction. Dropping the session undoes it.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        self.plain(sql::BEGIN, QUERY_TIMEOUT).await
    }

    /// Makes a transaction last. After an error it may or may not have.
    pub async fn commit(&mut self) -> Result<(), StoreError> {
        self.plain(sql::COMMIT, QUERY_TIMEOUT).await
    }

    /// Undoes a transaction.
    pub async fn roll_back(&mut self) -> Result<(), StoreError> {
        self.plain(sql::ROLLBACK, QUERY_TIMEOUT).await
    }

    /// Keeps the connection only after an answer that was read to its end.
    fn settle<T>(
        &mut self,
        conn: Conn,
        statement: &str,
        deadline: Duration,
        answer: Result<mysql_async::Result<T>, Elapsed>,
    ) -> Result<T, StoreError> {
        match answer {
            Ok(Ok(answer)) => {
                self.conn = Some(conn);
                self.answered = Instant::now();
                Ok(answer)
            }
            Ok(Err(error)) => Err(StoreError::of_query(statement, error)),
            Err(_) => Err(StoreError::late(statement, deadline)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_place_is_told_so_and_a_place_comes_free_again() {
        let room = Room(Arc::new(Semaphore::new(1)));
        let patience = Duration::from_millis(1);
        let place = room.enter(patience).await.unwrap();
        let refused = room.clone().enter(patience).await.err().unwrap();
        assert!(matches!(refused, StoreError::Busy(_)), "{refused}");
        drop(place);
        assert!(room.enter(patience).await.is_ok());
    }

    #[test]
    fn a_url_names_user_and_database() {
        assert!(DatabaseUrl::parse("mysql://user:secret@127.0.0.1:3306/firstcome").is_ok());
        for bad in ["", "firstcome", "mysql://127.0.0.1/firstcome", "mysql://user@127.0.0.1"] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
        let encrypted = "mysql://user:secret@127.0.0.1/firstcome?require_ssl=true";
        assert!(DatabaseUrl::parse(encrypted).is_err());
    }
}
