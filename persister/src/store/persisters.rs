//! Which persisters run, as each of them says.

use super::error::StoreError;
use super::session::Session;
use super::sql;

/// One that has said nothing for so long ended, hangs, or does not reach MySQL.
pub const LIVE_FOR_S: u32 = 10;
/// The most that are told of.
const MOST: u32 = 100;

/// A persister that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// Its build's version.
    pub version: String,
    /// The formats that it reads and writes.
    pub formats: String,
}

impl Session {
    /// Says that a persister runs.
    pub async fn say_persister_runs(&mut self, it: &Running) -> Result<(), StoreError> {
        let Running { name, version, formats } = it;
        let params = (name, version, formats, version, formats);
        self.change(sql::SAY_PERSISTER_RUNS, params).await?;
        Ok(())
    }

    /// It runs no more.
    pub async fn take_persister_back(&mut self, name: &str) -> Result<(), StoreError> {
        self.change(sql::TAKE_PERSISTER_BACK, (name,)).await?;
        Ok(())
    }

    /// Forgets those that said nothing for a day.
    pub async fn forget_persisters(&mut self) -> Result<(), StoreError> {
        self.change(sql::FORGET_PERSISTERS, ()).await?;
        Ok(())
    }

    /// Those that said within [`LIVE_FOR_S`] that they run, by name.
    pub async fn persisters(&mut self) -> Result<Vec<Running>, StoreError> {
        let rows: Vec<(String, String, String)> =
            self.rows(sql::PERSISTERS, (LIVE_FOR_S, MOST)).await?;
        let running = |(name, version, formats)| Running { name, version, formats };
        Ok(rows.into_iter().map(running).collect())
    }
}
