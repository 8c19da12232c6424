//! The two things that a run may do about what it finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::coupon::Win;
use contract::ids::UserId;
use contract::record::{Issued, Told};
use links::kafka::NewRecord;

use super::report::Mode;
use super::scan::{Look, still};
use super::trouble::Trouble;
use crate::coupon_log::{CouponLog, record_of};
use crate::store::Session;
use crate::store::events::Asked;

/// Does what the mode allows.
pub(super) struct Repairs {
    mode: Mode,
    log: Arc<CouponLog>,
}

impl Repairs {
    pub(super) fn new(mode: Mode, log: Arc<CouponLog>) -> Self {
        Self { mode, log }
    }

    /// Publishes wins again, with the epoch that shows them: once another begins, they are late,
    /// and its union judges them. Returns how many.
    pub(super) async fn publish(
        &self,
        look: &Look<'_>,
        wins: Vec<(UserId, Win)>,
    ) -> Result<u64, Trouble> {
        if self.mode == Mode::Report || wins.is_empty() {
            return Ok(0);
        }
        still(look).await?;
        let count = wins.len() as u64;
        let mut by_part: BTreeMap<i32, Vec<NewRecord>> = BTreeMap::new();
        for (user, win) in wins {
            let issued =
                Issued::new(look.event.clone(), look.mark.epoch, user, &win, Told::Unknown);
            let (part, record) = record_of(issued);
            by_part.entry(part).or_default().push(record);
        }
        for (part, records) in by_part {
            // Not again after an error: it may have been written. The next run tells.
            self.log.produce(part, records).await?;
        }
        Ok(count)
    }

    /// Asks the leader to arm the event again; returns whether it was asked.
    pub(super) async fn ask_rearm(
        &self,
        session: &mut Session,
        look: &Look<'_>,
    ) -> Result<bool, Trouble> {
        if self.mode == Mode::Report {
            return Ok(false);
        }
        Ok(session.ask_rearm(look.event, look.mark.epoch).await? == Asked::Asked)
    }
}
