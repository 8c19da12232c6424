//! Stand-by and lead: one process leads at a time, and what a leader runs ends with its lease.

use std::sync::Arc;
use std::time::Duration;

use contract::topics::COUPON_ISSUED_PARTITIONS;
use links::kafka::Kafka;
use links::redis::Cluster;
use links::trace::Tracer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::consume::{Ended, Reader};
use crate::control::{Archiving, Control, Hands};
use crate::coupon_log::CouponLog;
use crate::dead_letters::DeadLetters;
use crate::directory::DirectoryLog;
use crate::erase::Carrier;
use crate::lease::{Chance, Heartbeat, HeldUntil, Owner, SameName, try_take};
use crate::presence::Presence;
use crate::reconcile::{Schedule, Setting};
use crate::relay::Relay;
use crate::status::{Role, Status};
use crate::stop::{self, Stop};
use crate::store::{Session, Store, StoreError};
use crate::watch::Watch;

/// How often a process on stand-by looks whether it may lead.
const STAND_BY_POLL: Duration = Duration::from_millis(500);
/// What a leader runs has this long to end what it has begun.
const DRAIN: Duration = Duration::from_secs(8);
/// For giving the lease back.
const RELEASE: Duration = Duration::from_secs(2);

/// One persister process.
pub struct Persister {
    /// MySQL.
    pub store: Store,
    /// Redis.
    pub cluster: Cluster,
    /// Kafka.
    pub kafka: Kafka,
    /// This process.
    pub owner: Owner,
    /// How it stands.
    pub status: Arc<Status>,
    /// When reconcile runs by itself; None: never.
    pub reconcile: Option<Setting>,
    /// Who traces the records of traced claims.
    pub tracer: Tracer,
}

/// Why a term ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TermEnd {
    /// The process was asked to end.
    Asked,
    /// The lease, or a partition, is somebody else's, or could not be renewed.
    Lost,
}

impl Persister {
    /// Stands by and leads until it is asked to end, and says meanwhile that it runs.
    pub async fn run(self, stop: Stop) {
        let presence = Presence::new(self.store.clone(), &self.owner);
        // Boxed: futures so deep within each other are beyond the compiler.
        let lead = Box::pin(self.stand_by_and_lead(stop.clone()));
        tokio::join!(lead, Box::pin(presence.run(stop)));
    }

    /// Gives the lease back at the end.
    async fn stand_by_and_lead(&self, mut stop: Stop) {
        let mut same_name = SameName::TakesOver;
        loop {
            let taken = tokio::select! {
                // The lease may have been taken just now.
                () = stop.asked() => return self.release().await,
                taken = self.stand_by(same_name) => taken,
            };
            same_name = SameName::Waits;
            self.status.role(Role::Leader);
            info!(owner = %self.owner, "leads");
            let end = self.lead(taken, &mut stop).await;
            if end == TermEnd::Asked {
                return;
            }
            self.status.role(Role::StandBy);
            warn!("leads no more: stands by");
        }
    }

    /// Returns when the lease was taken: the time at which the question was sent.
    async fn stand_by(&self, same_name: SameName) -> Instant {
        let mut session = None;
        let mut held_by = String::new();
        loop {
            let sent = Instant::now();
            match self.look(&mut session, same_name).await {
                Ok(Chance::Free) => return sent,
                Ok(Chance::HeldBy(owner)) => {
                    if owner != held_by {
                        info!(leader = owner, "stands by");
                        held_by = owner;
                    }
                }
                Ok(Chance::NotMigrated) => {
                    self.cannot_lead("the partitions have no rows: run `persister migrate`");
                }
                Err(error) => {
                    session = None;
                    self.cannot_lead(&error.to_string());
                }
            }
            sleep(STAND_BY_POLL).await;
        }
    }

    async fn look(
        &self,
        session: &mut Option<Session>,
        same_name: SameName,
    ) -> Result<Chance, StoreError> {
        let session = match session {
            Some(session) => session,
            none => {
                let mut fresh = self.store.connect().await?;
                fresh.check_schema().await?;
                none.insert(fresh)
            }
        };
        let chance = try_take(session, &self.owner, same_name).await?;
        if chance != Chance::NotMigrated {
            self.status.mysql_ok();
        }
        Ok(chance)
    }

    fn cannot_lead(&self, why: &str) {
        if self.status.mysql_failed(why) {
            warn!(why, "cannot lead");
        }
    }

    /// Runs everything that a leader runs, until the lease is lost or the process is to end.
    async fn lead(&self, taken: Instant, stop: &mut Stop) -> TermEnd {
        let (ending, end) = stop::pair();
        let (heartbeat, held_until) =
            Heartbeat::new(self.store.clone(), self.owner.clone(), Arc::clone(&self.status), taken);
        let mut heart = JoinSet::new();
        heart.spawn(heartbeat.run());
        let mut tasks = self.spawn(held_until, &end);
        let why = tokio::select! {
            () = stop.asked() => TermEnd::Asked,
            _ = heart.join_next() => TermEnd::Lost,
            _ = tasks.join_next() => TermEnd::Lost,
        };
        if why == TermEnd::Asked {
            self.status.role(Role::Draining);
        }
        // The lease is kept until everything has ended, so that nobody begins in between.
        ending.stop();
        tokio::select! {
            () = drain(&mut tasks) => {}
            Some(_) = heart.join_next() => {}
            () = sleep(DRAIN) => warn!("what was begun did not end in time; it is done again"),
        }
        tasks.shutdown().await;
        self.release().await;
        why
    }

    fn spawn(&self, held_until: HeldUntil, end: &Stop) -> JoinSet<Ended> {
        let mut tasks = JoinSet::new();
        let dead_letters = Arc::new(DeadLetters::new(&self.kafka));
        let directory = Arc::new(DirectoryLog::new(&self.kafka));
        for part in 0..COUPON_ISSUED_PARTITIONS {
            let reader = Reader::new(
                part,
                Arc::clone(self.owner.text()),
                self.store.clone(),
                &self.kafka,
                Arc::clone(&dead_letters),
                Arc::clone(&directory),
                Arc::clone(&self.status),
            );
            tasks.spawn(reader.traced_by(self.tracer.clone()).run(end.clone()));
        }
        tasks.spawn(stopped(Arc::clone(&directory).follow(end.clone())));
        let log = Arc::new(CouponLog::new(&self.kafka));
        let hands = Hands {
            log: Arc::clone(&log),
            store: self.store.clone(),
            cluster: self.cluster.clone(),
            directory,
            owner: self.owner.clone(),
            held_until,
            archiving: Archiving::default(),
            status: Arc::clone(&self.status),
        };
        tasks.spawn(Control::new(hands).run(end.clone()));
        let watch = Watch::new(self.store.clone(), self.cluster.clone(), Arc::clone(&log));
        tasks.spawn(stopped(watch.run(end.clone())));
        let relay = Relay::new(self.store.clone(), self.cluster.clone(), log);
        tasks.spawn(stopped(relay.run(end.clone())));
        tasks.spawn(stopped(Carrier::new(self.store.clone()).run(end.clone())));
        if let Some(setting) = self.reconcile {
            let (store, cluster, kafka) =
                (self.store.clone(), self.cluster.clone(), self.kafka.clone());
            let schedule = Schedule::new(store, cluster, kafka, setting);
            tasks.spawn(stopped(schedule.run(end.clone())));
        }
        tasks
    }

    /// Gives back what is still ours, so that another takes over at once.
    async fn release(&self) {
        let release = async {
            let mut session = self.store.connect().await?;
            session.release_leases(self.owner.text()).await
        };
        match timeout(RELEASE, release).await {
            Ok(Ok(())) => info!("the lease is given back"),
            Ok(Err(error)) => warn!(%error, "the lease runs out by itself"),
            Err(_) => warn!("the lease runs out by itself: MySQL does not answer"),
        }
    }
}

async fn stopped(task: impl Future<Output = ()>) -> Ended {
    task.await;
    Ended::Stopped
}

async fn drain(tasks: &mut JoinSet<Ended>) {
    while tasks.join_next().await.is_some() {}
}
