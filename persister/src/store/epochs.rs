//! Armings of events. Each change is one transaction that locks the event's row and compares its
//! epoch, and that asks whether its author still holds the partitions: a leader that was paused
//! and resumes finds itself out here.

use contract::ids::EventId;
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};

use super::error::StoreError;
use super::events::Event;
use super::session::Session;
use super::sql;
use super::union::Waits;

/// How far an arming got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochStep {
    /// The epoch has begun; the directory may say so.
    Fencing,
    /// The shard carries the epoch and grants nothing.
    Arming,
    /// The shard is about to be opened: claims may have been granted.
    Opening,
    /// The shard was opened.
    Open,
    /// All of the event is in MySQL: its keys and its place in the directory go, or are gone.
    Archived,
}

impl EpochStep {
    /// The step that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Fencing, Self::Arming, Self::Opening, Self::Open, Self::Archived]
            .into_iter()
            .find(|step| step.as_str() == word)
    }

    /// The word, as MySQL keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fencing => "fencing",
            Self::Arming => "arming",
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Archived => "archived",
        }
    }
}

/// The arming of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arming {
    /// How far it got.
    pub step: EpochStep,
    /// Its token; the shard carries the same.
    pub armer: String,
    /// `master_replid` of the master that was armed; empty until then.
    pub identity: String,
    /// `run_id` of that master.
    pub run_id: String,
    /// Config epoch of that master.
    pub config_epoch: u64,
}

/// The process that a shard's keys were armed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    /// `master_replid`.
    pub identity: String,
    /// `run_id`.
    pub run_id: String,
    /// Config epoch.
    pub config_epoch: u64,
}

/// Which arming a transaction belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The event.
    pub event: &'a EventId,
    /// The epoch that it must have.
    pub epoch: u64,
    /// The persister, as it stands in the partitions' rows.
    pub owner: &'a str,
}

/// Which arming of an event begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// It was never opened: there is nothing that could be lost.
    First,
    /// Claims may have been granted before.
    Again,
}

/// An event's row, held by a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locked {
    /// Raised by each change of an operator.
    pub version: u64,
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub limit: u32,
}

/// What a transaction by compare came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared<T> {
    /// It was done.
    Done(T),
    /// Nothing was changed, for this reason.
    Moved(Moved),
}

/// Why a compare failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The event has another epoch.
    Epoch(u64),
    /// The event has another version: an operator changed it.
    Version(u64),
    /// The author does not hold the partitions any more.
    NotLeader,
    /// The event has rows already: it was not armed for the first time.
    HasRows,
    /// The arming is not at the step that this one follows.
    Step,
    /// Something came late that has to be united, or decided upon, first.
    Late,
    /// There is no such event.
    Gone,
}

impl Session {
    /// Begins the next epoch; returns it. An event that may have rows is no `First`.
    pub async fn begin_epoch(
        &mut self,
        author: Author<'_>,
        armer: &str,
        which: Which,
    ) -> Result<Compared<u64>, StoreError> {
        if let Compared::Moved(moved) = self.begin_as(author).await? {
            return Ok(Compared::Moved(moved));
        }
        let rows: Option<i64> = self.row(sql::HAS_COUPONS, (author.event.as_str(),)).await?;
        if which == Which::First && rows.is_some() {
            return self.give_up(Moved::HasRows).await;
        }
        let epoch = author.epoch + 1;
        self.change(sql::RAISE_EPOCH, (epoch, author.event.as_str())).await?;
        self.change(sql::BEGIN_EPOCH, (author.event.as_str(), epoch, armer)).await?;
        self.commit().await?;
        Ok(Compared::Done(epoch))
    }

    /// Notes which process the shard's keys were armed on.
    pub async fn note_arming(
        &mut self,
        author: Author<'_>,
        armer: &str,
        armed: &Armed,
    ) -> Result<Compared<()>, StoreError> {
        let params = (
            &armed.identity,
            &armed.run_id,
            armed.config_epoch,
            author.event.as_str(),
            author.epoch,
            armer,
        );
        self.note(author, sql::NOTE_ARMING, params).await
    }

    /// Notes that the shard is united with its rows and about to be opened; returns the event as
    /// it is wanted by then. What comes late after this stays out, so nothing late may wait.
    pub async fn note_opening(
        &mut self,
        author: Author<'_>,
        armer: &str,
    ) -> Result<Compared<Event>, StoreError> {
        if let Compared::Moved(moved) = self.begin_as(author).await? {
            return Ok(Compared::Moved(moved));
        }
        if self.count_waiting_letters(author.event, Waits::Late).await? > 0 {
            return self.give_up(Moved::Late).await;
        }
        if self.change(sql::NOTE_OPENING, (author.event.as_str(), author.epoch, armer)).await? != 1
        {
            return self.give_up(Moved::Step).await;
        }
        self.commit().await?;
        match self.event(author.event).await? {
            Some(event) if event.epoch == author.epoch => Ok(Compared::Done(event)),
            Some(event) => Ok(Compared::Moved(Moved::Epoch(event.epoch))),
            None => Ok(Compared::Moved(Moved::Gone)),
        }
    }

    /// Notes that the shard was opened with a version, if the event still has it.
    pub async fn note_open(
        &mut self,
        author: Author<'_>,
        version: u64,
    ) -> Result<Compared<()>, StoreError> {
        if let Compared::Moved(moved) = self.begin_at(author, version).await? {
            return Ok(Compared::Moved(moved));
        }
        self.change(sql::NOTE_OPEN, (author.event.as_str(), author.epoch)).await?;
        self.commit().await?;
        Ok(Compared::Done(()))
    }

    /// Notes that all of an event is in MySQL, so that its keys may go, if the event still has that
    /// version and nothing of it waits in MySQL.
    pub async fn note_archived(
        &mut self,
        author: Author<'_>,
        version: u64,
    ) -> Result<Compared<()>, StoreError> {
        if let Compared::Moved(moved) = self.begin_at(author, version).await? {
            return Ok(Compared::Moved(moved));
        }
        // Letters and changes are written by transactions that hold the event's row as well.
        let waits =
            self.count_dead_letters(author.event).await? + self.count_changes(author.event).await?;
        if waits > 0 {
            return self.give_up(Moved::Late).await;
        }
        if self.change(sql::NOTE_ARCHIVED, (author.event.as_str(), author.epoch)).await? != 1 {
            return self.give_up(Moved::Step).await;
        }
        self.commit().await?;
        Ok(Compared::Done(()))
    }

    /// Notes that the armed process has another `master_replid`.
    pub async fn note_identity(
        &mut self,
        author: Author<'_>,
        identity: &str,
    ) -> Result<Compared<()>, StoreError> {
        if let Compared::Moved(moved) = self.begin_as(author).await? {
            return Ok(Compared::Moved(moved));
        }
        // No row changes where a try before this one did it.
        let params = (identity, author.event.as_str(), author.epoch);
        self.change(sql::NOTE_IDENTITY, params).await?;
        self.commit().await?;
        Ok(Compared::Done(()))
    }

    /// One change of the epoch's row, which must be there with this armer.
    async fn note(
        &mut self,
        author: Author<'_>,
        statement: &str,
        params: impl Into<mysql_async::Params> + Send,
    ) -> Result<Compared<()>, StoreError> {
        if let Compared::Moved(moved) = self.begin_as(author).await? {
            return Ok(Compared::Moved(moved));
        }
        if self.change(statement, params).await? != 1 {
            return self.give_up(Moved::Step).await;
        }
        self.commit().await?;
        Ok(Compared::Done(()))
    }

    /// Begins a transaction that holds the event's row, and compares.
    pub async fn begin_as(&mut self, author: Author<'_>) -> Result<Compared<Locked>, StoreError> {
        self.begin().await?;
        let row: Option<(u64, u64, u64, u32)> =
            self.row(sql::LOCK_EVENT, (author.event.as_str(),)).await?;
        let locked = match row {
            None => return self.give_up(Moved::Gone).await,
            Some((epoch, ..)) if epoch != author.epoch => {
                return self.give_up(Moved::Epoch(epoch)).await;
            }
            Some((_, version, stock, limit)) => Locked { version, stock, limit },
        };
        let held: Option<i64> = self.row(sql::COUNT_LEASES, (COUPON_ISSUED, author.owner)).await?;
        if held != Some(COUPON_ISSUED_PARTITIONS.into()) {
            return self.give_up(Moved::NotLeader).await;
        }
        Ok(Compared::Done(locked))
    }

    /// [`Self::begin_as`], as long as the event has that version still.
    async fn begin_at(
        &mut self,
        author: Author<'_>,
        version: u64,
    ) -> Result<Compared<()>, StoreError> {
        match self.begin_as(author).await? {
            Compared::Done(now) if now.version == version => Ok(Compared::Done(())),
            Compared::Done(now) => self.give_up(Moved::Version(now.version)).await,
            Compared::Moved(moved) => Ok(Compared::Moved(moved)),
        }
    }

    async fn give_up<T>(&mut self, moved: Moved) -> Result<Compared<T>, StoreError> {
        self.roll_back().await?;
        Ok(Compared::Moved(moved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_back_from_their_words() {
        for word in ["fencing", "arming", "opening", "open", "archived"] {
            assert_eq!(EpochStep::parse(word).map(EpochStep::as_str), Some(word));
        }
        assert_eq!(EpochStep::parse("closed"), None);
    }
}
