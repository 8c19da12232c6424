//! How this process stands, for `/health`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use chrono::Utc;
use contract::topics::COUPON_ISSUED_PARTITIONS;
use links::standing::{Dependency, State, Watched};
use serde::Serialize;

use crate::consume::Unread;
use crate::fenced::Fenced;
use crate::metrics;

/// What this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Another process leads, or none can be asked.
    StandBy,
    /// It reads, relays and controls.
    Leader,
    /// It was asked to end.
    Draining,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All well.
    Ok,
    /// Something waits for an operator, or part of a server is missing; the rest goes on.
    Degraded,
    /// MySQL cannot be reached: nothing can be done.
    Down,
}

/// What `/health` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In one word.
    pub status: Health,
    /// What this process does.
    pub role: Role,
    /// Since when, in seconds.
    pub role_for_s: u64,
    /// Why MySQL cannot be used; empty: it can.
    pub mysql: String,
    /// Partitions that wait for an operator, and why.
    pub halted: BTreeMap<i32, String>,
    /// The servers that this process needs, and since when they stand as they do.
    pub dependencies: Vec<Dependency>,
}

/// Shared by everything that runs; every lock is held for a few instructions.
pub struct Status {
    inner: Mutex<Inner>,
    mysql: Watched,
    /// Noted by [`links::standing::watch_redis`].
    pub redis: Watched,
    /// Noted by [`links::standing::watch_kafka`].
    pub kafka: Watched,
    /// Noted by the readers of the partitions.
    pub unread: Unread,
    /// Noted by the control of events.
    pub fenced: Fenced,
}

struct Inner {
    role: Role,
    since: Instant,
    mysql: String,
    halted: BTreeMap<i32, String>,
    held_until: Option<Instant>,
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}

impl Status {
    /// Of a process that has just begun.
    pub fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                role: Role::StandBy,
                since: Instant::now(),
                mysql: "not asked yet".to_owned(),
                halted: BTreeMap::new(),
                held_until: None,
            }),
            mysql: Watched::new("mysql"),
            redis: Watched::new("redis"),
            kafka: Watched::new("kafka"),
            unread: Unread::default(),
            fenced: Fenced::default(),
        }
    }

    /// It does something else from now on.
    pub fn role(&self, role: Role) {
        self.with(|inner| {
            if inner.role != role {
                inner.role = role;
                inner.since = Instant::now();
            }
            if role == Role::StandBy {
                inner.halted.clear();
                count(inner);
                inner.held_until = None;
            }
        });
        if role == Role::StandBy {
            self.unread.forget();
            self.fenced.forget();
        }
        metrics::leader(role == Role::Leader);
    }

    /// The lease is surely held until then.
    pub fn leads_until(&self, until: Instant) {
        self.with(|inner| inner.held_until = Some(until));
    }

    /// Sets the gauges that show how things stand at this moment.
    pub fn show(&self) {
        for watched in [&self.mysql, &self.redis, &self.kafka] {
            metrics::dependency(&watched.last());
        }
        for (part, age) in self.unread.ages(Utc::now().timestamp_millis()) {
            metrics::lag_seconds(part, age);
        }
        let until = self.with(|inner| inner.held_until);
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let partitions = if until.is_some() { COUPON_ISSUED_PARTITIONS.unsigned_abs() } else { 0 };
        metrics::lease(partitions, left.unwrap_or_default());
    }

    /// MySQL answered.
    pub fn mysql_ok(&self) {
        self.with(|inner| inner.mysql.clear());
        self.mysql.note(State::Ok, "");
    }

    /// MySQL did not; returns whether that is news.
    pub fn mysql_failed(&self, why: &str) -> bool {
        self.mysql.note(State::Down, why);
        self.with(|inner| {
            let news = inner.mysql != why;
            why.clone_into(&mut inner.mysql);
            news
        })
    }

    /// A partition waits for an operator; returns whether that is news.
    pub fn halted(&self, part: i32, why: &str) -> bool {
        self.with(|inner| {
            let before = inner.halted.insert(part, why.to_owned());
            count(inner);
            before.as_deref() != Some(why)
        })
    }

    /// A partition goes on.
    pub fn running(&self, part: i32) {
        self.with(|inner| {
            if inner.halted.remove(&part).is_some() {
                count(inner);
            }
        });
    }

    /// How it stands now.
    pub fn report(&self) -> Report {
        let dependencies = vec![self.mysql.last(), self.redis.last(), self.kafka.last()];
        self.with(|inner| Report {
            status: health(inner, &dependencies),
            role: inner.role,
            role_for_s: inner.since.elapsed().as_secs(),
            mysql: inner.mysql.clone(),
            halted: inner.halted.clone(),
            dependencies,
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        // A thread that panicked here left a whole value behind.
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut inner)
    }
}

fn health(inner: &Inner, dependencies: &[Dependency]) -> Health {
    if !inner.mysql.is_empty() {
        Health::Down
    } else if inner.halted.is_empty() && !dependencies.iter().any(Dependency::lacks_something) {
        Health::Ok
    } else {
        Health::Degraded
    }
}

fn count(inner: &Inner) {
    metrics::halted_partitions(u32::try_from(inner.halted.len()).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_follows_mysql_and_halted_partitions() {
        let status = Status::new();
        assert_eq!(status.report().status, Health::Down);
        status.mysql_ok();
        assert_eq!(status.report().status, Health::Ok);
        assert!(status.halted(3, "gone"));
        assert!(!status.halted(3, "gone"), "the same again is no news");
        assert!(status.halted(3, "truncated"));
        assert_eq!(status.report().status, Health::Degraded);
        status.running(3);
        assert_eq!(status.report().status, Health::Ok);
        assert!(status.mysql_failed("refused"));
        assert!(!status.mysql_failed("refused"));
        assert_eq!(status.report().status, Health::Down);
    }

    #[test]
    fn a_server_that_lacks_something_degrades_and_is_named_with_since_when() {
        let status = Status::new();
        status.mysql_ok();
        let kafka = || status.report().dependencies[2].clone();
        assert_eq!((kafka().state, status.report().status), (State::Unknown, Health::Ok));
        status.kafka.note(State::Degraded, "a broker is gone");
        let since = kafka().since;
        assert_eq!(status.report().status, Health::Degraded);
        status.kafka.note(State::Degraded, "two brokers are gone");
        assert_eq!((kafka().since, kafka().detail.as_str()), (since, "two brokers are gone"));
        status.kafka.note(State::Ok, "");
        assert_eq!(status.report().status, Health::Ok);
        status.mysql_failed("refused");
        let mysql = status.report().dependencies[0].clone();
        assert_eq!((mysql.state, mysql.detail.as_str()), (State::Down, "refused"));
    }

    #[test]
    fn standing_by_forgets_what_was_halted() {
        let status = Status::new();
        status.mysql_ok();
        status.role(Role::Leader);
        status.halted(3, "gone");
        status.role(Role::StandBy);
        assert_eq!(status.report().halted.len(), 0);
        assert_eq!(status.report().role, Role::StandBy);
    }
}
