//! How often somebody may ask: each user, each address, and all together.
//!
//! NGINX holds floods back before they come here (`nginx/limits.conf`); this is for what passes it:
//! many addresses of one user, users behind one edge's forwarder, more in all than is wanted. What a
//! layer does not allow is answered 429 before anything is looked up.

pub mod address;
mod keyed;
mod spread;

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter};
use hyper::header::HeaderMap;

pub use address::MAX_HOPS;
use keyed::Keyed;
pub use keyed::MAX_KEYS;
use spread::Spread;

/// Requests a second, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// On average.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// What is allowed. None: whatever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Setting {
    /// Everybody together, on this edge.
    pub all: Option<Rate>,
    /// Each address: an IPv4 one, or the network of an IPv6 one.
    pub address: Option<Rate>,
    /// Each user.
    pub user: Option<Rate>,
    /// Proxies in front that can be believed, each of which adds to `X-Forwarded-For`.
    pub trusted_hops: usize,
}

/// Who is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Everybody together.
    All,
    /// An address.
    Address,
    /// A user.
    User,
}

impl Layer {
    /// Its name, in headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
            Self::User => "user",
        }
    }
}

/// Too many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Whose.
    pub layer: Layer,
    /// What is allowed.
    pub rate: Rate,
    /// When the next one may come, at the earliest.
    pub wait: Duration,
    /// Over how long those who were turned away should come back.
    pub spread: Duration,
}

/// Counts requests. A clone counts with it.
#[derive(Clone)]
pub struct Limits(Arc<Counts>);

struct Counts {
    all: Option<(Counted<DefaultDirectRateLimiter>, Spread)>,
    address: Option<Counted<Keyed>>,
    user: Option<Counted<Keyed>>,
    trusted_hops: usize,
}

/// A layer: what is allowed, and what has come.
struct Counted<L> {
    layer: Layer,
    rate: Rate,
    limiter: L,
}

impl Rate {
    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }

    /// Seconds in which a whole burst is earned again.
    pub fn window_s(self) -> u32 {
        self.burst.get().div_ceil(self.per_second.get())
    }
}

impl<L> Counted<L> {
    fn exceeded(&self, wait: Duration, spread: Duration) -> Exceeded {
        Exceeded { layer: self.layer, rate: self.rate, wait, spread }
    }
}

impl Counted<Keyed> {
    fn keyed(layer: Layer, rate: Rate) -> Self {
        Self { layer, rate, limiter: Keyed::new(rate.quota()) }
    }

    /// Others have their own limit, so there is no crowd to be spread.
    fn check<K: Hash + ?Sized>(&self, key: &K) -> Result<(), Exceeded> {
        self.limiter.check(key).map_err(|wait| self.exceeded(wait, spread::LEAST))
    }
}

impl Limits {
    /// Nobody has asked yet.
    pub fn new(setting: Setting) -> Self {
        let all = |rate: Rate| {
            let limiter = RateLimiter::direct(rate.quota());
            (Counted { layer: Layer::All, rate, limiter }, Spread::new(rate))
        };
        Self(Arc::new(Counts {
            all: setting.all.map(all),
            address: setting.address.map(|rate| Counted::keyed(Layer::Address, rate)),
            user: setting.user.map(|rate| Counted::keyed(Layer::User, rate)),
            trusted_hops: setting.trusted_hops,
        }))
    }

    /// Whether a request from there may be looked at. The address first, so that one that asks too
    /// much takes nothing of what is for all.
    pub fn admits(&self, headers: &HeaderMap, peer: IpAddr) -> Result<(), Exceeded> {
        if let Some(address) = &self.0.address {
            let from = address::client(headers, peer, self.0.trusted_hops);
            address.check(&address::limited(from))?;
        }
        let Some((all, spread)) = &self.0.all else {
            return Ok(());
        };
        let now = DefaultClock::default().now();
        let wait = |until: NotUntil<_>| until.wait_time_from(now);
        all.limiter.check().map_err(|until| all.exceeded(wait(until), spread.turned_away()))
    }

    /// Whether a user, who is known, may ask.
    pub fn admits_user(&self, user: &UserId) -> Result<(), Exceeded> {
        self.0.user.as_ref().map_or(Ok(()), |users| users.check(user.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate { per_second: number(per_second), burst: number(burst) }
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn a_user_has_a_burst_and_the_next_one_has_too() {
        let limits = Limits::new(Setting { user: Some(rate(1, 3)), ..Setting::default() });
        for _ in 0..3 {
            assert_eq!(limits.admits_user(&user("ann")), Ok(()));
        }
        let exceeded = limits.admits_user(&user("ann")).unwrap_err();
        assert_eq!((exceeded.layer, exceeded.rate.window_s()), (Layer::User, 3));
        assert!(exceeded.wait > Duration::ZERO && exceeded.wait <= Duration::from_secs(1));
        assert_eq!(limits.admits_user(&user("bob")), Ok(()));
    }

    #[test]
    fn an_address_that_asks_too_much_takes_nothing_from_all() {
        let setting =
            Setting { all: Some(rate(1, 4)), address: Some(rate(1, 2)), ..Setting::default() };
        let limits = Limits::new(setting);
        let ask = |from: &str| limits.admits(&HeaderMap::new(), from.parse().unwrap());
        let layer = |from: &str| ask(from).err().map(|exceeded| exceeded.layer);
        for _ in 0..2 {
            assert_eq!(ask("192.0.2.1"), Ok(()));
        }
        for _ in 0..10 {
            assert_eq!(layer("192.0.2.1"), Some(Layer::Address));
        }
        // One network.
        assert_eq!(ask("2001:db8::1"), Ok(()));
        assert_eq!(ask("2001:db8::2"), Ok(()));
        assert_eq!(layer("2001:db8::3"), Some(Layer::Address));
        assert_eq!(layer("192.0.2.2"), Some(Layer::All));
    }

    #[test]
    fn without_limits_whatever_comes_is_admitted() {
        let limits = Limits::new(Setting::default());
        for _ in 0..100 {
            assert_eq!(limits.admits_user(&user("ann")), Ok(()));
            assert_eq!(limits.admits(&HeaderMap::new(), "192.0.2.1".parse().unwrap()), Ok(()));
        }
    }
}
