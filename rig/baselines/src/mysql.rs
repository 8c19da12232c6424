//! MySQL for the baselines: a bounded number of connections, each question with a deadline.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::error::{Failed, within};

/// Connections of one process. The event's row lets one transaction through at a time; these keep
/// it busy, and MySQL allows 100.
const MAX_CONNECTIONS: usize = 32;
/// To connect and log in.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// For a free connection, when all are in use.
const FREE_WITHIN: Duration = Duration::from_secs(10);

/// Opens connections and keeps those that are free.
pub(crate) struct Mysql {
    opts: Opts,
    free: Mutex<Vec<Conn>>,
    permits: Semaphore,
}

impl Mysql {
    /// Connects to nothing yet.
    pub(crate) fn new(opts: OptsBuilder) -> Self {
        let opts = opts.prefer_socket(false).tcp_nodelay(true);
        Self { opts: opts.into(), free: Mutex::default(), permits: Semaphore::new(MAX_CONNECTIONS) }
    }

    /// A free connection, or a new one.
    pub(crate) async fn session(&self) -> Result<Session<'_>, Failed> {
        let late = || Failed::Late { what: "a free connection to MySQL", after: FREE_WITHIN };
        let permit = timeout(FREE_WITHIN, self.permits.acquire()).await.map_err(|_| late())?;
        let permit = permit.map_err(|_| late())?;
        let free = self.lock().pop();
        let conn = match free {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        Ok(Session { home: self, _permit: permit, conn })
    }

    /// A new connection that is nobody else's.
    pub(crate) async fn connect(&self) -> Result<Conn, Failed> {
        within(CONNECT_WITHIN, "MySQL", Conn::new(self.opts.clone())).await
    }

    // Each use is one push or pop, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Conn>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is used again only if it is put back: after an error or a question that was
/// given up, an answer may still be on its way, and a transaction open.
pub(crate) struct Session<'a> {
    home: &'a Mysql,
    _permit: SemaphorePermit<'a>,
    conn: Conn,
}

impl Session<'_> {
    /// For the next one to use: every answer was read and no transaction is open.
    pub(crate) fn put_back(self) {
        self.home.lock().push(self.conn);
    }
}

impl Deref for Session<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Session<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}
