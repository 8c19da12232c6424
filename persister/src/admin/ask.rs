//! What a call says: its path, its query and its body, checked.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::{Code, Problem};
use super::tokens::Caller;
use crate::events::ask::{Ask, Mode};
use crate::operator::parse_why;
use crate::store::LAST_MS;
use crate::store::audit::{MAX_WHY_CHARS, Operator, Way};

/// The longest wait that a call may ask for, in seconds.
pub(super) const MAX_WAIT_S: u64 = 30;

/// A JSON body; none is `{}`. It says what is asked for and, beside it, how it is meant. Fields that
/// nobody reads are refused: a misspelt one would silently not be done.
pub(super) struct Body<T> {
    /// What is asked for.
    pub(super) what: T,
    /// How it is meant.
    pub(super) how: How,
}

/// The part of a path that names something.
pub(super) struct Named<T>(pub(super) T);

/// A query string.
pub(super) struct Asked<T>(pub(super) T);

/// What is asked for by a path alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Who asks for a change, and what the headers say about it.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// Whose token it is.
    pub(super) caller: Caller,
    /// All of them.
    pub(super) headers: HeaderMap,
}

/// The page of a list that is asked for where nothing but its length is: the newest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Newest {
    limit: Option<u32>,
}

/// How a change is meant; every change may say it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct How {
    why: String,
    dry_run: bool,
    if_version: Option<u64>,
    wait_s: u64,
}

/// The fields of [`How`].
const HOW: [&str; 4] = ["why", "dry_run", "if_version", "wait_s"];

impl How {
    /// Who asks for it and how. `If-Match: "3"` says the same as `"if_version": 3`.
    pub(super) fn ask(&self, asking: &Asking) -> Result<Ask, Problem> {
        let why = parse_why(&self.why).ok_or_else(|| {
            malformed(format!("why is one line of {MAX_WHY_CHARS} characters at most"))
        })?;
        let operator = Operator { who: asking.caller.name.clone(), way: Way::Api, why };
        let mode = if self.dry_run { Mode::DryRun } else { Mode::Do };
        Ok(Ask { operator, mode, if_version: self.version(&asking.headers)? })
    }

    /// The same of what has no version to compare: a new event, a coupon, a dead letter.
    pub(super) fn ask_once(&self, asking: &Asking) -> Result<Ask, Problem> {
        if self.if_version.is_some() || asking.headers.contains_key(IF_MATCH) {
            return Err(malformed("only a change of an event takes if_version or If-Match"));
        }
        self.ask(asking)
    }

    /// How long to wait until the change is carried.
    pub(super) fn patience(&self) -> Result<Duration, Problem> {
        if self.wait_s <= MAX_WAIT_S {
            Ok(Duration::from_secs(self.wait_s))
        } else {
            Err(malformed(format!("wait_s is {MAX_WAIT_S} at most")))
        }
    }

    fn version(&self, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
        let Some(tag) = headers.get(IF_MATCH) else {
            return Ok(self.if_version);
        };
        let text = tag.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(self.if_version);
        }
        let version = text.trim_matches('"').parse().map_err(|_| {
            malformed("If-Match takes the event's version, as its ETag says it: \"3\"")
        })?;
        match self.if_version {
            Some(other) if other != version => {
                Err(malformed("If-Match and if_version name two versions"))
            }
            _ => Ok(Some(version)),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_owned());
        let bytes = Bytes::from_request(request, state).await.map_err(|rejected| {
            let too_large = rejected.status() == StatusCode::PAYLOAD_TOO_LARGE;
            let code = if too_large { Code::TooLarge } else { Code::Malformed };
            Problem::new(code, rejected.body_text())
        })?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        let json = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("application/json"));
        if !json {
            return Err(Problem::new(Code::UnsupportedType, "the body must be application/json"));
        }
        read(&bytes).map_err(|error| malformed(error.to_string()))
    }
}

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for Named<T>
where
    T::Err: std::fmt::Display,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text): Path<String> = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejected| malformed(rejected.body_text()))?;
        text.parse().map(Self).map_err(|error: T::Err| malformed(error.to_string()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejected| malformed(rejected.body_text()))?;
        Ok(Self(asked))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let nobody = || Problem::new(Code::Unauthenticated, "nobody is named");
        Ok(Self { caller: caller.ok_or_else(nobody)?, headers: parts.headers.clone() })
    }
}

impl Newest {
    /// How many, where nothing is said, and the most.
    pub(super) fn limit(&self, default: u32, most: u32) -> Result<u32, Problem> {
        limited(self.limit, default, most)
    }
}

/// Divides the fields between what is asked for and how it is meant.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, serde_json::Error> {
    let all: Map<String, Value> = serde_json::from_slice(bytes)?;
    let (how, what): (Map<_, _>, Map<_, _>) =
        all.into_iter().partition(|(field, _)| HOW.contains(&field.as_str()));
    Ok(Body {
        what: serde_json::from_value(what.into())?,
        how: serde_json::from_value(how.into())?,
    })
}

/// How many are asked for: what is said, from 1 to `most`, or else `default`.
pub(super) fn limited(limit: Option<u32>, default: u32, most: u32) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(default);
    if (1..=most).contains(&limit) {
        Ok(limit)
    } else {
        Err(malformed(format!("limit is from 1 to {most}")))
    }
}

/// A time in Unix milliseconds, where one is said.
pub(super) fn ms(time: Option<DateTime<Utc>>, field: &str) -> Result<Option<u64>, Problem> {
    let Some(time) = time else {
        return Ok(None);
    };
    match u64::try_from(time.timestamp_millis()) {
        Ok(ms) if (1..=LAST_MS).contains(&ms) => Ok(Some(ms)),
        _ => Err(malformed(format!("{field} must be from 1970 to 9999"))),
    }
}

pub(super) fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tokens::Role;
    use axum::http::HeaderValue;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Stock {
        to: u64,
    }

    fn asking(headers: HeaderMap) -> Asking {
        let caller = Caller { name: "ann".to_owned(), role: Role::Operator };
        Asking { caller, headers }
    }

    #[test]
    fn a_body_says_what_and_how() {
        let body: Body<Stock> = read(br#"{"to": 5, "why": "more", "dry_run": true}"#).unwrap();
        assert_eq!((body.what.to, body.how.why.as_str(), body.how.dry_run), (5, "more", true));
        assert!(read::<Nothing>(b"{}").is_ok());
        let bad: [&[u8]; 5] =
            [b"[]", br#"{"too": 5}"#, br#"{"to": 5, "dryrun": true}"#, br#"{"to": -1}"#, b"{"];
        for bad in bad {
            assert!(read::<Stock>(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reason_is_one_line_of_text() {
        let why = |text: &str| {
            let how = How { why: text.to_owned(), ..How::default() };
            how.ask(&asking(HeaderMap::new())).is_ok()
        };
        assert!(why("more came") && why(""));
        assert!(!why("ok\n57 bob (cli) close spring") && !why("\u{1b}[2J"));
    }

    #[test]
    fn if_match_is_the_version() {
        let version = |how: How, tag: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_static(tag));
            how.ask(&asking(headers)).map(|ask| ask.if_version)
        };
        let three = || How { if_version: Some(3), ..How::default() };
        assert_eq!(version(How::default(), "\"3\"").unwrap(), Some(3));
        assert_eq!(version(three(), "*").unwrap(), Some(3));
        assert_eq!(version(three(), "3").unwrap(), Some(3));
        assert!(version(three(), "\"4\"").is_err());
        assert!(version(How::default(), "W/\"x\"").is_err());
    }
}
