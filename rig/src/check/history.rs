//! A history, folded as it is read: what was told to whom, and when.
//!
//! Memory goes with the number of claims and winners, not with the number of lines.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use contract::ids::CouponId;

use super::refusals::Refusals;
use super::sold_outs::{SoldOut, SoldOuts};
use super::timing::Timing;
use crate::rush::answer::{LIMIT_REACHED, Meaning, meaning};
use crate::rush::line::{self, BadLine, Header, Line, ToldCoupon};
use crate::rush::operation::{Operated, Operation};

/// How much of the file is read at once, in bytes.
const READ_BYTES: usize = 1 << 20;

/// What clients were told.
#[derive(Debug)]
pub struct History {
    /// What the history is about.
    pub header: Header,
    /// Every coupon that somebody was told of, once for each attempt that it was told to.
    pub told: Vec<Told>,
    /// When sold out was told.
    pub sold_outs: SoldOuts,
    /// What operators did.
    pub operated: Vec<Operated>,
    /// Claims to which nobody ever got a definite answer.
    pub unknown: u64,
    /// Definite answers that were neither a win nor sold out.
    pub refusals: Refusals,
    /// How long everything took.
    pub timing: Timing,
    claims: Claims,
}

/// A coupon as it was told to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who was told.
    pub user: Box<str>,
    /// The coupon.
    pub coupon: CouponId,
    /// Its number.
    pub sequence: u64,
    /// How it was told.
    pub way: Way,
    /// When it was told first: the answer had arrived.
    pub told_us: u64,
    /// When its claim was first asked: it cannot have been granted before.
    pub asked_us: u64,
    /// When the last request was sent that was answered with it.
    pub last_asked_us: u64,
    /// The last request of its claim that was answered with a loss.
    pub loss: Option<Loss>,
    /// When the last request of its claim was sent that was told sold out, before or after.
    pub sold_out_asked_us: Option<u64>,
}

/// A request that was answered with a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// When it was sent.
    pub asked_us: u64,
    /// When its answer had arrived.
    pub told_us: u64,
}

/// How a coupon was told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Way {
    /// As the answer to a claim with this `Idempotency-Key`, if any.
    Answer(Option<Box<str>>),
    /// As one of those that use up the user's limit.
    Listed,
}

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadHistory {
    /// The file cannot be read.
    #[error("cannot read the history {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what this build writes.
    #[error("line {number} of the history: {source}")]
    Line {
        /// From 1.
        number: u64,
        /// What is wrong.
        source: BadLine,
    },
    /// A line does not follow from those before it.
    #[error("line {number} of the history {problem}")]
    Order {
        /// From 1.
        number: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is nothing in it.
    #[error("the history has no request: it proves nothing")]
    Empty,
}

impl History {
    /// Reads a history. A last line that was cut short is left out: its writer was killed.
    pub fn read(path: &Path) -> Result<Self, BadHistory> {
        let io = |source| BadHistory::Io { path: path.to_owned(), source };
        let mut reader = BufReader::with_capacity(READ_BYTES, File::open(path).map_err(io)?);
        let (mut fold, mut text) = (Fold::default(), String::new());
        while reader.read_line(&mut text).map_err(io)? > 0 {
            if let Some(whole) = text.strip_suffix('\n') {
                fold.take(whole)?;
            }
            text.clear();
        }
        fold.finish()
    }

    /// When a user sent the last request that was told sold out, if any was. Only where the limit
    /// is 1 is a user one claim.
    pub fn told_sold_out(&self, user: &str) -> Option<u64> {
        let claim = self.claims.numbers.get(user);
        claim.and_then(|&claim| self.claims.state(claim).sold_out_asked_us)
    }

    /// How many different coupons were told.
    pub fn coupons_told(&self) -> u64 {
        let coupons: HashSet<CouponId> = self.told.iter().map(|told| told.coupon).collect();
        coupons.len() as u64
    }

    /// Whether an operator closed the event, or tried to.
    pub fn closed(&self) -> bool {
        self.operated.iter().any(|one| one.operation == Operation::Close)
    }

    /// Coupons whose units operators took back, or tried to: they may be sold again.
    pub fn returned(&self) -> u64 {
        let coupons = self.operated.iter().filter_map(|one| match one.operation {
            Operation::Return(coupon) | Operation::Withdraw(coupon) => Some(coupon),
            _ => None,
        });
        coupons.collect::<HashSet<_>>().len() as u64
    }

    /// How many claims there were: users where the limit is 1, else attempts.
    pub fn claims(&self) -> u64 {
        self.claims.states.len() as u64
    }
}

/// What must have one and the same answer: all that a user asks where the limit is 1, all with the
/// same attempt key where it is higher.
#[derive(Debug, Default)]
struct Claims {
    numbers: HashMap<Box<str>, u32>,
    states: Vec<Claim>,
}

#[derive(Debug, Clone, Copy)]
struct Claim {
    first_asked_us: u64,
    settled: bool,
    sold_out_asked_us: Option<u64>,
    loss: Option<Loss>,
}

impl Claims {
    fn asked(&mut self, name: &str, at_us: u64) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = u32::try_from(self.states.len()).expect("a history has fewer claims");
        self.numbers.insert(name.into(), number);
        self.states.push(Claim {
            first_asked_us: at_us,
            settled: false,
            sold_out_asked_us: None,
            loss: None,
        });
        number
    }

    fn state(&self, claim: u32) -> Claim {
        self.states[claim as usize]
    }
}

/// A request that has no answer yet.
struct Pending {
    claim: u32,
    asked_us: u64,
    user: Box<str>,
    attempt: Option<Box<str>>,
}

/// Who was told a coupon, when first, and when it was asked for last.
struct FirstTold {
    user: Box<str>,
    at_us: u64,
    last_asked_us: u64,
}

/// A history that is being read.
#[derive(Default)]
pub struct Fold {
    lines: u64,
    header: Option<Header>,
    claims: Claims,
    pending: HashMap<u64, Pending>,
    told: HashMap<(u32, CouponId, u64, Way), FirstTold>,
    sold_outs: SoldOuts,
    operated: Vec<Operated>,
    refusals: Refusals,
    timing: Timing,
}

impl Fold {
    /// Takes the next line in, without its line feed.
    pub fn take(&mut self, text: &str) -> Result<(), BadHistory> {
        self.lines += 1;
        let number = self.lines;
        let line = line::parse(text).map_err(|source| BadHistory::Line { number, source })?;
        let order = |problem| BadHistory::Order { number, problem };
        if self.header.is_none() != matches!(line, Line::Header(_)) {
            return Err(order("must be its one header, and first"));
        }
        match line {
            Line::Header(header) => self.header = Some(header),
            Line::Asked { request, at_us, user, attempt } => {
                self.asked(request, at_us, user, attempt)
            }
            Line::Answered { request, at_us, status, code, coupons } => {
                let pending = self.pending.remove(&request);
                let pending = pending.ok_or(order("answers a request that was not asked"))?;
                self.answered(pending, at_us, (status, code), coupons);
            }
            // Its outcome stays unknown: it may still be carried out.
            Line::Lost { request, .. } => {
                let pending = self.pending.remove(&request);
                pending.ok_or(order("gives up a request that was not asked"))?;
                self.timing.again += 1;
            }
            Line::Persisted { at_us, rows } => self.timing.persisted(at_us, rows),
            Line::Operated(operated) => self.operated.push(operated),
        }
        Ok(())
    }

    fn asked(&mut self, request: u64, at_us: u64, user: &str, attempt: Option<&str>) {
        let limit = self.header.as_ref().map_or(1, |header| header.limit);
        let claim = if limit == 1 {
            self.claims.asked(user, at_us)
        } else {
            let name = format!("{user}\t{}", attempt.unwrap_or("-"));
            self.claims.asked(&name, at_us)
        };
        self.timing.asked(at_us);
        let pending =
            Pending { claim, asked_us: at_us, user: user.into(), attempt: attempt.map(Box::from) };
        self.pending.insert(request, pending);
    }

    fn answered(
        &mut self,
        pending: Pending,
        at_us: u64,
        (status, code): (u16, &str),
        coupons: Vec<ToldCoupon>,
    ) {
        let claim = &mut self.claims.states[pending.claim as usize];
        let meaning = meaning(status, code);
        let loss = match meaning {
            Meaning::AskAgain => {
                self.timing.again += 1;
                return;
            }
            Meaning::Won => false,
            Meaning::SoldOut => {
                let asked_us = pending.asked_us;
                claim.sold_out_asked_us = claim.sold_out_asked_us.max(Some(asked_us));
                self.sold_outs.note(SoldOut { asked_us, told_us: at_us });
                true
            }
            // A coupon that was taken away is no loss that a race could explain.
            Meaning::Refused => {
                self.refusals.note(code);
                code != "revoked"
            }
        };
        if loss && claim.loss.is_none_or(|last| last.asked_us < pending.asked_us) {
            claim.loss = Some(Loss { asked_us: pending.asked_us, told_us: at_us });
        }
        self.timing.answered(meaning, at_us - pending.asked_us);
        if !claim.settled {
            claim.settled = true;
            self.timing.settled(claim.first_asked_us, at_us);
        }
        let listed = code == LIMIT_REACHED;
        for coupon in coupons {
            let way = if listed { Way::Listed } else { Way::Answer(pending.attempt.clone()) };
            self.told(&pending, coupon, way, at_us);
        }
    }

    fn told(&mut self, pending: &Pending, coupon: ToldCoupon, way: Way, at_us: u64) {
        let key = (pending.claim, coupon.coupon, coupon.sequence, way);
        let last_asked_us = pending.asked_us;
        let first = self.told.entry(key).or_insert_with(|| FirstTold {
            user: pending.user.clone(),
            at_us,
            last_asked_us,
        });
        first.at_us = first.at_us.min(at_us);
        first.last_asked_us = first.last_asked_us.max(last_asked_us);
    }

    /// Ends the history.
    pub fn finish(self) -> Result<History, BadHistory> {
        let header = self.header.ok_or(BadHistory::Empty)?;
        if self.claims.states.is_empty() {
            return Err(BadHistory::Empty);
        }
        let claims = self.claims;
        let told = self.told.into_iter().map(|(key, first)| {
            let (claim, coupon, sequence, way) = key;
            let claim = claims.state(claim);
            Told {
                user: first.user,
                coupon,
                sequence,
                way,
                told_us: first.at_us,
                asked_us: claim.first_asked_us,
                last_asked_us: first.last_asked_us,
                loss: claim.loss,
                sold_out_asked_us: claim.sold_out_asked_us,
            }
        });
        let mut told: Vec<Told> = told.collect();
        // In the order in which they were told, so that offenders are named in it.
        told.sort_by(|a, b| {
            (a.told_us, a.sequence, &a.user).cmp(&(b.told_us, b.sequence, &b.user))
        });
        let mut timing = self.timing;
        timing.told(last_told_us(&told));
        Ok(History {
            header,
            told,
            sold_outs: self.sold_outs,
            operated: self.operated,
            refusals: self.refusals,
            unknown: claims.states.iter().filter(|claim| !claim.settled).count() as u64,
            timing,
            claims,
        })
    }
}

/// When the last coupon was told for the first time, of those in the order of their telling.
fn last_told_us(told: &[Told]) -> Option<u64> {
    let mut seen = HashSet::new();
    let firsts = told.iter().filter(|told| seen.insert(told.coupon));
    firsts.last().map(|told| told.told_us)
}
