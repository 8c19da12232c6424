//! The keys that tokens are verified with: read again and again, so that an issuer may change them.
//!
//! What cannot be read changes nothing: the last good keys stay. A token by a key that is not known
//! has the keys read early, at most once in a while.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::Utc;
use links::standing::{Dependency, State, Watched};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::fetch::{self, FetchError, KeysUrl};
use super::jwk::{self, BadSet, MAX_SET_BYTES, Origin};
use crate::metrics::KeyMetrics;

/// How long a request waits for keys to be read because of it.
const NEWER_WITHIN: Duration = Duration::from_secs(1);

/// Where keys are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A server.
    Url(KeysUrl),
}

/// When keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    /// After a read that went well.
    interval: Duration,
    /// After one that failed; and however many unknown keys are named, never sooner.
    pause: Duration,
}

/// Keys, as they were read last. A clone shares them.
#[derive(Clone)]
pub struct Keys(Arc<Shared>);

struct Shared {
    source: Source,
    current: ArcSwap<Current>,
    /// When it was tried last to read them.
    tried: watch::Sender<Instant>,
    /// Somebody named a key that is not known.
    wanted: Notify,
    standing: Watched,
    metrics: KeyMetrics,
}

/// The keys of a moment.
#[derive(Default)]
pub struct Current {
    /// By name.
    pub keys: jwk::Keys,
    /// Raised by every change; 0: none were read yet.
    pub generation: u64,
    /// What they were read from.
    pub(super) text: Vec<u8>,
}

/// Why keys were not read.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// The file says no.
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// The server says no.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was read is of no use.
    #[error(transparent)]
    Bad(#[from] BadSet),
}

impl Source {
    fn origin(&self) -> Origin {
        match self {
            Self::File(_) => Origin::File,
            Self::Url(_) => Origin::Url,
        }
    }

    fn pace(&self) -> Pace {
        let seconds = |interval, pause| Pace {
            interval: Duration::from_secs(interval),
            pause: Duration::from_secs(pause),
        };
        match self {
            Self::File(_) => seconds(2, 1),
            Self::Url(_) => seconds(300, 2),
        }
    }

    async fn text(&self) -> Result<Vec<u8>, NotRead> {
        match self {
            Self::File(path) => Ok(read_bounded(path).await?),
            Self::Url(url) => Ok(fetch::get(url).await?),
        }
    }

    async fn read(&self) -> Result<(Vec<u8>, jwk::Keys), NotRead> {
        let text = self.text().await?;
        let keys = jwk::parse(&text, self.origin())?;
        Ok((text, keys))
    }
}

/// Whether a file has keys that can be used, now. For a configuration that is being read.
pub fn check_file(path: &Path) -> Result<(), NotRead> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_SET_BYTES as u64 + 1).read_to_end(&mut text)?;
    jwk::parse(&text, Origin::File)?;
    Ok(())
}

/// One byte more than a set may have, at most: it is then refused as too long.
async fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(MAX_SET_BYTES as u64 + 1).read_to_end(&mut text).await?;
    Ok(text)
}

impl Keys {
    /// None yet.
    pub fn new(source: Source, metrics: KeyMetrics) -> Self {
        Self(Arc::new(Shared {
            source,
            current: ArcSwap::default(),
            tried: watch::Sender::new(Instant::now()),
            wanted: Notify::new(),
            standing: Watched::new("keys"),
            metrics,
        }))
    }

    /// The keys of now.
    pub fn current(&self) -> Arc<Current> {
        self.0.current.load_full()
    }

    /// Whether any were read.
    pub fn were_read(&self) -> bool {
        self.0.current.load().generation > 0
    }

    /// How the place stands that they are read from.
    pub fn standing(&self) -> Dependency {
        self.0.standing.last()
    }

    /// Has keys read because those of now do not do, and waits a moment for it; false where they
    /// were read just now.
    pub async fn newer(&self) -> bool {
        let before = *self.0.tried.borrow();
        if before.elapsed() < self.0.source.pace().pause {
            return false;
        }
        self.0.wanted.notify_one();
        let mut tried = self.0.tried.subscribe();
        let newer = tried.wait_for(|tried| *tried > before);
        matches!(timeout(NEWER_WITHIN, newer).await, Ok(Ok(_)))
    }

    /// Reads keys for ever.
    pub async fn follow(self) {
        let Pace { interval, pause } = self.0.source.pace();
        loop {
            let read = self.step().await;
            sleep(pause).await;
            if read.is_ok() {
                let rest = interval.saturating_sub(pause);
                // An early turn and one in time are the same.
                let _ = timeout(rest, self.0.wanted.notified()).await;
            }
        }
    }

    /// Reads keys once, and takes what is new.
    pub async fn step(&self) -> Result<(), NotRead> {
        let shared = &self.0;
        let read = shared.source.read().await;
        match &read {
            Ok(_) => shared.standing.note(State::Ok, ""),
            Err(error) => self.note_failure(error),
        }
        let read = read.map(|(text, keys)| self.take(text, keys));
        shared.metrics.read(read.is_ok(), Utc::now());
        shared.tried.send_replace(Instant::now());
        read
    }

    fn take(&self, text: Vec<u8>, keys: jwk::Keys) {
        let before = self.current();
        if before.generation > 0 && before.text == text {
            return;
        }
        let generation = before.generation + 1;
        let mut names: Vec<&str> = keys.keys().map(String::as_str).collect();
        names.sort_unstable();
        info!(kids = ?names, generation, "the keys of tokens were read");
        self.0.metrics.keys.set(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        self.0.current.store(Arc::new(Current { keys, generation, text }));
    }

    fn note_failure(&self, error: &NotRead) {
        let (state, kept) = match self.were_read() {
            true => (State::Degraded, "the last good ones stay"),
            false => (State::Down, "no token can be verified"),
        };
        // Once, not at every try.
        if self.standing().state != state {
            warn!(%error, "the keys of tokens cannot be read; {kept}");
        }
        self.0.standing.note(state, format!("{error}; {kept}"));
    }
}
