//! The rush: a crowd of users asks for one event's coupons over a number of connections, asks
//! again as told, and writes down every request and every answer.
//!
//! The client shares the machine with the servers, so it is lean: one hyper connection and one
//! task each, no allocation that a request does not need, one thread for the file.

pub mod answer;
pub mod connection;
pub mod drive;
pub mod event;
pub mod line;
pub mod live;
pub mod names;
pub mod operation;
pub mod plan;
pub mod progress;
pub mod recorder;
pub mod schedule;
#[cfg(test)]
mod tests;
pub mod worker;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;

use connection::Connection;
use line::Header;
use live::Live;
use names::Names;
use operation::Operated;
use recorder::{Entry, Recorder, Writer};
use schedule::{Crowd, Schedule};
use worker::{Shared, keep_time, work};

pub use drive::{drive, drive_beside};
pub use line::Origin;
pub use plan::{Plan, Through, Wanted};
pub use progress::Display;

/// A rush that is to be run.
#[derive(Debug, Clone)]
pub struct Rush {
    /// What is asked for: the first line of the history, its beginning filled in by [`Rush::run`].
    pub header: Header,
    /// Who asks.
    pub crowd: Crowd,
    /// Connections, spread evenly over the addresses.
    pub connections: usize,
    /// NGINX, or each edge.
    pub addresses: Vec<SocketAddr>,
    /// Where the history is written; what was there is replaced.
    pub history: PathBuf,
}

/// Why a rush could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RushError {
    /// There is nobody to ask.
    #[error("a rush needs at least one address and one connection")]
    NoAddress,
    /// The history could not be written.
    #[error("cannot write the history {path}: {source}")]
    History {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A rush under way.
pub struct Running {
    history: PathBuf,
    began: Instant,
    workers: JoinSet<()>,
    /// The time keeper, which ends with the rush.
    time: JoinSet<()>,
    writer: Writer,
    recorder: Recorder,
}

impl Rush {
    /// Starts to ask.
    pub fn start(mut self, live: &Arc<Live>) -> Result<Running, RushError> {
        if self.addresses.is_empty() || self.connections == 0 {
            return Err(RushError::NoAddress);
        }
        self.header.began_ms = unix_ms();
        let began = Instant::now();
        let names = Names::new(self.crowd.seed);
        let event = self.header.event.clone();
        let (writer, recorder) = Writer::start(&self.history, self.header, names, Arc::clone(live))
            .map_err(|source| RushError::History { path: self.history.clone(), source })?;
        let schedule = Schedule::new(self.crowd);
        let shared = Arc::new(Shared::new(began, event, names, schedule));
        let mut workers = JoinSet::new();
        for turn in 0..self.connections {
            let connection = Connection::new(self.addresses.clone(), turn);
            workers.spawn(run_worker(Arc::clone(&shared), connection, recorder.clone()));
        }
        let mut time = JoinSet::new();
        time.spawn(async move { keep_time(&shared).await });
        Ok(Running { history: self.history, began, workers, time, writer, recorder })
    }
}

async fn run_worker(shared: Arc<Shared>, connection: Connection, recorder: Recorder) {
    // An error means that the history cannot be written; the writer says why when it is finished.
    let _gone = work(&shared, connection, recorder).await;
}

impl Running {
    /// Waits until everybody has a definite answer or has given up.
    ///
    /// Ends early when the history cannot be written.
    pub async fn everybody(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    /// For noting in the history what happens beside the rush. Must be dropped before
    /// [`Running::finish`], which waits for it.
    pub fn notes(&self) -> Notes {
        Notes { began: self.began, recorder: self.recorder.clone() }
    }

    /// Stops whoever still asks, and waits until the history is on disk.
    pub async fn finish(mut self) -> Result<(), RushError> {
        self.workers.shutdown().await;
        self.time.shutdown().await;
        drop(self.recorder);
        let path = self.history;
        let written = self.writer.finish().await;
        written.map_err(|source| RushError::History { path, source })
    }
}

/// Notes what happens beside a rush.
pub struct Notes {
    began: Instant,
    recorder: Recorder,
}

impl Notes {
    /// Notes how many rows MySQL has by now.
    pub async fn persisted(&self, rows: u64) {
        let at_us = self.now_us();
        // Where nothing is written any more, the end of the rush says so.
        let _gone = self.recorder.record(Entry::Persisted { at_us, rows }).await;
    }

    /// Microseconds since the history began.
    pub fn now_us(&self) -> u64 {
        self.us_at(Instant::now())
    }

    /// Microseconds from the history's beginning to a moment; 0 where that came before it.
    pub fn us_at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// Notes what an operator did, once it is done or given up.
    pub async fn operated(&self, operated: Operated) {
        let _gone = self.recorder.record(Entry::Operated(operated)).await;
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
