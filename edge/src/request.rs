//! Requests, read into types: whatever comes after this file is well-formed.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use contract::ids::{Attempt, BadId, EventId, MAX_IDEMPOTENCY_KEY_BYTES, UserId};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use serde::Deserialize;
use tokio::time::timeout;

/// The longest body of a claim, in bytes. The longest useful one has about 160.
pub const MAX_BODY_BYTES: usize = 4_096;
/// For the whole body to arrive, once the headers have.
pub const BODY_DEADLINE: Duration = Duration::from_secs(5);
/// The longest request id that is taken over, in bytes; NGINX makes 32.
pub const MAX_REQUEST_ID_BYTES: usize = 64;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request for a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// Of what.
    pub event: EventId,
    /// Who asks, if the body says so.
    pub user: Option<UserId>,
    /// Names this attempt.
    pub attempt: Attempt,
    /// Names the request in logs and in the record's headers.
    pub request_id: Option<RequestId>,
}

/// An id that a proxy gave the request: up to [`MAX_REQUEST_ID_BYTES`] of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Something in it is wrong; the sentence says what.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// The body is longer than [`MAX_BODY_BYTES`].
    #[error("the body may have at most {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// The body took longer than [`BODY_DEADLINE`].
    #[error("the body did not arrive within {} seconds", BODY_DEADLINE.as_secs())]
    TooSlow,
    /// The body is something other than JSON.
    #[error("the body must be application/json, not compressed")]
    NotJson,
}

/// The body of a claim. An id is a text here so that a wrong one is named by its field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueBody<'a> {
    #[serde(borrow)]
    event_id: Text<'a>,
    #[serde(borrow, default)]
    user_id: Option<Text<'a>>,
}

/// Borrowed from the body where it has no escapes. (serde borrows a bare `Cow`, but not one inside
/// an `Option`.)
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a claim from its headers and body.
pub async fn read_issue(headers: &HeaderMap, body: Incoming) -> Result<IssueRequest, BadRequest> {
    require_json(headers)?;
    let attempt = attempt(headers)?;
    let body = read_body(body).await?;
    parse_issue(&body, attempt, request_id(headers))
}

/// Reads a claim from its body, once its headers are read.
pub fn parse_issue(
    body: &[u8],
    attempt: Attempt,
    request_id: Option<RequestId>,
) -> Result<IssueRequest, BadRequest> {
    // serde would take an array of the values as well.
    if body.trim_ascii_start().first().is_some_and(|&byte| byte != b'{') {
        return Err(BadRequest::Malformed("the body must be a JSON object".into()));
    }
    let wrong = |error: serde_json::Error| malformed(format!("the body is wrong: {error}"));
    let body: IssueBody<'_> = serde_json::from_slice(body).map_err(wrong)?;
    Ok(IssueRequest {
        event: parse_event(&body.event_id.0)?,
        user: body.user_id.map(|user| parse_user(&user.0)).transpose()?,
        attempt,
        request_id,
    })
}

/// Reads an event's id from a body or a path.
pub fn parse_event(text: &str) -> Result<EventId, BadRequest> {
    text.parse().map_err(|bad| bad_id("event_id", bad))
}

fn parse_user(text: &str) -> Result<UserId, BadRequest> {
    text.parse().map_err(|bad| bad_id("user_id", bad))
}

/// Reads the user that a query names: `user_id` is the one parameter there is. Ids hold nothing
/// that would need percent-encoding.
pub fn parse_query(query: Option<&str>) -> Result<Option<UserId>, BadRequest> {
    let mut user = None;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("user_id", _)) if user.is_some() => {
                return Err(BadRequest::Malformed("user_id is given twice".into()));
            }
            Some(("user_id", text)) => user = Some(parse_user(text)?),
            _ => {
                let text = "the query has a parameter that is not user_id";
                return Err(BadRequest::Malformed(text.into()));
            }
        }
    }
    Ok(user)
}

/// Whether the headers say that the body is JSON, as it is.
pub fn require_json(headers: &HeaderMap) -> Result<(), BadRequest> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    let json = media_type.trim().eq_ignore_ascii_case("application/json");
    if json && !headers.contains_key(CONTENT_ENCODING) { Ok(()) } else { Err(BadRequest::NotJson) }
}

/// Reads the name of the attempt; [`Attempt::NONE`] where there is none.
pub fn attempt(headers: &HeaderMap) -> Result<Attempt, BadRequest> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(Attempt::NONE);
    };
    if keys.next().is_some() {
        return Err(BadRequest::Malformed("Idempotency-Key is given twice".into()));
    }
    let key = key.as_bytes();
    let good = (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len())
        && key.iter().all(u8::is_ascii_graphic);
    if !good {
        let text = "Idempotency-Key must be 1 to 255 visible ASCII characters";
        return Err(BadRequest::Malformed(text.into()));
    }
    Ok(Attempt::from_key(key))
}

/// Reads the request's id. One that is not well-formed is as good as none: it comes from a proxy, not
/// from a client who could be told.
pub fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let good = (1..=MAX_REQUEST_ID_BYTES).contains(&text.len()) && text.bytes().all(allowed);
    good.then(|| RequestId(text.into()))
}

async fn read_body(body: Incoming) -> Result<Bytes, BadRequest> {
    // A body that says at once how long it is need not be read to be refused.
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(BadRequest::TooLarge);
    }
    timeout(BODY_DEADLINE, collect(body)).await.map_err(|_| BadRequest::TooSlow)?
}

async fn collect(mut body: Incoming) -> Result<Bytes, BadRequest> {
    let cut_off = |_| BadRequest::Malformed("the body was cut off".into());
    // Nearly every body comes in one piece, which is then used as it is.
    let first = next_piece(&mut body).await.map_err(cut_off)?.unwrap_or_default();
    check_length(first.len())?;
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(piece) = next_piece(&mut body).await.map_err(cut_off)? {
        check_length(whole.len() + piece.len())?;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        // Trailers are of no interest.
        if let Ok(piece) = frame?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

fn check_length(bytes: usize) -> Result<(), BadRequest> {
    if bytes > MAX_BODY_BYTES { Err(BadRequest::TooLarge) } else { Ok(()) }
}

fn bad_id(field: &str, bad: BadId) -> BadRequest {
    malformed(format!("{field} {bad}"))
}

fn malformed(text: String) -> BadRequest {
    BadRequest::Malformed(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn parse(body: &str) -> Result<IssueRequest, BadRequest> {
        parse_issue(body.as_bytes(), Attempt::NONE, None)
    }

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_claim_names_an_event_and_perhaps_a_user() {
        let request = parse(r#"{"event_id":"spring","user_id":"ann"}"#).unwrap();
        assert_eq!(request.event.as_str(), "spring");
        assert_eq!(request.user, Some("ann".parse().unwrap()));
        // Other spellings of the same JSON.
        assert_eq!(
            parse(" {\"user_id\" : \"\\u0061nn\",\n \"event_id\":\"spring\"} "),
            Ok(request)
        );
        for nobody in [r#"{"event_id":"spring"}"#, r#"{"event_id":"spring","user_id":null}"#] {
            assert_eq!(parse(nobody).unwrap().user, None);
        }
    }

    #[test]
    fn a_wrong_body_is_told_what_is_wrong_with_it() {
        let long = format!(r#"{{"event_id":"{}"}}"#, "x".repeat(65));
        let cases = [
            ("", "EOF while parsing"),
            ("spring", "must be a JSON object"),
            (r#"["spring","ann"]"#, "must be a JSON object"),
            ("{", "EOF while parsing"),
            ("{}", "missing field `event_id`"),
            (r#"{"event_id":7}"#, "invalid type: integer `7`"),
            (r#"{"event_id":"a","event_id":"b"}"#, "duplicate field `event_id`"),
            (r#"{"event_id":"a","quantity":2}"#, "unknown field `quantity`"),
            (r#"{"event_id":"a"} x"#, "trailing characters"),
            (r#"{"event_id":""}"#, "event_id must not be empty"),
            (r#"{"event_id":"a b"}"#, "event_id may only contain"),
            (&long, "event_id must be at most 64"),
            (r#"{"event_id":"a","user_id":"é"}"#, "user_id may only contain"),
            (r#"{"event_id":"a","user_id":""}"#, "user_id must not be empty"),
        ];
        for (body, why) in cases {
            let error = parse(body).unwrap_err();
            assert!(matches!(error, BadRequest::Malformed(_)), "{body}");
            assert!(error.to_string().contains(why), "{body}: {error}");
        }
    }

    #[test]
    fn only_json_is_read() {
        let json =
            |value: &'static str| require_json(&headers(&[("content-type", value.as_bytes())]));
        for good in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(json(good), Ok(()));
        }
        for bad in ["", "text/plain", "application/jsonp", "multipart/form-data"] {
            assert_eq!(json(bad), Err(BadRequest::NotJson), "{bad}");
        }
        assert_eq!(require_json(&HeaderMap::new()), Err(BadRequest::NotJson));
        let packed =
            headers(&[("content-type", b"application/json"), ("content-encoding", b"gzip")]);
        assert_eq!(require_json(&packed), Err(BadRequest::NotJson));
    }

    #[test]
    fn an_idempotency_key_is_one_visible_word() {
        let key = |value: &[u8]| attempt(&headers(&[("idempotency-key", value)]));
        assert_eq!(attempt(&HeaderMap::new()), Ok(Attempt::NONE));
        assert_eq!(key(b"k-1"), Ok(Attempt::from_key(b"k-1")));
        assert_eq!(key(&[b'x'; 255]), Ok(Attempt::from_key(&[b'x'; 255])));
        for bad in [&b""[..], b"a b", b"\xff", &[b'x'; 256]] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
        let twice = headers(&[("idempotency-key", b"a"), ("idempotency-key", b"a")]);
        assert!(attempt(&twice).is_err());
    }

    #[test]
    fn a_request_id_is_taken_over_if_it_is_harmless() {
        let id = |value: &[u8]| request_id(&headers(&[("x-request-id", value)]));
        assert_eq!(id(b"abc-1").as_ref().map(RequestId::as_str), Some("abc-1"));
        for bad in [&b""[..], b"a b", b"a\"b", &[b'x'; 65]] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_query_names_one_user_at_most() {
        assert_eq!(parse_query(None), Ok(None));
        assert_eq!(parse_query(Some("")), Ok(None));
        assert_eq!(parse_query(Some("user_id=ann")), Ok(Some("ann".parse().unwrap())));
        for bad in ["user_id=", "user_id=a%20b", "user_id", "x=1", "user_id=a&user_id=a"] {
            assert!(parse_query(Some(bad)).is_err(), "{bad}");
        }
    }
}
