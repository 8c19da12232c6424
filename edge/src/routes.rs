//! All routes.

use std::net::IpAddr;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Method, Request};
use links::trace::{Span, Tracer};

use crate::cors::{self, Origins};
use crate::demo::Demo;
use crate::health::Health;
use crate::issue::Issue;
use crate::language::{self, Language};
use crate::metrics::{RequestMetrics, RouteTimes};
use crate::mine::Coupons;
use crate::reply::{self, HttpResponse, Reply};
use crate::stage::Stages;
use crate::status::Statuses;
use crate::trace;

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
    /// The contract.
    OpenApi,
    /// The demo page.
    Demo,
    /// Nothing.
    Unknown,
}

impl Route {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Issue,
        Self::Status,
        Self::Mine,
        Self::Health,
        Self::Live,
        Self::Ready,
        Self::OpenApi,
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
            Self::OpenApi => "openapi",
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
            "/openapi.json" => (Self::OpenApi, ""),
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
    /// Whose pages may read answers.
    pub origins: Origins,
    /// Whether clients are to go elsewhere.
    pub stages: Stages,
    /// What was answered.
    pub metrics: RequestMetrics,
    /// How long that took.
    pub times: RouteTimes,
    /// Whether the demo page is shown.
    pub demo: Demo,
    /// Who traces claims.
    pub tracer: Tracer,
}

impl Routes {
    /// Answers one request, which came from that address.
    pub async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> HttpResponse {
        let (route, event) = Route::of(request.uri().path());
        let began = self.times.begin(route);
        let language = Language::of(request.headers());
        let page = self.origins.allow(request.headers());
        let asks_beforehand = *request.method() == Method::OPTIONS;
        let reply = match route {
            Route::Unknown => reply::not_found(),
            _ if asks_beforehand => reply::options(route.methods()),
            _ if !route.takes(request.method()) => reply::method_not_allowed(route.methods()),
            Route::Issue => self.claim(request, peer, began).await,
            // Boxed: every connection keeps room for the largest future that is not.
            Route::Status => reply::status(Box::pin(self.statuses.status(event)).await),
            Route::Mine => reply::mine(Box::pin(self.coupons.mine(event, &request, peer)).await),
            Route::Health => reply::health(&self.health.report()),
            Route::Live => reply::live(),
            Route::Ready => reply::ready(self.health.ready()),
            Route::OpenApi => reply::openapi(),
            Route::Demo => reply::demo(self.demo.find(event)),
        };
        let Reply { code, mut response } = match language.words(reply.code) {
            None => reply,
            Some(words) => Box::pin(language::told_in(words, reply)).await,
        };
        if let Some(page) = page {
            self.origins.let_read(page, response.headers_mut());
            if asks_beforehand {
                cors::let_send(response.headers_mut(), route.methods());
            }
        }
        self.metrics.answered(route, code);
        self.times.end(route, began);
        if !self.stages.is_serving() {
            // A proxy that keeps connections open would else send its next request into a close.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn claim(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        began: Option<Instant>,
    ) -> Reply {
        let span = trace::claim(&self.tracer, request.headers());
        let context = span.as_ref().map(Span::context);
        let result = self.issue.issue(request, peer, began, context).await;
        let span = span.map(|span| trace::of_event(span, &result));
        let reply = reply::issue(result);
        if let Some(span) = span {
            trace::answered(span, reply.code);
        }
        reply
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
            ("/openapi.json", Route::OpenApi, ""),
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
