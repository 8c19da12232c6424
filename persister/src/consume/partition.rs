//! The reader of one partition.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contract::ids::EventId;
use contract::topics::COUPON_ISSUED;
use links::kafka::{Fetched, Kafka, KafkaError, Partition, StoredRecord};
use links::trace::Tracer;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use super::batch::{Ahead, Content, Item, Reason, Verdict, read};
use super::land::{Landed, Place, land};
use super::trace::{self, Begun};
use crate::backoff::Backoff;
use crate::dead_letters::DeadLetters;
use crate::directory::DirectoryLog;
use crate::metrics;
use crate::status::Status;
use crate::stop::Stop;
use crate::store::{Retry, Session, Store, StoreError};

/// About the most bytes of one fetch: some 1,500 wins.
const FETCH_BYTES: i32 = 512 * 1024;
/// How long a broker may wait for something to come.
const FETCH_WAIT_MS: u32 = 500;
/// The most records of one transaction.
const MAX_BATCH: usize = 2_000;
/// A high watermark below the next offset is passing right after a leader moved; for this long it
/// is not believed.
const LOW_WATERMARK_PATIENCE: Duration = Duration::from_secs(5);
/// A partition that is halted looks again this often whether an operator has put it right.
const HALT_RECHECK: Duration = Duration::from_secs(5);

/// Why a reader ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// Its partition is somebody else's.
    Lost,
}

/// What one step came to.
#[derive(Debug)]
enum Step {
    /// Something landed, or nothing had come.
    Fine,
    /// The partition is somebody else's.
    Lost,
    /// It cannot go on until an operator has acted.
    Halted(Halt),
}

/// What only an operator can put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Halt {
    #[error(
        "Kafka does not hold offset {next}, where MySQL stands: the topic was made again, cut off, \
         or its records expired. Nothing is skipped by itself"
    )]
    OutOfRange { next: i64 },
    #[error(
        "the partition ends at offset {end}, before {next}, where MySQL stands: Kafka lost records \
         or the topic was made again. Nothing is skipped by itself"
    )]
    Truncated { end: i64, next: i64 },
    #[error(transparent)]
    Ahead(#[from] Ahead),
    #[error(
        "offset {offset}: a record of {event}, which the directory lists and MySQL does not have: \
         an older backup was restored? Restore a newer one, or create the event again with \
         events.epoch and events.version above what the directory says"
    )]
    NoEvent { offset: i64, event: EventId },
}

/// Why a step has to be tried again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("Kafka: the directory cannot be read")]
    Directory,
}

impl Trouble {
    fn server(&self) -> metrics::Server {
        match self {
            Self::Store(_) => metrics::Server::Mysql,
            Self::Kafka(_) | Self::Directory => metrics::Server::Kafka,
        }
    }
}

/// Reads one partition into MySQL, as long as its process holds it.
pub struct Reader {
    part: i32,
    owner: Arc<str>,
    store: Store,
    partition: Partition,
    dead_letters: Arc<DeadLetters>,
    directory: Arc<DirectoryLog>,
    status: Arc<Status>,
    tracer: Tracer,
    session: Option<Session>,
    /// The next offset, once it was read from MySQL; forgotten after any trouble, since a commit
    /// without an answer may have moved it.
    position: Option<i64>,
    low_since: Option<Instant>,
}

impl Reader {
    /// A reader; it begins with [`Reader::run`].
    pub fn new(
        part: i32,
        owner: Arc<str>,
        store: Store,
        kafka: &Kafka,
        dead_letters: Arc<DeadLetters>,
        directory: Arc<DirectoryLog>,
        status: Arc<Status>,
    ) -> Self {
        Self {
            part,
            owner,
            store,
            partition: kafka.partition(COUPON_ISSUED, part),
            dead_letters,
            directory,
            status,
            tracer: Tracer::off(),
            session: None,
            position: None,
            low_since: None,
        }
    }

    /// The same, with its traced records told of to this tracer.
    #[must_use]
    pub fn traced_by(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// Reads until it is asked to stop, which never interrupts a transaction, or until the
    /// partition is somebody else's. Trouble is tried again for ever, in order.
    pub async fn run(mut self, mut stop: Stop) -> Ended {
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.step(&mut stop).await {
                None => return Ended::Stopped,
                Some(Ok(Step::Fine)) => {
                    let failures = backoff.reset();
                    if failures > 0 {
                        info!(part = self.part, failures, "goes on");
                    }
                    self.status.running(self.part);
                    continue;
                }
                Some(Ok(Step::Lost)) => return Ended::Lost,
                Some(Ok(Step::Halted(halt))) => {
                    self.halted(&halt);
                    HALT_RECHECK
                }
                Some(Err(trouble)) => {
                    metrics::retry(metrics::Retried::Consume, trouble.server());
                    self.forget();
                    if !backoff.is_failing() {
                        warn!(part = self.part, error = %trouble, "tries again until it works");
                    }
                    backoff.failed()
                }
            };
            tokio::select! {
                () = stop.asked() => return Ended::Stopped,
                () = sleep(pause) => {}
            }
        }
    }

    /// One batch; None: asked to stop before anything had come.
    async fn step(&mut self, stop: &mut Stop) -> Option<Result<Step, Trouble>> {
        let fetched = tokio::select! {
            biased;
            () = stop.asked() => return None,
            fetched = self.fetch() => fetched,
        };
        Some(match fetched {
            // Boxed: futures so deep within each other are beyond the compiler.
            Ok(Ok(records)) => Box::pin(self.take(records)).await,
            Ok(Err(step)) => Ok(step),
            Err(trouble) => Err(trouble),
        })
    }

    /// Records from where MySQL stands, or what to do instead of taking any.
    async fn fetch(&mut self) -> Result<Result<Vec<StoredRecord>, Step>, Trouble> {
        let next = match self.position {
            Some(next) => next,
            None => match self.resume().await? {
                Some(next) => next,
                None => return Ok(Err(Step::Lost)),
            },
        };
        // Boxed for the same reason. Once a fetch is nothing.
        match Box::pin(self.partition.fetch(next, FETCH_BYTES, FETCH_WAIT_MS)).await {
            Ok(fetched) => {
                metrics::lag(self.part, next, fetched.high_watermark);
                self.note_unread(next, &fetched);
                Ok(self.judge(next, fetched, Instant::now()))
            }
            Err(KafkaError::OutOfRange { .. }) => Ok(Err(Step::Halted(Halt::OutOfRange { next }))),
            Err(error) => Err(error.into()),
        }
    }

    /// How old what waits is shows while it waits, whatever keeps it from MySQL.
    fn note_unread(&self, next: i64, fetched: &Fetched) {
        let mut fresh = fetched.records.iter().filter(|record| record.offset >= next);
        match fresh.next() {
            Some(oldest) => self.status.unread.note(self.part, Some(oldest.timestamp_ms)),
            None if fetched.high_watermark <= next => self.status.unread.note(self.part, None),
            // There is something that did not come: as old as it was.
            None => {}
        }
    }

    /// Where MySQL stands; None: the partition is somebody else's.
    async fn resume(&mut self) -> Result<Option<i64>, StoreError> {
        let part = self.part;
        let position = self.session().await?.position(part).await?;
        if position.owner != *self.owner {
            info!(part, owner = position.owner, "the partition is somebody else's");
            return Ok(None);
        }
        self.position = Some(position.next_offset);
        Ok(self.position)
    }

    /// An end below the place where MySQL stands means lost records, if it lasts.
    fn judge(
        &mut self,
        next: i64,
        fetched: Fetched,
        now: Instant,
    ) -> Result<Vec<StoredRecord>, Step> {
        if fetched.high_watermark >= next {
            self.low_since = None;
            let fresh = |record: &StoredRecord| record.offset >= next;
            return Ok(fetched.records.into_iter().filter(fresh).collect());
        }
        let since = *self.low_since.get_or_insert(now);
        if now.duration_since(since) < LOW_WATERMARK_PATIENCE {
            return Ok(Vec::new());
        }
        Err(Step::Halted(Halt::Truncated { end: fetched.high_watermark, next }))
    }

    /// Lands records in order. A part that MySQL refuses for good is halved until the bad record
    /// stands alone; that one becomes a dead letter, and the rest lands.
    async fn take(&mut self, records: Vec<StoredRecord>) -> Result<Step, Trouble> {
        let taken = SystemTime::now();
        let mut items = read(records);
        let (mut from, mut to) = (0, items.len().min(MAX_BATCH));
        while from < items.len() {
            let part = &mut items[from..to];
            self.dead_letters.publish(self.part, part).await?;
            let begun = Begun { taken, landing: SystemTime::now() };
            match self.land(part).await {
                Ok(Landed::Done { tally, next }) => {
                    metrics::landed(tally.inserted, tally.replayed, tally.markers);
                    trace::landed(&self.tracer, self.part, part, begun);
                    self.position = Some(next);
                    from = to;
                    to = items.len().min(from + MAX_BATCH);
                }
                Ok(Landed::Doomed(verdicts)) => {
                    if let Some(halt) = self.lost_event(part, &verdicts)? {
                        return Ok(Step::Halted(halt));
                    }
                    for (place, verdict) in verdicts {
                        part[place].content = Content::Doomed(verdict);
                    }
                }
                Ok(Landed::Moved) => return self.moved().await,
                Ok(Landed::Ahead(ahead)) => return Ok(Step::Halted(ahead.into())),
                Err(error) if error.retry() == Retry::Permanent => {
                    self.session = None;
                    to = from + narrow(part, error)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Step::Fine)
    }

    async fn land(&mut self, items: &[Item]) -> Result<Landed, StoreError> {
        let started = Instant::now();
        let (part, owner) = (self.part, Arc::clone(&self.owner));
        let expected = self.position.unwrap_or_default();
        let place = Place { part, expected, owner: &owner };
        let landed = land(self.session().await?, place, items).await;
        metrics::batch_seconds(started.elapsed());
        landed
    }

    /// A record of an event that the directory lists, or says is archived, and MySQL lacks is no
    /// stranger's: the database is an older one.
    fn lost_event(
        &self,
        items: &[Item],
        verdicts: &[(usize, Verdict)],
    ) -> Result<Option<Halt>, Trouble> {
        let strange = verdicts.iter().filter(|(_, verdict)| verdict.reason == Reason::Rejected);
        for (place, verdict) in strange {
            let Some(event) = &verdict.event_id else {
                continue;
            };
            let said = self.directory.said(event).ok_or(Trouble::Directory)?;
            if said.highest.is_some() || said.archived {
                let offset = items[*place].record.offset;
                return Ok(Some(Halt::NoEvent { offset, event: event.clone() }));
            }
        }
        Ok(None)
    }

    /// The compare failed: by a commit of our own whose answer was lost, or by another owner.
    async fn moved(&mut self) -> Result<Step, Trouble> {
        debug!(part = self.part, "the partition stands elsewhere than expected");
        Ok(match self.resume().await? {
            Some(_) => Step::Fine,
            None => Step::Lost,
        })
    }

    async fn session(&mut self) -> Result<&mut Session, StoreError> {
        self.session.take_if(|session| !session.is_fresh());
        match &mut self.session {
            Some(session) => Ok(session),
            none => Ok(none.insert(self.store.connect().await?)),
        }
    }

    fn forget(&mut self) {
        self.session = None;
        self.position = None;
    }

    fn halted(&mut self, halt: &Halt) {
        let text = halt.to_string();
        if self.status.halted(self.part, &text) {
            error!(part = self.part, why = text, "partition halted");
        }
        self.forget();
    }
}

/// How many records to try next, where MySQL refuses `part` for good. Of one record it is the
/// record's fault, which becomes a dead letter.
fn narrow(part: &mut [Item], error: StoreError) -> Result<usize, StoreError> {
    match part {
        [Item { content: Content::DeadLetter(_), .. }] => Err(error),
        [bad] => {
            bad.doom(Reason::Rejected, error.to_string());
            Ok(1)
        }
        many => Ok(many.len() / 2),
    }
}
