//! All routes.

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Method, Request};

use crate::demo::Demo;
use crate::health::Health;
use crate::issue::Issue;
use crate::metrics::RequestMetrics;
use crate::mine::Coupons;
use crate::reply::{self, HttpResponse, Reply};
use crate::stage::Stages;
use crate::status::Statuses;

const ISSUE: &str = "/api/v1/coupons/issue";
const STATUS: &str = "/api/v1/coupons/status/";
const MINE: &str = "/api/v1/coupons/mine/";
const DEMO: &str = "/demo";

/// A path that is known, or that there is none. Names requests in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Claims.
    Issue,
    /// How an event stands.
    Status,
    /// Somebody's coupons.
    Mine,
    /// How well the edge is.
    Health,
    /// Whether it lives.
    Live,
    /// Whether it is to be sent requests.
    Ready,
    /// The demo page.
    Demo,
    /// Nothing.
    Unknown,
}

impl Route {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::Issue,
        Self::Status,
        Self::Mine,
        Self::Health,
        Self::Live,
        Self::Ready,
        Self::Demo,
        Self::Unknown,
    ];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Status => "status",
            Self::Mine => "mine",
            Self::Health => "health",
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Demo => "demo",
            Self::Unknown => "unknown",
        }
    }

    /// The route of a path, and what the path says beyond it.
    fn of(path: &str) -> (Self, &str) {
        match path {
            ISSUE => (Self::Issue, ""),
            "/health" => (Self::Health, ""),
            "/health/live" => (Self::Live, ""),
            "/health/ready" => (Self::Ready, ""),
            _ => {
                let status = path.strip_prefix(STATUS).map(|event| (Self::Status, event));
                let mine = || path.strip_prefix(MINE).map(|event| (Self::Mine, event));
                let demo = || demo_path(path).map(|file| (Self::Demo, file));
                status.or_else(mine).or_else(demo).unwrap_or((Self::Unknown, ""))
            }
        }
    }

    /// What `Allow` says of it.
    fn methods(self) -> &'static str {
        match self {
            Self::Issue => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// HEAD is a GET whose body hyper leaves out.
    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Issue => *method == Method::POST,
            _ => *method == Method::GET || *method == Method::HEAD,
        }
    }
}

/// What follows the demo's own path.
fn demo_path(path: &str) -> Option<&str> {
    path.strip_prefix(DEMO).filter(|file| file.is_empty() || file.starts_with('/'))
}

/// Answers requests, on one core.
pub struct Routes {
    /// Claims.
    pub issue: Issue,
    /// How events stand.
    pub statuses: Statuses,
    /// Somebody's coupons.
    pub coupons: Coupons,
    /// The edge itself.
    pub health: Health,
    /// Whether clients are to go elsewhere.
    pub stages: Stages,
    /// What was answered.
    pub metrics: RequestMetrics,
    /// Whether the demo page is shown.
    pub demo: Demo,
}

impl Routes {
    /// Answers one request, which came from that address.
    pub async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> HttpResponse {
        let (route, event) = Route::of(request.uri().path());
        let Reply { code, mut response } = match route {
            Route::Unknown => reply::not_found(),
            _ if *request.method() == Method::OPTIONS => reply::options(route.methods()),
            _ if !route.takes(request.method()) => reply::method_not_allowed(route.methods()),
            Route::Issue => reply::issue(self.issue.issue(request, peer).await),
            // Boxed: every connection keeps room for the largest future that is not.
            Route::Status => reply::status(Box::pin(self.statuses.status(event)).await),
            Route::Mine => reply::mine(Box::pin(self.coupons.mine(event, &request, peer)).await),
            Route::Health => reply::health(&self.health.report()),
            Route::Live => reply::live(),
            Route::Ready => reply::ready(self.health.ready()),
            Route::Demo => reply::demo(self.demo.find(event)),
        };
        self.metrics.answered(route, code);
        if !self.stages.is_serving() {
            // A proxy that keeps connections open would else send its next request into a close.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_route() {
        let cases = [
            ("/api/v1/coupons/issue", Route::Issue, ""),
            ("/api/v1/coupons/status/spring", Route::Status, "spring"),
            ("/api/v1/coupons/mine/spring", Route::Mine, "spring"),
            ("/api/v1/coupons/mine/a/b", Route::Mine, "a/b"),
            ("/health", Route::Health, ""),
            ("/health/live", Route::Live, ""),
            ("/health/ready", Route::Ready, ""),
            ("/demo", Route::Demo, ""),
            ("/demo/app.js", Route::Demo, "/app.js"),
            ("/demonstration", Route::Unknown, ""),
            ("/api/v1/coupons/issue/", Route::Unknown, ""),
            ("/metrics", Route::Unknown, ""),
            ("/", Route::Unknown, ""),
        ];
        for (path, route, event) in cases {
            assert_eq!(Route::of(path), (route, event), "{path}");
        }
    }

    #[test]
    fn all_are_listed_in_their_order() {
        for (index, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index);
        }
    }

    #[test]
    fn only_claims_are_posted() {
        assert!(Route::Issue.takes(&Method::POST) && !Route::Issue.takes(&Method::GET));
        assert!(Route::Status.takes(&Method::HEAD) && !Route::Status.takes(&Method::POST));
    }
}
