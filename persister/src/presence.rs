//! That this process runs, leading or standing by, told to MySQL for whoever prepares a sale.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::lease::Owner;
use crate::stop::Stop;
use crate::store::persisters::Running;
use crate::store::{Session, Store, StoreError};

/// Between two times that it is said.
const EVERY: Duration = Duration::from_secs(2);
/// For taking it back.
const TAKE_BACK: Duration = Duration::from_secs(1);

/// Says that a persister runs.
pub struct Presence {
    store: Store,
    it: Running,
    session: Option<Session>,
}

impl Presence {
    /// Of this build, under a name.
    pub fn new(store: Store, owner: &Owner) -> Self {
        let it = Running {
            name: owner.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            formats: contract::formats(),
        };
        Self { store, it, session: None }
    }

    /// Says it until the process is asked to end, and takes it back then. Where MySQL does not answer
    /// nothing is said, which is what there is to say.
    pub async fn run(mut self, mut stop: Stop) {
        loop {
            tokio::select! {
                () = stop.asked() => break,
                () = self.say_and_wait() => {}
            }
        }
        // The session may have been left in the middle of a question.
        let take_back =
            async { self.store.connect().await?.take_persister_back(&self.it.name).await };
        if !matches!(timeout(TAKE_BACK, take_back).await, Ok(Ok(()))) {
            debug!("it could not be taken back that this process runs");
        }
    }

    async fn say_and_wait(&mut self) {
        if let Err(error) = self.say().await {
            self.session = None;
            debug!(%error, "it could not be said that this process runs");
        }
        sleep(EVERY).await;
    }

    async fn say(&mut self) -> Result<(), StoreError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => {
                let mut fresh = self.store.connect().await?;
                fresh.forget_persisters().await?;
                none.insert(fresh)
            }
        };
        session.say_persister_runs(&self.it).await
    }
}
