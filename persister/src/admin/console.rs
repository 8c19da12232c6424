//! The console: a page of plain HTML, CSS and modules, which this program carries with it. It asks the
//! API on the same port and nobody else.

use std::future::ready;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

/// Where the page is.
const HOME: &str = "/console/";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const MODULE: &str = "text/javascript; charset=utf-8";

/// A file of the page: its path, its type, its text.
type Page = (&'static str, &'static str, &'static str);

/// All files.
const FILES: [Page; 21] = [
    (HOME, HTML, include_str!("../../console/index.html")),
    ("/console/style.css", CSS, include_str!("../../console/style.css")),
    ("/console/icon.svg", SVG, include_str!("../../console/icon.svg")),
    ("/console/api.js", MODULE, include_str!("../../console/api.js")),
    ("/console/audit.js", MODULE, include_str!("../../console/audit.js")),
    ("/console/change.js", MODULE, include_str!("../../console/change.js")),
    ("/console/chart.js", MODULE, include_str!("../../console/chart.js")),
    ("/console/dialog.js", MODULE, include_str!("../../console/dialog.js")),
    ("/console/dom.js", MODULE, include_str!("../../console/dom.js")),
    ("/console/events.js", MODULE, include_str!("../../console/events.js")),
    ("/console/format.js", MODULE, include_str!("../../console/format.js")),
    ("/console/freshness.js", MODULE, include_str!("../../console/freshness.js")),
    ("/console/letters.js", MODULE, include_str!("../../console/letters.js")),
    ("/console/live.js", MODULE, include_str!("../../console/live.js")),
    ("/console/main.js", MODULE, include_str!("../../console/main.js")),
    ("/console/paged.js", MODULE, include_str!("../../console/paged.js")),
    ("/console/poll.js", MODULE, include_str!("../../console/poll.js")),
    ("/console/rates.js", MODULE, include_str!("../../console/rates.js")),
    ("/console/runs.js", MODULE, include_str!("../../console/runs.js")),
    ("/console/session.js", MODULE, include_str!("../../console/session.js")),
    ("/console/tiles.js", MODULE, include_str!("../../console/tiles.js")),
];

/// Nothing from elsewhere, nothing inline, in nobody's frame; and no text ever becomes markup.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'";

/// The page's routes. Nobody needs a token for them: they hold nothing that is not public.
pub(super) fn routes() -> Router {
    let home = || ready(Redirect::temporary(HOME));
    let router = Router::new().route("/", get(home)).route("/console", get(home));
    FILES.into_iter().fold(router, |router, (path, kind, text)| {
        let tag = tag_of(text);
        let file = move |headers: HeaderMap| ready(answer(&headers, kind, text, &tag));
        router.route(path, get(file))
    })
}

/// Says on every answer what a browser may make of it; data is never kept.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A browser asks each time, and is sent only what changed.
fn answer(headers: &HeaderMap, kind: &'static str, text: &'static str, tag: &str) -> Response {
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

fn tag_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a module imports, or a page names.
    fn named(text: &str) -> impl Iterator<Item = &str> {
        let quoted = text.split('"').skip(1).step_by(2);
        let is_file = |name: &&str| [".js", ".css", ".svg"].iter().any(|end| name.ends_with(end));
        quoted.filter(is_file)
    }

    #[test]
    fn what_a_file_names_is_served_and_every_file_is_named() {
        let paths: Vec<&str> = FILES.iter().map(|(path, ..)| *path).collect();
        let mut unnamed = paths.clone();
        for (path, _, text) in FILES {
            for name in named(text) {
                let found = format!("{HOME}{}", name.trim_start_matches("./"));
                assert!(paths.contains(&found.as_str()), "{path} names {name}");
                unnamed.retain(|path| *path != found);
            }
        }
        assert_eq!(unnamed, [HOME]);
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_no_text_becomes_markup() {
        for (path, _, text) in FILES {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            let banned = ["http:", "https:", "innerHTML", "outerHTML", "document.write", "eval("];
            for word in banned.into_iter().chain([" style=", "<style", "onclick=", "localStorage"])
            {
                assert!(!text.contains(word), "{path} has {word}");
            }
        }
    }

    #[test]
    fn a_file_that_is_known_is_not_sent_again() {
        let sent = |headers: &HeaderMap| answer(headers, CSS, "p {}", &tag_of("p {}"));
        let first = sent(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let mut known = HeaderMap::new();
        known.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(sent(&known).status(), StatusCode::NOT_MODIFIED);
        known.insert(IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(sent(&known).status(), StatusCode::OK);
    }
}
