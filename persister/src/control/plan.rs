//! The next step towards what operators want: a pure function of what MySQL, the shard and the
//! directory say.

mod why;

use contract::directory::Listing;
use contract::event::Phase;
use links::redis::ShardState;

use crate::directory::Said;
use crate::store::epochs::{Arming, EpochStep};
use crate::store::events::Event;

pub use why::{Halt, Rearm, Unsettled, Waiting, Why};

#[cfg(test)]
pub(super) mod tests;

/// The process that owns an event's slot at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// `master_replid`.
    pub replid: String,
    /// `run_id`.
    pub run_id: String,
    /// The shard's config epoch.
    pub config_epoch: u64,
}

/// What is seen of an event's shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// No majority of the masters names an owner.
    NoMaster,
    /// The owner does not answer, or answers with an error.
    Away(String),
    /// The owner does not have the event.
    Missing(Process),
    /// The owner has it.
    Present(Process, Box<ShardState>),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: all three agree.
    Settled,
    /// Arm it; it was never open.
    Arm,
    /// Arm it again: claims may have been granted before.
    Rearm(Rearm),
    /// End the arming that was begun: the shard has not been opened yet.
    Open,
    /// Renew its identity: the process is the same and has another replid.
    RenewIdentity {
        /// What the shard carries.
        from: String,
        /// What its process has.
        to: String,
    },
    /// Bring MySQL's row to the shard, in this phase.
    Carry {
        /// The wanted phase, or `reopening` on the way to it.
        phase: Phase,
    },
    /// Bring coupons that operators changed to the shard, which is not open.
    ChangeCoupons,
    /// Open it: no edge says sold out from memory any more.
    EndReopening,
    /// Note in MySQL that the shard was opened.
    NoteOpen,
    /// Say in the directory how it stands.
    Announce,
    /// It is to be archived and stands closed everywhere: find out whether all of it is in MySQL.
    Settle,
    /// All of it is in MySQL: take it out of the directory, so that no edge asks its shard.
    Delist,
    /// No edge asks for it any more: delete its keys and note that it is put away.
    PutAway,
    /// Note in MySQL that all agree.
    NoteCarried,
    /// Nothing can be done now.
    Blocked(Why),
}

/// What a shard has granted of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Granted {
    Nothing,
    Units,
}

/// What the directory is to say about an event that stands as wanted.
pub fn listing(event: &Event) -> Listing {
    Listing {
        event_id: event.event_id.clone(),
        epoch: event.epoch,
        version: event.version,
        phase: event.carried_phase(),
        opens_at_ms: event.opens_at_ms,
        closes_at_ms: event.closes_at_ms,
        stock: event.stock,
        per_user_limit: event.per_user_limit,
        confirm: event.confirm,
    }
}

/// The next step. `said` is None where the directory was not read to its end just now.
pub fn plan(wanted: &Event, sight: &Sight, said: Option<&Said>) -> Step {
    let Some(said) = said else {
        return blocked(Waiting::Directory);
    };
    if let Some(halt) = behind_directory(wanted, said) {
        return blocked(halt);
    }
    if wanted.is_archived() && said.is_listed() {
        return Step::Delist;
    }
    match sight {
        Sight::NoMaster => blocked(Waiting::NoMaster),
        Sight::Away(why) => blocked(Waiting::Shard(why.clone())),
        Sight::Missing(process) | Sight::Present(process, _)
            if process.config_epoch < wanted.highest_config_epoch =>
        {
            blocked(Waiting::OlderMaster(process.config_epoch))
        }
        Sight::Missing(_) if wanted.is_archived() => put_away(wanted),
        Sight::Missing(_) => arm(wanted, Rearm::Missing, Granted::Nothing),
        Sight::Present(process, state) => plan_present(wanted, process, state, said),
    }
}

/// Whether the shard may not answer for an event that was armed before: claims get 503.
pub fn is_fenced(wanted: &Event, sight: &Sight) -> bool {
    if wanted.arming.is_none() || wanted.is_archived() {
        return false;
    }
    match sight {
        Sight::NoMaster | Sight::Away(_) | Sight::Missing(_) => true,
        Sight::Present(process, state) => state.identity != process.replid || state.lost_wins,
    }
}

fn plan_present(wanted: &Event, process: &Process, state: &ShardState, said: &Said) -> Step {
    if state.epoch > wanted.epoch {
        return blocked(Halt::BehindShard(state.epoch));
    }
    // Before any arming: it would open the event as an older row wants it.
    if state.version > wanted.version {
        return blocked(Halt::BehindShardVersion(state.version));
    }
    if wanted.is_archived() {
        return Step::PutAway;
    }
    let granted = Granted::by(state);
    if state.epoch < wanted.epoch {
        return arm(wanted, Rearm::OlderEpoch(state.epoch), granted);
    }
    let Some(arming) = &wanted.arming else {
        return arm(wanted, Rearm::Interrupted, granted);
    };
    if let Some(step) = plan_arming(wanted, arming, process, state) {
        return step;
    }
    if state.lost_wins {
        return Step::Rearm(Rearm::WinsMissing);
    }
    if wanted.rearm_asked == wanted.epoch {
        return Step::Rearm(Rearm::Asked);
    }
    if let Some(step) = plan_shard(wanted, state) {
        return step;
    }
    if arming.step == EpochStep::Opening {
        return Step::NoteOpen;
    }
    let rank = (wanted.epoch, wanted.version);
    let says = |listing: &Option<Listing>| {
        listing.as_ref().is_some_and(|listing| (listing.epoch, listing.version) == rank)
    };
    if !says(&said.highest) || !says(&said.latest) {
        return Step::Announce;
    }
    if wanted.phase == Phase::Archived {
        return Step::Settle;
    }
    if wanted.carried_version != wanted.version {
        return Step::NoteCarried;
    }
    // Never silent, also where it could be carried because nothing is granted any more.
    if state.held > wanted.stock {
        return blocked(Halt::StockBelowHeld(state.held));
    }
    if !wanted.waiting_for.is_empty() {
        return Step::NoteCarried;
    }
    Step::Settled
}

/// The keys are gone, or were never there.
fn put_away(wanted: &Event) -> Step {
    let noted = wanted.carried_version == wanted.version && wanted.waiting_for.is_empty();
    if noted { Step::Settled } else { Step::PutAway }
}

/// What the arming itself needs, on a shard of the wanted epoch.
fn plan_arming(
    wanted: &Event,
    arming: &Arming,
    process: &Process,
    state: &ShardState,
) -> Option<Step> {
    let is_it = |replid: &str, run_id: &str, config_epoch: u64| {
        (replid == process.replid, run_id == process.run_id && config_epoch == process.config_epoch)
    };
    match arming.step {
        EpochStep::Fencing | EpochStep::Arming => {
            return Some(arm(wanted, Rearm::Interrupted, Granted::by(state)));
        }
        EpochStep::Opening | EpochStep::Open if state.phase == Phase::Arming => {
            let begun = state.armer == arming.armer && arming.identity == process.replid;
            let opening = arming.step == EpochStep::Opening && begun;
            return Some(if opening { Step::Open } else { Step::Rearm(Rearm::Interrupted) });
        }
        EpochStep::Opening | EpochStep::Open | EpochStep::Archived => {}
    }
    let shard = is_it(&state.identity, &state.run_id, state.config_epoch);
    let mysql = is_it(&arming.identity, &arming.run_id, arming.config_epoch);
    match (shard, mysql) {
        ((true, _), (true, _)) => None,
        ((_, true), (_, true)) => {
            Some(Step::RenewIdentity { from: state.identity.clone(), to: process.replid.clone() })
        }
        _ => Some(Step::Rearm(Rearm::Identity)),
    }
}

/// What brings MySQL's row to an open shard.
fn plan_shard(wanted: &Event, state: &ShardState) -> Option<Step> {
    let same_row = state.version == wanted.version
        && state.stock == wanted.stock
        && state.limit == wanted.per_user_limit
        && state.opens_ms == wanted.opens_at_ms
        && state.closes_ms == wanted.closes_at_ms;
    if same_row && wanted.changes_due {
        // Units that come back go on sale as new ones do.
        return Some(match state.phase {
            Phase::Open => Step::Carry { phase: Phase::Reopening },
            _ => Step::ChangeCoupons,
        });
    }
    if same_row && state.phase == wanted.carried_phase() {
        return None;
    }
    if same_row && state.phase == Phase::Reopening && wanted.phase == Phase::Open {
        return Some(Step::EndReopening);
    }
    Some(Step::Carry { phase: next_phase(wanted, state) })
}

/// Units that go on sale again do so in two steps: an edge may say sold out from memory, from
/// before the stock was raised or the event paused.
fn next_phase(wanted: &Event, state: &ShardState) -> Phase {
    let new_units = wanted.stock > state.stock;
    let was_stopped = matches!(state.phase, Phase::Paused | Phase::Closed | Phase::Reopening);
    if wanted.phase == Phase::Open && (new_units || was_stopped) {
        Phase::Reopening
    } else {
        wanted.carried_phase()
    }
}

/// MySQL was restored from an older copy where the directory knows more.
fn behind_directory(wanted: &Event, said: &Said) -> Option<Halt> {
    let is_over = matches!(wanted.phase, Phase::Closed | Phase::Archived);
    if said.archived && !said.is_listed() && !is_over {
        return Some(Halt::ArchivedSince);
    }
    let highest = said.highest.as_ref()?;
    let (epoch, version) = (highest.epoch, highest.version);
    let ahead = epoch > wanted.epoch || version > wanted.version;
    ahead.then_some(Halt::BehindDirectory { epoch, version })
}

/// An event that was never open has no wins that an arming could lose. An older backup may not know
/// that it was open; its shard does, and so does whoever raised its epoch by hand.
fn arm(wanted: &Event, rearm: Rearm, granted: Granted) -> Step {
    let raised_by_hand = wanted.epoch > 0 && wanted.arming.is_none();
    if wanted.opened_before || raised_by_hand || granted == Granted::Units {
        Step::Rearm(rearm)
    } else {
        Step::Arm
    }
}

impl Granted {
    fn by(state: &ShardState) -> Self {
        if state.held > 0 || state.sequence > 0 { Self::Units } else { Self::Nothing }
    }
}

fn blocked(why: impl Into<Why>) -> Step {
    Step::Blocked(why.into())
}

impl Step {
    /// Its name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Arm => "arm",
            Self::Rearm(_) => "rearm",
            Self::Open => "open",
            Self::RenewIdentity { .. } => "renew_identity",
            Self::Carry { .. } => "carry",
            Self::ChangeCoupons => "change_coupons",
            Self::EndReopening => "end_reopening",
            Self::NoteOpen => "note_open",
            Self::Announce => "announce",
            Self::Settle => "settle",
            Self::Delist => "delist",
            Self::PutAway => "put_away",
            Self::NoteCarried => "note_carried",
            Self::Blocked(_) => "blocked",
        }
    }
}
