//! Errors of the admin API as RFC 9457 problem documents: the one place where they become HTTP.

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tracing::{error, warn};

use crate::store::{Retry, StoreError};

/// What went wrong, as `code` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// For its list of all of them, which a new one cannot be left out of.
#[cfg_attr(test, derive(clap::ValueEnum))]
pub(super) enum Code {
    /// The request is not as described.
    Malformed,
    /// Its body is too large.
    TooLarge,
    /// Its body is not JSON.
    UnsupportedType,
    /// No token, or an unknown one.
    Unauthenticated,
    /// Its address sent too many unknown tokens.
    LockedOut,
    /// The token's role does not allow it.
    Forbidden,
    /// There is nothing at this path.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// There is no such event.
    UnknownEvent,
    /// No row has the coupon.
    UnknownCoupon,
    /// There is no such run of reconcile, or no more.
    UnknownRun,
    /// There is no such dead letter.
    UnknownLetter,
    /// The event's id was used before.
    IdUsed,
    /// It cannot come from where it stands.
    Refused,
    /// Winners hold more units than that.
    Held,
    /// Somebody else changed it since.
    VersionConflict,
    /// The event is being armed: ask again.
    BeingArmed,
    /// Too many calls at once.
    Busy,
    /// MySQL, Redis or Kafka does not answer.
    Unavailable,
    /// It took too long.
    Deadline,
    /// Something is wrong that asking again does not mend.
    Internal,
}

/// A problem, on its way to becoming a response.
#[derive(Debug)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    more: Map<String, Value>,
    /// Seconds until another try is of use, where that is known.
    retry_after_s: Option<u64>,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::LockedOut => StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound
            | Self::UnknownEvent
            | Self::UnknownCoupon
            | Self::UnknownRun
            | Self::UnknownLetter => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::IdUsed | Self::Refused | Self::Held | Self::VersionConflict => {
                StatusCode::CONFLICT
            }
            Self::BeingArmed | Self::Busy | Self::Unavailable | Self::Deadline => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word, and the title that people read.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("malformed", "Malformed request"),
            Self::TooLarge => ("too_large", "Request too large"),
            Self::UnsupportedType => ("unsupported_type", "Unsupported media type"),
            Self::Unauthenticated => ("unauthenticated", "Unauthenticated"),
            Self::LockedOut => ("locked_out", "Too many unknown tokens"),
            Self::Forbidden => ("forbidden", "Forbidden"),
            Self::NotFound => ("not_found", "Not found"),
            Self::MethodNotAllowed => ("method_not_allowed", "Method not allowed"),
            Self::UnknownEvent => ("unknown_event", "Unknown event"),
            Self::UnknownCoupon => ("unknown_coupon", "Unknown coupon"),
            Self::UnknownRun => ("unknown_run", "Unknown run of reconcile"),
            Self::UnknownLetter => ("unknown_letter", "Unknown dead letter"),
            Self::IdUsed => ("id_used", "Id was used before"),
            Self::Refused => ("refused", "Not possible as it stands"),
            Self::Held => ("held", "Winners hold more"),
            Self::VersionConflict => ("version_conflict", "Somebody else changed it"),
            Self::BeingArmed => ("being_armed", "Being armed"),
            Self::Busy => ("busy", "Too many calls at once"),
            Self::Unavailable => ("unavailable", "A dependency does not answer"),
            Self::Deadline => ("deadline", "Took too long"),
            Self::Internal => ("internal", "Something is wrong here"),
        }
    }
}

impl Problem {
    /// A problem, in words that say what to do.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), more: Map::new(), retry_after_s: None }
    }

    /// Asking again is of no use before so many seconds.
    pub(super) fn after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// With another member.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }
}

/// What MySQL did not do may have been done: the caller asks again, which changes nothing twice. Where
/// that cannot help, the log says what is wrong.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let for_good = matches!(error, StoreError::Schema(_) | StoreError::Unreadable { .. });
        if for_good || error.retry() == Retry::Permanent {
            error!(%error, "the admin API cannot do what it was asked");
            return Self::new(Code::Internal, "the log of this persister says what is wrong");
        }
        if matches!(error, StoreError::Busy(_)) {
            return Self::new(Code::Busy, "too many calls at once: nothing was done, ask again");
        }
        warn!(%error, "the admin API did not get an answer");
        let detail = "MySQL did not answer; a change may or may not have been made: ask again";
        Self::new(Code::Unavailable, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, (word, title)) = (self.code.status(), self.code.words());
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(format!("urn:firstcome:problem:{word}")));
        body.insert("title".to_owned(), json!(title));
        body.insert("status".to_owned(), json!(status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail));
        body.insert("code".to_owned(), json!(word));
        body.extend(self.more);
        let mut response = (status, Json(Value::Object(body))).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.code {
            Code::Unauthenticated => {
                let scheme = HeaderValue::from_static("Bearer realm=\"firstcome-admin\"");
                headers.insert(WWW_AUTHENTICATE, scheme);
            }
            Code::MethodNotAllowed => {
                headers.entry(ALLOW).or_insert(HeaderValue::from_static("GET, POST"));
            }
            Code::BeingArmed | Code::Busy | Code::Unavailable | Code::Deadline => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use clap::ValueEnum;

    use super::*;

    #[test]
    fn the_contract_has_every_code_with_its_status_and_title() {
        let all = Code::value_variants();
        let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
        let responses = document["components"]["responses"].as_object().unwrap().values();
        let mut shown = BTreeSet::new();
        for response in responses {
            let examples = &response["content"]["application/problem+json"]["examples"];
            for (word, example) in examples.as_object().unwrap() {
                let code = all.iter().find(|code| code.words().0 == word);
                let code = code.unwrap_or_else(|| panic!("{word} is no code"));
                let told = &example["value"];
                assert_eq!(told["status"], code.status().as_u16(), "{word}");
                assert_eq!(told["title"], code.words().1, "{word}");
                shown.insert(word.clone());
            }
        }
        assert_eq!(shown, all.iter().map(|code| code.words().0.to_owned()).collect());
    }

    #[test]
    fn only_what_another_try_may_mend_says_ask_again() {
        let told = |error: StoreError| {
            let response = Problem::from(error).into_response();
            (response.status().as_u16(), response.headers().contains_key(RETRY_AFTER))
        };
        assert_eq!(told(StoreError::Spent), (503, true));
        assert_eq!(told(StoreError::Busy(Duration::from_secs(2))), (503, true));
        assert_eq!(told(StoreError::Schema("lacks 0011_desk".to_owned())), (500, false));
        let found = "x".to_owned();
        assert_eq!(told(StoreError::Unreadable { column: "phase", found }), (500, false));
    }
}
