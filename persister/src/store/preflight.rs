//! What MySQL says of itself, for whoever looks a system over before a sale.

use super::error::StoreError;
use super::session::Session;
use super::sql;

/// How the server is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As it names itself.
    pub version: String,
    /// `innodb_flush_log_at_trx_commit`; 1: a commit is on disk.
    pub flush_at_commit: i64,
    /// `sync_binlog`; 1: its binary log is, too.
    pub sync_binlog: i64,
}

impl Session {
    /// How the server is set.
    pub async fn server(&mut self) -> Result<Server, StoreError> {
        let row: Option<(String, i64, i64)> = self.row(sql::SERVER, ()).await?;
        let (version, flush_at_commit, sync_binlog) = row.unwrap_or_default();
        Ok(Server { version, flush_at_commit, sync_binlog })
    }

    /// How many replicas follow the server, where it says so; 0 where it does not.
    pub async fn replicas_connected(&mut self) -> Result<u64, StoreError> {
        let rows: Vec<(String, String)> = self.rows(sql::REPLICAS_CONNECTED, ()).await?;
        Ok(rows.iter().filter_map(|(_, count)| count.parse().ok()).max().unwrap_or(0))
    }

    /// Unix milliseconds on the server's clock.
    pub async fn clock_ms(&mut self) -> Result<u64, StoreError> {
        Ok(self.row(sql::CLOCK, ()).await?.unwrap_or_default())
    }
}
