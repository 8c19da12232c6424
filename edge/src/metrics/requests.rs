//! Of the HTTP side: what was answered, and how long that took.

use std::cell::Cell;
use std::time::Instant;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{
    CLAIM_SAMPLE, CONNECTIONS, READ_SECONDS, REFUSED_CONNECTIONS, REFUSED_HEADERS, REQUEST_SECONDS,
    REQUESTS,
};
use crate::code::Code;
use crate::proxy_protocol;
use crate::routes::Route;

/// Of the HTTP side. A clone shares the handles.
#[derive(Clone)]
pub struct RequestMetrics {
    /// By route, then by code.
    requests: Vec<Vec<Counter>>,
    /// Open connections.
    pub connections: Gauge,
    /// Closed at once.
    pub refused_connections: Counter,
    /// By why.
    refused_headers: Vec<Counter>,
}

impl RequestMetrics {
    /// The handles.
    pub fn register() -> Self {
        let counter = |route: Route, code: Code| counter!(REQUESTS, "route" => route.as_str(), "code" => code.as_str());
        let of_route = |route| Code::ALL.map(|code| counter(route, code)).to_vec();
        let refused =
            |why: proxy_protocol::Refused| counter!(REFUSED_HEADERS, "why" => why.as_str());
        Self {
            requests: Route::ALL.map(of_route).to_vec(),
            connections: gauge!(CONNECTIONS),
            refused_connections: counter!(REFUSED_CONNECTIONS),
            refused_headers: proxy_protocol::Refused::ALL.map(refused).to_vec(),
        }
    }

    /// A forwarder's connection was closed.
    pub fn refused_header(&self, why: proxy_protocol::Refused) {
        self.refused_headers[why as usize].increment(1);
    }

    /// A request was answered.
    pub fn answered(&self, route: Route, code: Code) {
        self.requests[route as usize][code as usize].increment(1);
    }
}

/// How long requests take, on one core.
pub struct RouteTimes {
    /// By route.
    seconds: Vec<Histogram>,
    /// Claims until the next one is timed.
    left: Cell<u32>,
}

impl RouteTimes {
    /// The handles. The first claim is timed.
    pub fn register() -> Self {
        let of = |route: Route| histogram!(REQUEST_SECONDS, "route" => route.as_str());
        Self { seconds: Route::ALL.map(of).to_vec(), left: Cell::new(0) }
    }

    /// A request's head came; when, if it is one that is timed.
    pub fn begin(&self, route: Route) -> Option<Instant> {
        if route != Route::Issue {
            return Some(Instant::now());
        }
        let left = self.left.get();
        self.left.set(left.checked_sub(1).unwrap_or(CLAIM_SAMPLE - 1));
        (left == 0).then(Instant::now)
    }

    /// Its answer is made.
    pub fn end(&self, route: Route, began: Option<Instant>) {
        if let Some(began) = began {
            self.seconds[route as usize].record(began.elapsed().as_secs_f64());
        }
    }
}

/// Of the reading of claims.
pub struct ReadMetrics {
    seconds: Histogram,
}

impl ReadMetrics {
    /// The handle.
    pub fn register() -> Self {
        Self { seconds: histogram!(READ_SECONDS) }
    }

    /// A claim is read, if it is one that is timed.
    pub fn read(&self, began: Option<Instant>) {
        if let Some(began) = began {
            self.seconds.record(began.elapsed().as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_claims_is_timed_and_the_first_is() {
        let times = RouteTimes::register();
        let timed = |route| -> Vec<u32> {
            (0..2 * CLAIM_SAMPLE + 1).filter(|_| times.begin(route).is_some()).collect()
        };
        assert_eq!(timed(Route::Issue), [0, CLAIM_SAMPLE, 2 * CLAIM_SAMPLE]);
        assert_eq!(timed(Route::Status).len(), 2 * CLAIM_SAMPLE as usize + 1, "all of the others");
    }
}
