//! What clients send to an edge.

use contract::ids::{Attempt, MAX_IDEMPOTENCY_KEY_BYTES};
use edge::cors::Origins;
use edge::language::Language;
use edge::request::{attempt, parse_event, parse_issue, parse_query, request_id, require_json};
use fuzz::{bytes, holds, text};
use hyper::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};

const CLAIM: &str = r#"{"event_id":"spring","user_id":"ann"}"#;

#[test]
fn a_body_is_read_or_refused_with_a_reason() {
    let right = [CLAIM, r#"{"event_id":"spring"}"#, r#"{"event_id":"spring","user_id":null}"#];
    holds(bytes(right.map(str::to_owned).into()), |body| {
        match parse_issue(&body, Attempt::NONE, None) {
            // What was taken says the same if it is written plainly.
            Ok(claim) => {
                let user = claim.user.as_ref().map(|user| user.as_str());
                let plain =
                    serde_json::json!({ "event_id": claim.event.as_str(), "user_id": user });
                parse_issue(plain.to_string().as_bytes(), Attempt::NONE, None) == Ok(claim)
            }
            Err(refused) => !refused.to_string().is_empty(),
        }
    });
}

#[test]
fn a_path_and_a_query_name_an_event_and_a_user_or_nobody() {
    holds(text(vec!["spring".to_owned()]), |text| match parse_event(&text) {
        Ok(event) => event.as_str() == text,
        Err(_) => true,
    });
    let right = ["user_id=ann", "user_id=ann&", "&user_id=ann", ""];
    holds(text(right.map(str::to_owned).into()), |query| match parse_query(Some(&query)) {
        Ok(Some(user)) => query.trim_matches('&') == format!("user_id={}", user.as_str()),
        Ok(None) => query.trim_matches('&').is_empty(),
        Err(_) => true,
    });
}

#[test]
fn any_accept_language_prefers_something() {
    let right = ["ko-KR,ko;q=0.9,en-US;q=0.8", "en", "*", "ko;q=0.001"];
    holds(bytes(right.map(str::to_owned).into()), |value| {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return true };
        let names_korean = value.as_bytes().to_ascii_lowercase().windows(2).any(|two| two == b"ko");
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, value)]);
        names_korean || Language::of(&headers) == Language::English
    });
}

#[test]
fn origins_are_what_browsers_send() {
    let right = ["https://shop.example", "http://localhost:3000,https://shop.example", "*", ""];
    holds(text(right.map(str::to_owned).into()), |text| match Origins::parse(&text) {
        // Each that is listed is allowed, and a stranger is where everybody is.
        Some(origins) => {
            let allows = |origin: &str| {
                let headers = one(ORIGIN, origin.as_bytes());
                headers.is_some_and(|headers| origins.allow(&headers).is_some())
            };
            let listed = |text: &str| text.split(',').all(|origin| allows(origin.trim()));
            (text.is_empty() || listed(&text)) && allows("https://evil.example") == (text == "*")
        }
        None => !text.is_empty() && text != "*",
    });
}

#[test]
fn an_attempt_is_one_visible_word_and_a_request_id_is_harmless() {
    const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    let keys = ["8f14e45f-ceea-467f-a0e6-3f3e1d5c2b7a".to_owned(), "k".repeat(255)];
    holds(bytes(keys.into()), |key| {
        let Some(headers) = one(IDEMPOTENCY_KEY, &key) else { return true };
        let visible = key.iter().all(u8::is_ascii_graphic);
        let good = visible && (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len());
        attempt(&headers).ok() == good.then(|| Attempt::from_key(&key))
    });
    let ids = ["7c1f0d3e5b2a49b8a6d4c3e2f1a09876".to_owned(), "x".repeat(64), "x".repeat(65)];
    holds(bytes(ids.into()), |id| {
        let Some(headers) = one(REQUEST_ID, &id) else { return true };
        request_id(&headers).is_none_or(|found| {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
            found.as_str().as_bytes() == id && id.len() <= 64 && id.iter().all(plain)
        })
    });
}

#[test]
fn a_body_is_json_where_its_type_says_so() {
    let right = ["application/json", "Application/JSON; charset=utf-8", "text/plain"];
    holds(bytes(right.map(str::to_owned).into()), |value| {
        let Some(headers) = one(CONTENT_TYPE, &value) else { return true };
        let said = value.to_ascii_lowercase();
        require_json(&headers).is_err() || said.windows(16).any(|part| part == b"application/json")
    });
}

fn one(name: HeaderName, value: &[u8]) -> Option<HeaderMap> {
    let value = HeaderValue::from_bytes(value).ok()?;
    Some([(name, value)].into_iter().collect())
}
