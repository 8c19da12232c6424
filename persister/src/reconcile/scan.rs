//! One event: every win of its shard beside its rows, and every row beside the wins.
//!
//! Memory goes with a page and with a few bits a number, not with the winners. Pages are small and
//! there are pauses between them: a rush on the same shard must not notice.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use contract::coupon::{Win, parse_wins};
use contract::ids::{EventId, UserId};
use contract::keys::EventKeys;
use futures_util::future::try_join_all;
use links::redis::{Cluster, Script, UserWins, WinsPage};
use tokio::time::{Instant, sleep};

use super::compare::{Fit, Rowless, SecondLook, fit, second_look};
use super::kinds::Kind;
use super::pace::Pace;
use super::repair::Repairs;
use super::report::{EventReport, Findings, Offender, owner_of_row};
use super::sequences::Sequences;
use super::trouble::{Trouble, patiently};
use super::watermark::{self, Outbox, SETTLE, Watermark};
use crate::store::{Session, Store};

static MINE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/mine.lua")));

/// About so many users a page: it blocks Redis for less than 1 ms.
const PAGE_USERS: u32 = 256;
/// Sessions that read a page's rows together. With one, a million winners took 75 s here, with four 44
/// (`cargo bench -p persister --bench reconcile`).
const READERS: usize = 4;
/// Rows of a page, numbers only.
const PAGE_ROWS: usize = 2_048;
/// Wins that are looked at twice. Returns and revocations that are under way at once are far
/// fewer; what is beyond is not judged.
const MAX_SECOND_LOOKS: usize = 4_096;

/// What a look at an event needs.
pub(super) struct Look<'a> {
    pub(super) store: &'a Store,
    pub(super) cluster: &'a Cluster,
    pub(super) event: &'a EventId,
    pub(super) mark: &'a Watermark,
    pub(super) repairs: &'a Repairs,
    pub(super) pace: Pace,
}

/// What a look has seen.
struct Seen {
    session: Session,
    /// They and `session` read a part of a page's rows each: rows of a page lie far apart on the
    /// disk, and MySQL reads for one session one after the other. None is idle for long, or MySQL
    /// would end it.
    readers: [Session; READERS - 1],
    in_flight: Sequences,
    /// Numbers of rows whose win was found, or may be on its way to them.
    matched: Sequences,
    /// Numbers of wins that were counted: a user may come twice while the hash grows.
    counted: Sequences,
    /// Units that the wins come to.
    held: u64,
    /// Wins whose row stood otherwise, as they were then.
    unsettled: Vec<(UserId, Win)>,
    findings: Findings,
    report: EventReport,
}

/// Compares an event; repairs what it may.
pub(super) async fn scan(look: &Look<'_>, outbox: Outbox) -> Result<EventReport, Trouble> {
    let mut seen = Seen::new(look, outbox).await?;
    let behind = seen.check_sequence(look).await?;
    seen.all_wins(look).await?;
    seen.all_rows(look).await?;
    seen.second_looks(look).await?;
    // A number that was taken back makes the sum one of fewer wins than the counter's.
    if behind == Behind::No {
        seen.check_held(look).await?;
    }
    still(look).await?;
    if seen.findings.call_for_rearm() {
        seen.report.rearm_asked = look.repairs.ask_rearm(&mut seen.session, look).await?;
    }
    seen.report.differences = seen.findings.into_differences();
    Ok(seen.report)
}

/// Whether the shard has given fewer numbers than rows have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Yes,
    No,
}

impl Seen {
    async fn new(look: &Look<'_>, outbox: Outbox) -> Result<Self, Trouble> {
        let mut findings = Findings::default();
        for id in outbox.unreadable {
            findings.add(Kind::EntryUnreadable, Offender::text(id));
        }
        Ok(Self {
            session: look.store.connect().await?,
            readers: [
                look.store.connect().await?,
                look.store.connect().await?,
                look.store.connect().await?,
            ],
            in_flight: outbox.in_flight,
            matched: Sequences::default(),
            counted: Sequences::default(),
            held: 0,
            unsettled: Vec::new(),
            findings,
            report: EventReport {
                not_judged: None,
                epoch: look.mark.epoch,
                sequence: look.mark.sequence,
                held: look.mark.held,
                ..EventReport::not_judged(look.event, "")
            },
        })
    }

    /// The rows first: a number is given before its row is written.
    async fn check_sequence(&mut self, look: &Look<'_>) -> Result<Behind, Trouble> {
        let highest = self.session.highest_sequence(look.event).await?;
        let state = patiently("a state", || look.cluster.state(look.event)).await?;
        let given = state.ok_or(Trouble::Moved)?.sequence;
        if given >= highest {
            return Ok(Behind::No);
        }
        let text = format!("the shard has given {given} numbers, a row has {highest}");
        self.findings.add(Kind::SequenceBehind, Offender::text(text));
        Ok(Behind::Yes)
    }

    async fn all_wins(&mut self, look: &Look<'_>) -> Result<(), Trouble> {
        let mut paged = wins_page(look, 0).await?;
        loop {
            let Paged { page, took } = paged;
            for user in page.unreadable {
                self.findings.add(Kind::WinsUnreadable, Offender::text(user));
            }
            // Redis brings the next page while MySQL brings the rows of this one.
            let compared = self.compare_page(look, page.users);
            if page.cursor == 0 {
                return compared.await;
            }
            let (compared, next) = tokio::join!(compared, next_page(look, page.cursor, took));
            compared?;
            paged = next?;
        }
    }

    async fn compare_page(&mut self, look: &Look<'_>, users: Vec<UserWins>) -> Result<(), Trouble> {
        let ids: Vec<UserId> = users.iter().map(|user| user.user.clone()).collect();
        let rows = self.rows_of(look, &ids).await?;
        let mut rowless = Vec::new();
        for UserWins { user, wins } in users {
            let rows = rows.get(&user).map_or(&[][..], Vec::as_slice);
            for win in wins.iter().filter(|win| win.sequence <= look.mark.sequence) {
                self.count(win);
                match fit(win, rows) {
                    Fit::Same(row) => drop(self.matched.insert(row.sequence)),
                    Fit::Differs(row, kind) => {
                        self.matched.insert(row.sequence);
                        self.findings.add(kind, differing(&user, win, row));
                    }
                    Fit::Unsettled(row, _) => {
                        self.matched.insert(row.sequence);
                        self.look_again(&user, win);
                    }
                    // Kafka may not have it: its row may come at any moment, or much later.
                    Fit::NoRow if self.in_flight.contains(win.sequence) => {
                        self.matched.insert(win.sequence);
                        self.report.in_flight += 1;
                    }
                    Fit::NoRow => {
                        let place_taken = rows.iter().any(|row| row.nth == win.nth);
                        rowless.push((user.clone(), *win, place_taken));
                    }
                }
            }
        }
        self.explain(look, rowless).await
    }

    async fn rows_of(
        &mut self,
        look: &Look<'_>,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<Win>>, Trouble> {
        let parts = users.chunks(users.len().div_ceil(READERS).max(1));
        let sessions = std::iter::once(&mut self.session).chain(&mut self.readers);
        let reads = sessions.zip(parts).map(|(reader, users)| reader.users(look.event, users));
        let rows = try_join_all(reads).await?;
        Ok(rows.into_iter().flatten().map(|rows| (rows.user, rows.wins)).collect())
    }

    fn count(&mut self, win: &Win) {
        if self.counted.insert(win.sequence) {
            self.report.wins += 1;
            self.held += units_held(win);
        }
    }

    fn look_again(&mut self, user: &UserId, win: &Win) {
        if self.unsettled.len() < MAX_SECOND_LOOKS {
            self.unsettled.push((user.clone(), *win));
        } else {
            self.report.unsettled += 1;
        }
    }

    /// Wins without a row: why each has none.
    async fn explain(
        &mut self,
        look: &Look<'_>,
        rowless: Vec<(UserId, Win, bool)>,
    ) -> Result<(), Trouble> {
        if rowless.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = rowless.iter().map(|(_, win, _)| win.coupon).collect();
        let numbers: Vec<u64> = rowless.iter().map(|(_, win, _)| win.sequence).collect();
        let elsewhere = self.session.coupons(&ids).await?;
        let explained = self.session.explained(look.event, &ids).await?;
        let taken = self.session.sequences_taken(look.event, &numbers).await?;
        let mut missing = Vec::new();
        for (user, win, place_taken) in rowless {
            let row = elsewhere.get(&win.coupon);
            if let Some(row) = row.filter(|row| row.event_id == *look.event) {
                self.matched.insert(row.sequence);
            }
            let why = Rowless {
                elsewhere: row.is_some(),
                explained: explained.get(&win.coupon).copied(),
                taken: place_taken || taken.contains(&win.sequence),
            };
            let detail = row.map(|row| owner_of_row(&row.event_id, &row.user_id));
            let offender = Offender::of(&user, &win).with(detail.unwrap_or_default());
            match why.kind() {
                Kind::DeadLettered => self.report.dead_lettered += 1,
                Kind::GivenUp => self.report.given_up += 1,
                _ => {}
            }
            self.findings.add(why.kind(), offender);
            if why.kind() == Kind::RowMissing {
                // If it is published now, its row comes while the rows are read.
                self.matched.insert(win.sequence);
                missing.push((user, win));
            }
        }
        self.report.published += look.repairs.publish(look, missing).await?;
        Ok(())
    }

    /// Rows whose win did not come: every win that was there all the while did.
    async fn all_rows(&mut self, look: &Look<'_>) -> Result<(), Trouble> {
        let mut after = 0;
        loop {
            let upto = look.mark.sequence;
            let asked = Instant::now();
            let page = self.session.sequences_between(look.event, after, upto, PAGE_ROWS).await?;
            let Some(&last) = page.last() else {
                return Ok(());
            };
            after = last;
            self.report.rows += page.len() as u64;
            let lacking: Vec<u64> =
                page.into_iter().filter(|&sequence| !self.matched.contains(sequence)).collect();
            for (user, row) in self.session.rows_of_sequences(look.event, &lacking).await? {
                self.findings.add(Kind::WinMissing, Offender::of(&user, &row));
            }
            look.pace.rest(asked.elapsed()).await;
        }
    }

    /// Wins whose row stood otherwise, once more.
    async fn second_looks(&mut self, look: &Look<'_>) -> Result<(), Trouble> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        sleep(SETTLE).await;
        self.session = look.store.connect().await?;
        for (user, first) in std::mem::take(&mut self.unsettled) {
            // In this order: a change that does not wait any more shows in Redis.
            let rows = self.session.users(look.event, std::slice::from_ref(&user)).await?;
            let rows = rows.into_iter().next().map(|rows| rows.wins).unwrap_or_default();
            let waits = self.session.change_waits(look.event, &first.coupon).await?;
            let now = wins_of(look.cluster, look.event, &user).await?;
            match second_look(&first, &now, &rows) {
                SecondLook::Settled => {}
                SecondLook::Stuck(_) if waits => self.report.in_flight += 1,
                SecondLook::Moving => self.report.unsettled += 1,
                SecondLook::Stuck(kind) => {
                    let row = rows.iter().find(|row| row.coupon == first.coupon);
                    let offender = differing(&user, &first, row.unwrap_or(&first));
                    self.findings.add(kind, offender);
                }
            }
        }
        Ok(())
    }

    /// The counter of held units. A return changes a win and the counter, perhaps not at once, so
    /// only a difference that stays the same from one whole look to another is one.
    async fn check_held(&mut self, look: &Look<'_>) -> Result<(), Trouble> {
        if self.held == look.mark.held {
            return Ok(());
        }
        sleep(SETTLE).await;
        let mark = still(look).await?;
        let wins = count_held(look, &mark).await?;
        if i128::from(mark.held) - i128::from(wins)
            == i128::from(look.mark.held) - i128::from(self.held)
        {
            let counter = mark.held;
            let text = format!("the shard counts {counter} units as held, its wins are {wins}");
            self.findings.add(Kind::HeldWrong, Offender::text(text));
        } else if mark.held != wins {
            self.report.unsettled += 1;
        }
        self.session = look.store.connect().await?;
        Ok(())
    }
}

/// Fails unless the event is as it was at T0, but for claims; returns how it stands now.
pub(super) async fn still(look: &Look<'_>) -> Result<Watermark, Trouble> {
    let event = look.store.connect().await?.event(look.event).await?.ok_or(Trouble::Moved)?;
    let now = watermark::take(look.cluster, &event).await?;
    let same = now.epoch == look.mark.epoch && now.identity == look.mark.identity;
    if same { Ok(now) } else { Err(Trouble::Moved) }
}

/// A page of wins, and how long the shard took to bring it.
struct Paged {
    page: WinsPage,
    took: Duration,
}

async fn wins_page(look: &Look<'_>, cursor: u64) -> Result<Paged, Trouble> {
    let asked = Instant::now();
    let page = || look.cluster.wins_page(look.event, cursor, PAGE_USERS);
    let page = patiently("a page of wins", page).await?;
    Ok(Paged { page, took: asked.elapsed() })
}

/// The page after a rest.
async fn next_page(look: &Look<'_>, cursor: u64, took: Duration) -> Result<Paged, Trouble> {
    look.pace.rest(took).await;
    wins_page(look, cursor).await
}

/// One user's wins on the shard.
pub(super) async fn wins_of(
    cluster: &Cluster,
    event: &EventId,
    user: &UserId,
) -> Result<Vec<Win>, Trouble> {
    let keys = EventKeys::new(event);
    let keys = [keys.state.as_str(), keys.wins.as_str()];
    let (slot, args) = (Cluster::slot_of(event), [user.as_str()]);
    let ask = || cluster.run_script(slot, &MINE, &keys, &args);
    let reply = patiently("a user's wins", ask).await?;
    let Some([_, wins]) = reply.items() else {
        return Err(Trouble::Moved);
    };
    let text = wins.text().unwrap_or_default();
    Ok(if text.is_empty() { Vec::new() } else { parse_wins(text).unwrap_or_default() })
}

/// What an event's wins come to by now, up to a watermark.
async fn count_held(look: &Look<'_>, mark: &Watermark) -> Result<u64, Trouble> {
    let (mut counted, mut held, mut cursor) = (Sequences::default(), 0, 0);
    loop {
        let Paged { page, took } = wins_page(look, cursor).await?;
        cursor = page.cursor;
        let wins = page.users.iter().flat_map(|user| &user.wins);
        for win in wins.filter(|win| win.sequence <= mark.sequence) {
            if counted.insert(win.sequence) {
                held += units_held(win);
            }
        }
        if cursor == 0 {
            return Ok(held);
        }
        look.pace.rest(took).await;
    }
}

fn units_held(win: &Win) -> u64 {
    if win.state.keeps_unit() { win.quantity.into() } else { 0 }
}

/// A win and how its row has it.
fn differing(user: &UserId, win: &Win, row: &Win) -> Offender {
    let of = |win: &Win| {
        let Win { sequence, nth, quantity, state, revision, .. } = win;
        let state = state.as_str();
        format!("number {sequence}, win {nth}, {quantity} units, {state}, revision {revision}")
    };
    Offender::of(user, win).with(format!("Redis: {}; MySQL: {}", of(win), of(row)))
}
