//! What can be wrong, each kind with its offender.

use std::fmt;

use contract::ids::CouponId;

/// A store, or what clients were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// What clients were told.
    Told,
    /// Rows of MySQL.
    Rows,
    /// Wins in Redis.
    Redis,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Told => "what clients were told",
            Self::Rows => "MySQL",
            Self::Redis => "Redis",
        })
    }
}

/// An invariant is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// I1: more units than there are.
    Oversold {
        /// Where.
        place: Place,
        /// Units told or held.
        units: u64,
        /// Units that there are.
        stock: u64,
    },
    /// I2: a user has more than the limit.
    Doubled {
        /// Where.
        place: Place,
        /// Who.
        user: String,
        /// What the user has.
        coupons: Vec<CouponId>,
        /// The limit.
        limit: u32,
    },
    /// I3: a coupon was told and is not there.
    Missing {
        /// Where it is missing.
        place: Place,
        /// Who was told.
        user: String,
        /// The coupon.
        coupon: CouponId,
        /// Its number.
        sequence: u64,
    },
    /// I3: a coupon was told and is there as another.
    Differs {
        /// Where.
        place: Place,
        /// The coupon.
        coupon: CouponId,
        /// User and number as told.
        told: (String, u64),
        /// User and number as they are there.
        found: (String, u64),
    },
    /// I7: one number was given to two coupons.
    SequenceTwice {
        /// Where.
        place: Place,
        /// The number.
        sequence: u64,
        /// Two of its coupons.
        coupons: [CouponId; 2],
    },
    /// One coupon was told to two users, or with two numbers.
    CouponTwice {
        /// The coupon.
        coupon: CouponId,
        /// Users and numbers.
        told: [(String, u64); 2],
    },
    /// The same attempt was told another coupon.
    AnswerChanged {
        /// Who.
        user: String,
        /// The `Idempotency-Key`.
        attempt: String,
        /// Two of the coupons.
        coupons: [CouponId; 2],
    },
    /// I6: after a win was told, the same claim was told a loss.
    WinnerToldLoss {
        /// Who.
        user: String,
        /// What had been told.
        coupon: CouponId,
        /// When it had been told.
        told_us: u64,
        /// When the request was sent that was answered with the loss.
        asked_us: u64,
    },
    /// I6: a claim was told sold out, and it has won. No unit came back that could explain it.
    LoserHolds {
        /// Where the win is.
        place: Place,
        /// Who.
        user: String,
        /// What it won.
        coupon: CouponId,
    },
    /// I6: somebody was told sold out, and units are left. None came back that could explain it.
    SoldOutWithUnitsLeft {
        /// Units held in the end.
        held: u64,
        /// Units that there are.
        stock: u64,
    },
    /// I6: a claim that was first asked after sold out had been told has won.
    WonAfterSoldOut {
        /// Who.
        user: String,
        /// What.
        coupon: CouponId,
        /// When it was first asked.
        asked_us: u64,
        /// When sold out had been told.
        sold_out_us: u64,
    },
    /// I6: more units were won by claims that were first asked after sold out had been told than
    /// came back since.
    TooManyAfterSoldOut {
        /// Units won.
        units: u64,
        /// Units that may have come back.
        added: u64,
        /// When sold out had been told.
        sold_out_us: u64,
    },
    /// A claim was first asked after a pause or a close, and has won before the event went on.
    WonWhileStopped {
        /// Who.
        user: String,
        /// What.
        coupon: CouponId,
        /// When it was first asked.
        asked_us: u64,
        /// When the pause or close had taken effect.
        stopped_us: u64,
    },
    /// A coupon that had been returned was told as its user's.
    ToldReturned {
        /// Who.
        user: String,
        /// The coupon.
        coupon: CouponId,
        /// When the request was sent that it answers.
        asked_us: u64,
    },
    /// I3: a win that was told, or free to be told, lost to another one.
    VoidTold {
        /// The coupon.
        coupon: CouponId,
        /// Who was told; `None`: a replica held it, and nobody here says that it was told.
        user: Option<String>,
    },
    /// A number that was told before another claim was asked is higher than that claim's.
    SequenceWentBack {
        /// The lower number, asked for later.
        later: (String, u64),
        /// The higher number, told earlier.
        earlier: (String, u64),
    },
    /// Redis and MySQL have the same coupon as different ones.
    Disagree {
        /// The coupon.
        coupon: CouponId,
        /// User and number in MySQL.
        row: (String, u64),
        /// User and number in Redis.
        win: (String, u64),
    },
    /// Redis and MySQL do not have the same coupons.
    OnlyIn {
        /// The one that has it.
        place: Place,
        /// Who.
        user: String,
        /// The coupon.
        coupon: CouponId,
    },
    /// The outbox does not empty.
    NotSettled {
        /// Its entries.
        entries: u64,
    },
    /// The counter of held units is not what the wins add up to.
    Miscounted {
        /// The counter.
        counter: u64,
        /// The sum.
        wins: u64,
    },
    /// Redis sells by another stock than MySQL has.
    StockDiffers {
        /// Units in Redis.
        redis: u64,
        /// Units in MySQL.
        mysql: u64,
    },
    /// I7: the next number that Redis gives is one that was given.
    SequenceBehind {
        /// The highest that Redis knows of.
        sequence: u64,
        /// The highest that there is.
        highest: u64,
    },
    /// Something in Redis cannot be read.
    Unreadable {
        /// How many fields or entries.
        count: u64,
    },
    /// Claims got no definite answer, although all is whole again.
    Unanswered {
        /// How many.
        claims: u64,
    },
    /// Claims were refused for another reason than sold out, and no operator gave one.
    Refused {
        /// How many answers.
        answers: u64,
    },
}

impl Violation {
    /// Whether it may go away by itself, because something is still on its way between the stores.
    pub fn may_settle(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::Disagree { .. }
                | Self::OnlyIn { .. }
                | Self::Miscounted { .. }
                | Self::StockDiffers { .. }
                | Self::SequenceBehind { .. }
                | Self::NotSettled { .. }
        )
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversold { place, units, stock } => {
                write!(f, "oversold: {units} units of {stock} in {place}")
            }
            Self::Doubled { place, user, coupons, limit } => {
                let coupons: Vec<String> = coupons.iter().map(CouponId::to_string).collect();
                let coupons = coupons.join(", ");
                write!(f, "doubled: {user} has more than {limit} in {place}: {coupons}")
            }
            Self::Missing { place, user, coupon, sequence } => write!(
                f,
                "missing: {user} was told {coupon}, number {sequence}, which is not in {place}"
            ),
            Self::Differs { place, coupon, told: (user, sequence), found: (other, number) } => {
                write!(
                    f,
                    "differs: {coupon} was told to {user} as number {sequence}; in {place} it is \
                 {other}'s, number {number}"
                )
            }
            Self::SequenceTwice { place, sequence, coupons: [one, two] } => {
                write!(f, "number twice: {sequence} is {one} and {two} in {place}")
            }
            Self::CouponTwice { coupon, told: [(one, first), (two, second)] } => write!(
                f,
                "coupon twice: {coupon} was told to {one} as number {first} and to {two} as number \
                 {second}"
            ),
            Self::AnswerChanged { user, attempt, coupons: [one, two] } => write!(
                f,
                "answer changed: {user} was told {one} and {two} for the same attempt {attempt}"
            ),
            Self::WinnerToldLoss { user, coupon, told_us, asked_us } => write!(
                f,
                "winner told a loss: {user} had {coupon} at {told_us} µs, asked again at \
                 {asked_us} µs and was refused"
            ),
            Self::LoserHolds { place, user, coupon } => {
                write!(f, "loser holds: {user} was told sold out and has {coupon} in {place}")
            }
            Self::SoldOutWithUnitsLeft { held, stock } => {
                write!(f, "sold out too early: it was told, and {held} units of {stock} are held")
            }
            Self::WonAfterSoldOut { user, coupon, asked_us, sold_out_us } => write!(
                f,
                "won after sold out: {user} first asked at {asked_us} µs, sold out had been told \
                 at {sold_out_us} µs, and won {coupon}"
            ),
            Self::TooManyAfterSoldOut { units, added, sold_out_us } => write!(
                f,
                "too many after sold out: {units} units went to claims that were first asked \
                 after sold out had been told at {sold_out_us} µs, and {added} came back"
            ),
            Self::WonWhileStopped { user, coupon, asked_us, stopped_us } => write!(
                f,
                "won while stopped: {user} first asked at {asked_us} µs, the event was stopped \
                 from {stopped_us} µs on, and won {coupon}"
            ),
            Self::ToldReturned { user, coupon, asked_us } => write!(
                f,
                "told though returned: {user} asked at {asked_us} µs and was told {coupon}, which \
                 had been returned"
            ),
            Self::VoidTold { coupon, user } => match user {
                Some(user) => write!(f, "void told: {user} was told {coupon}, which is void"),
                None => write!(f, "void told: {coupon} is void, and was free to be told"),
            },
            Self::SequenceWentBack { later: (later, low), earlier: (earlier, high) } => write!(
                f,
                "number went back: {later} asked after {earlier} had been told number {high}, and \
                 got number {low}"
            ),
            Self::Disagree { coupon, row: (user, sequence), win: (other, number) } => write!(
                f,
                "stores disagree: {coupon} is {user}'s, number {sequence}, in MySQL and {other}'s, \
                 number {number}, in Redis"
            ),
            Self::OnlyIn { place, user, coupon } => write!(f, "only in {place}: {user}'s {coupon}"),
            Self::NotSettled { entries } => {
                write!(f, "not settled: Kafka has not acknowledged {entries} outbox entries")
            }
            Self::Miscounted { counter, wins } => {
                write!(f, "miscounted: Redis counts {counter} units as held, its wins are {wins}")
            }
            Self::StockDiffers { redis, mysql } => {
                write!(f, "stock differs: {redis} units in Redis, {mysql} in MySQL")
            }
            Self::SequenceBehind { sequence, highest } => {
                write!(f, "number behind: Redis goes on from {sequence}, {highest} was given")
            }
            Self::Unanswered { claims } => {
                write!(f, "unanswered: {claims} claims never got a definite answer")
            }
            Self::Refused { answers } => {
                write!(f, "refused: {answers} answers were neither a win nor sold out")
            }
            Self::Unreadable { count } => {
                write!(f, "unreadable: {count} fields or entries in Redis")
            }
        }
    }
}
