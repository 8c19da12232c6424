//! The relay: publishes wins that stayed in an outbox because the edge that granted them died.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::EventId;
use contract::record::{Issued, Told};
use links::kafka::{KafkaError, NewRecord};
use links::redis::{Cluster, OutboxEntry, OutboxPage, RedisError};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::coupon_log::{CouponLog, record_of};
use crate::failpoint::Point;
use crate::metrics;
use crate::stop::Stop;
use crate::store::{Session, Store, StoreError};

/// How often outboxes are looked at.
const ROUND: Duration = Duration::from_secs(1);
/// An entry is left to its edge for this long, by the shard's clock. With [`ROUND`] and a second
/// for the work, wins of a dead edge are in Kafka within 5 s.
const LEFT_TO_THE_EDGE_MS: u64 = 2_000;
/// Entries of one look; each has up to 128 wins.
const PAGE: u32 = 64;
/// Pages of one event and round; what is left comes a second later.
const MAX_PAGES: usize = 32;

/// The relay of all events.
pub struct Relay {
    store: Store,
    cluster: Cluster,
    producers: Arc<CouponLog>,
    session: Option<Session>,
    busy: HashSet<SocketAddr>,
    /// What was found on each shard that has events.
    found: HashMap<SocketAddr, Found>,
    jobs: JoinSet<Report>,
}

/// What a job came to.
struct Report {
    shard: SocketAddr,
    found: Found,
    result: Result<(), Trouble>,
}

/// What outboxes have.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// Entries that this build cannot read.
    unreadable: u32,
    /// Entries when they were looked at.
    entries: u64,
    /// The age of the oldest of them that can be read.
    oldest: Duration,
}

impl Found {
    fn plus(self, other: Self) -> Self {
        Self {
            unreadable: self.unreadable.saturating_add(other.unreadable),
            entries: self.entries + other.entries,
            oldest: self.oldest.max(other.oldest),
        }
    }
}

/// Why a round over a shard broke off; the next one begins again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
}

impl Relay {
    /// Of all events.
    pub fn new(store: Store, cluster: Cluster, producers: Arc<CouponLog>) -> Self {
        Self {
            store,
            cluster,
            producers,
            session: None,
            busy: HashSet::new(),
            found: HashMap::new(),
            jobs: JoinSet::new(),
        }
    }

    /// Relays until it is asked to stop. What it was about to do then is done by the next leader.
    pub async fn run(mut self, mut stop: Stop) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.asked() => return,
                Some(done) = self.jobs.join_next() => match done {
                    Ok(report) => {
                        self.busy.remove(&report.shard);
                        self.found.insert(report.shard, report.found);
                        self.tell();
                        if let Err(trouble) = report.result {
                            metrics::retry(metrics::Retried::Relay, trouble.server());
                            warn!(shard = %report.shard, %trouble, "the relay tries again");
                        }
                    }
                    // Its shard stays busy, which a metric of retries would hide: begin afresh.
                    Err(panic) => {
                        warn!(%panic, "a relay job broke off");
                        self.busy.clear();
                    }
                },
                _ = rounds.tick() => {
                    if let Err(error) = self.round().await {
                        self.session = None;
                        metrics::retry(metrics::Retried::Relay, metrics::Server::Mysql);
                        warn!(%error, "the relay cannot read the list of events");
                    }
                }
            }
        }
    }

    /// Starts a job for each shard that has events and no job. Events without a master wait.
    async fn round(&mut self) -> Result<(), StoreError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.store.connect().await?),
        };
        let mut by_shard: HashMap<SocketAddr, Vec<EventId>> = HashMap::new();
        for event in session.armed_events().await? {
            if let Some(master) = self.cluster.master_of(Cluster::slot_of(&event)) {
                by_shard.entry(master.address).or_default().push(event);
            }
        }
        // A node that is no master any more is not asked again.
        self.found.retain(|shard, _| by_shard.contains_key(shard));
        self.tell();
        for (shard, events) in by_shard {
            if self.busy.insert(shard) {
                let job = job(self.cluster.clone(), Arc::clone(&self.producers), shard, events);
                self.jobs.spawn(job);
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let all = self.found.values().copied().fold(Found::default(), Found::plus);
        metrics::unreadable_outbox(all.unreadable);
        metrics::outboxes(all.entries, all.oldest);
    }
}

impl Trouble {
    fn server(&self) -> metrics::Server {
        match self {
            Self::Redis(_) => metrics::Server::Redis,
            Self::Kafka(_) => metrics::Server::Kafka,
        }
    }
}

/// All outboxes of a shard, one after another. Breaks off at the first trouble: it would be the
/// same for the rest.
async fn job(
    cluster: Cluster,
    producers: Arc<CouponLog>,
    shard: SocketAddr,
    events: Vec<EventId>,
) -> Report {
    let mut report = Report { shard, found: Found::default(), result: Ok(()) };
    for event in events {
        let mut found = Found::default();
        let relayed = relay(&cluster, &producers, &event, &mut found).await;
        report.found = report.found.plus(found);
        if let Err(trouble) = relayed {
            report.result = Err(trouble);
            break;
        }
    }
    report
}

/// One event's outbox: publishes what is due and acknowledges it. What was found is noted also where
/// publishing fails.
async fn relay(
    cluster: &Cluster,
    producers: &CouponLog,
    event: &EventId,
    found: &mut Found,
) -> Result<(), Trouble> {
    // Most outboxes are empty or young: one entry tells.
    let oldest = cluster.outbox(event, None, 1).await?;
    if oldest.entries.is_empty() && oldest.unreadable.is_empty() {
        return Ok(());
    }
    let now_ms = cluster.clock_ms(Cluster::slot_of(event)).await?;
    found.entries = cluster.outbox_length(event).await?;
    found.oldest = oldest.entries.first().map_or(Duration::ZERO, |entry| age(entry, now_ms));
    if oldest.unreadable.is_empty() && due(oldest.entries, now_ms).is_empty() {
        return Ok(());
    }
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = cluster.outbox(event, after.as_deref(), PAGE).await?;
        found.unreadable += u32::try_from(page.unreadable.len()).unwrap_or(u32::MAX);
        // Behind entries that nobody can read one may have waited for long.
        if found.oldest.is_zero() {
            found.oldest = page.entries.first().map_or(Duration::ZERO, |entry| age(entry, now_ms));
        }
        let Some(last) = last_of(&page) else {
            break;
        };
        let due = due(page.entries, now_ms);
        if due.is_empty() {
            // Young ones, or all unreadable: others may stand behind those.
            if page.unreadable.is_empty() {
                break;
            }
            after = Some(last);
            continue;
        }
        publish(producers, event, &due).await?;
        Point::BeforeRelayAck.reach();
        let ids: Vec<&str> = due.iter().map(|entry| entry.id.as_str()).collect();
        cluster.acknowledge(event, &ids).await?;
        let wins: usize = due.iter().map(|entry| entry.wins.len()).sum();
        metrics::relayed(u64::try_from(wins).unwrap_or(u64::MAX));
        info!(%event, wins, "published for an edge that did not");
        after = Some(last);
    }
    Ok(())
}

/// How long ago an entry's wins were granted, by the shard's clock; all of them have one time.
fn age(entry: &OutboxEntry, now_ms: u64) -> Duration {
    let granted_ms = entry.wins.first().map_or(now_ms, |user_win| user_win.win.issued_at_ms);
    Duration::from_millis(now_ms.saturating_sub(granted_ms))
}

/// Entries that their edge has had its time to publish. All wins of an entry have one time; one
/// that is still to come was told by a clock that was wrong, and nobody knows how long ago.
fn due(entries: Vec<OutboxEntry>, now_ms: u64) -> Vec<OutboxEntry> {
    let is_due = |entry: &OutboxEntry| {
        let granted_ms = entry.wins.first().map_or(0, |user_win| user_win.win.issued_at_ms);
        let young = granted_ms..granted_ms.saturating_add(LEFT_TO_THE_EDGE_MS);
        !young.contains(&now_ms)
    };
    entries.into_iter().filter(is_due).collect()
}

/// The last id of a page, readable or not.
fn last_of(page: &OutboxPage) -> Option<String> {
    let ids = page.entries.iter().map(|entry| &entry.id).chain(&page.unreadable);
    ids.max_by_key(|id| order_of(id)).cloned()
}

/// Ids are `epoch-sequence`, in the order of these numbers.
fn order_of(id: &str) -> Option<(u64, u64)> {
    let (epoch, sequence) = id.split_once('-')?;
    Some((epoch.parse().ok()?, sequence.parse().ok()?))
}

/// Publishes all wins of the entries; returns when all in-sync replicas have all of them.
async fn publish(
    producers: &CouponLog,
    event: &EventId,
    entries: &[OutboxEntry],
) -> Result<(), KafkaError> {
    for (part, records) in by_partition(event, entries) {
        producers.produce(part, records).await?;
    }
    Ok(())
}

/// The records of all wins, by partition, in the order of the entries.
fn by_partition(event: &EventId, entries: &[OutboxEntry]) -> BTreeMap<i32, Vec<NewRecord>> {
    let mut by_partition: BTreeMap<i32, Vec<NewRecord>> = BTreeMap::new();
    for entry in entries {
        for user_win in &entry.wins {
            let win = Issued::new(
                event.clone(),
                entry.epoch,
                user_win.user.clone(),
                &user_win.win,
                Told::Unknown,
            );
            let (part, record) = record_of(win);
            by_partition.entry(part).or_default().push(record);
        }
    }
    by_partition
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::coupon::{CouponState, Win};
    use contract::ids::{Attempt, CouponId};
    use contract::outbox::UserWin;
    use contract::record::{Record, decode};
    use contract::topics::{HEADER_EVENT, partition_of, record_key};

    fn entry(first: u64, ms: u64) -> OutboxEntry {
        let win = |sequence| Win {
            coupon: CouponId::new(),
            sequence,
            attempt: Attempt::NONE,
            issued_at_ms: ms,
            quantity: 1,
            nth: 1,
            state: CouponState::Issued,
            revision: 1,
        };
        let user_win = |sequence: u64| UserWin {
            user: format!("user-{sequence}").parse().unwrap(),
            win: win(sequence),
        };
        OutboxEntry {
            id: format!("2-{first}"),
            epoch: 2,
            wins: (first..first + 3).map(user_win).collect(),
        }
    }

    #[test]
    fn an_entry_is_due_two_seconds_after_it_was_granted() {
        let ids = |entries: Vec<OutboxEntry>| -> Vec<String> {
            entries.into_iter().map(|entry| entry.id).collect()
        };
        let entries = vec![entry(1, 10_000), entry(4, 10_001)];
        assert_eq!(ids(due(entries.clone(), 11_999)), [""; 0]);
        assert_eq!(ids(due(entries.clone(), 12_000)), ["2-1"]);
        assert_eq!(ids(due(entries.clone(), 12_001)), ["2-1", "2-4"]);
        // Granted by a clock that was ahead: nobody waits for it to come.
        assert_eq!(ids(due(entries, 9_999)), ["2-1", "2-4"]);
    }

    #[test]
    fn what_cannot_be_read_hides_nothing_behind_it() {
        let unreadable = vec!["2-9".to_owned(), "10-1".to_owned()];
        let page = OutboxPage { entries: vec![entry(4, 1)], unreadable };
        assert_eq!(last_of(&page).as_deref(), Some("10-1"));
        assert_eq!(last_of(&OutboxPage::default()), None);
    }

    #[test]
    fn each_win_becomes_a_record_on_its_users_partition() {
        let event = "spring".parse().unwrap();
        let by_partition = by_partition(&event, &[entry(1, 5), entry(4, 6)]);
        let mut sequences = Vec::new();
        for (part, records) in by_partition {
            for record in records {
                assert_eq!(partition_of(&record.key), part);
                let Ok(Record::Issued(win)) = decode(record.value.as_deref().unwrap()) else {
                    panic!("{record:?}");
                };
                assert_eq!((win.epoch, win.told), (2, Told::Unknown));
                assert_eq!(record.key, record_key(&event, &win.user_id));
                assert_eq!(record.headers[HEADER_EVENT], b"spring");
                sequences.push(win.sequence);
            }
        }
        sequences.sort_unstable();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    }
}
