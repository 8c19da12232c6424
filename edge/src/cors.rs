//! Pages of other origins that may read answers: nobody's, unless `FIRSTCOME_CORS_ORIGINS` says so.
//!
//! No answer depends on cookies, so none is asked for (`Access-Control-Allow-Credentials` stays out):
//! whoever claims names themselves in a header or a body that a strange page does not have.

use std::sync::Arc;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// What a page may read beside the body; `client/` reads the first two.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Retry-After, Date, RateLimit, RateLimit-Policy, X-Request-Id");
/// What a page may send; `client/` sends the first three.
const TAKEN: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, Accept-Language");
/// Seconds for which a browser need not ask again; Chromium keeps it no longer.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("7200");
/// The most origins of a deployment.
const MAX_ORIGINS: usize = 32;
/// Stands for every origin.
const ANY: &str = "*";

/// Whose pages may read answers, as browsers name them; `*` alone: everybody's. None by default: only
/// those of the same origin, as browsers see to themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Arc<[HeaderValue]>);

/// A page that may read the answer. A byte, because each connection keeps room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed(u8);

impl Origins {
    /// Reads `https://shop.example,https://m.shop.example:8443`, or `*`; nothing is nobody.
    pub fn parse(text: &str) -> Option<Self> {
        let origins: Option<Vec<HeaderValue>> = match text {
            "" => Some(Vec::new()),
            ANY => Some(vec![HeaderValue::from_static(ANY)]),
            text => text.split(',').map(origin).collect(),
        };
        origins.filter(|origins| origins.len() <= MAX_ORIGINS).map(|origins| Self(origins.into()))
    }

    /// Whether the page that asks, if a page does, may read the answer.
    pub fn allow(&self, headers: &HeaderMap) -> Option<Allowed> {
        if self.0.is_empty() {
            return None;
        }
        let asks = headers.get(ORIGIN)?;
        let nth = self.0.iter().position(|origin| origin == asks || origin == ANY)?;
        u8::try_from(nth).ok().map(Allowed)
    }

    /// Lets the page read an answer.
    pub fn let_read(&self, page: Allowed, answer: &mut HeaderMap) {
        if let Some(origin) = self.0.get(usize::from(page.0)) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            answer.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// As browsers write one: scheme, host and perhaps port, in lower case, without a path.
fn origin(text: &str) -> Option<HeaderValue> {
    let text = text.trim();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    let good = !host.is_empty() && host.bytes().all(plain);
    good.then(|| HeaderValue::try_from(text).ok()).flatten()
}

/// Answers a browser that asks beforehand (OPTIONS) what a page may send.
pub fn let_send(answer: &mut HeaderMap, methods: &'static str) {
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, TAKEN);
    answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_by(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers
    }

    /// What the answer says of its readers.
    fn readers(origins: &Origins, asked: &HeaderMap) -> Option<HeaderValue> {
        let mut answer = HeaderMap::new();
        origins.let_read(origins.allow(asked)?, &mut answer);
        answer.remove(ACCESS_CONTROL_ALLOW_ORIGIN)
    }

    #[test]
    fn only_the_listed_ones_are_allowed() {
        let origins = Origins::parse("https://shop.example, http://localhost:3000").unwrap();
        let shop = asked_by("https://shop.example");
        assert_eq!(readers(&origins, &shop).unwrap(), "https://shop.example");
        let local = asked_by("http://localhost:3000");
        assert_eq!(readers(&origins, &local).unwrap(), "http://localhost:3000");
        for stranger in [
            "http://shop.example",
            "https://shop.example:8443",
            "https://shop.example.evil",
            "null",
            "*",
        ] {
            assert_eq!(origins.allow(&asked_by(stranger)), None, "{stranger}");
        }
        assert_eq!(origins.allow(&HeaderMap::new()), None);
        let any = Origins::parse("*").unwrap();
        assert_eq!(readers(&any, &shop).unwrap(), "*");
        assert_eq!(any.allow(&HeaderMap::new()), None);
        assert_eq!(Origins::default().allow(&shop), None);
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        assert_eq!(Origins::parse(""), Some(Origins::default()));
        let many = ["https://a.example"; MAX_ORIGINS + 1].join(",");
        for bad in [
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://Shop.example",
            "https://a.example,",
            "https://a.example,*",
            "null",
            "ftp://a",
            "https://a b",
            &many,
        ] {
            assert_eq!(Origins::parse(bad), None, "{bad}");
        }
    }

    /// A browser would refuse to send what is not listed, and to show what is not exposed.
    #[test]
    fn what_our_client_sends_and_reads_is_allowed() {
        let client = include_str!("../../client/dist/client.js");
        let exchange = include_str!("../../client/dist/exchange.js");
        for sent in ["Authorization", "Content-Type", "Idempotency-Key"] {
            assert!(client.contains(&format!("\"{sent}\"")), "the client sends no {sent}");
            assert!(TAKEN.to_str().unwrap().contains(sent), "{sent}");
        }
        let read = exchange.split("headers.get(\"").skip(1);
        let read: Vec<&str> = read.map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(read.contains(&"retry-after"), "{read:?}");
        let exposed = EXPOSED.to_str().unwrap().to_ascii_lowercase();
        let exposed: Vec<&str> = exposed.split(", ").collect();
        assert!(read.iter().all(|name| exposed.contains(name)), "{read:?} {exposed:?}");
    }
}
