use contract::coupon::CouponState;
use contract::ids::Attempt;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::limits::Rate;

fn event() -> EventId {
    "spring".parse().unwrap()
}

fn win(sequence: u64) -> Win {
    Win {
        coupon: "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b".parse().unwrap(),
        sequence,
        attempt: Attempt::NONE,
        issued_at_ms: 1_700_000_000_123,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    }
}

fn answered(told: Told) -> Reply {
    issue(Ok(Answered { event: event(), user: "ann".parse().unwrap(), told }))
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.response.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn body(reply: Reply) -> Value {
    let bytes = reply.response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_win_is_shown_whole() {
    for (told, outcome) in
        [(Told::Issued(win(7)), "issued"), (Told::AlreadyIssued(win(7)), "already_issued")]
    {
        let reply = answered(told);
        assert_eq!(reply.response.status(), 200);
        assert_eq!(header(&reply, "content-type"), Some("application/json"));
        assert_eq!(
            body(reply).await,
            json!({
                "outcome": outcome, "event_id": "spring", "user_id": "ann",
                "coupon_id": "0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b", "sequence": 7,
                "issued_at": "2023-11-14T22:13:20.123Z",
            })
        );
    }
}

#[tokio::test]
async fn the_sold_out_answer_is_the_problem_that_serde_would_write() {
    let reply = answered(Told::SoldOut);
    assert_eq!(reply.code, Code::SoldOut);
    assert_eq!(reply.response.status(), 409);
    assert_eq!(header(&reply, "content-type"), Some("application/problem+json"));
    let event = event();
    let slow = Problem::of(Code::SoldOut, "no unit is left").event(&event).reply();
    assert_eq!(body(reply).await, body(slow).await);
}

#[test]
fn the_demo_page_asks_for_nothing_from_elsewhere() {
    let file = crate::demo::Demo::Shown.find("");
    let page = demo(file);
    assert_eq!(page.response.status(), 200);
    assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
    let policy = header(&page, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(demo(None).response.status(), 404);
}

#[tokio::test]
async fn a_limit_shows_the_coupons_held() {
    let reply = answered(Told::LimitReached(vec![win(7), win(9)]));
    assert_eq!(reply.response.status(), 409);
    let body = body(reply).await;
    assert_eq!(body["code"], "limit_reached");
    assert_eq!(body["coupons"][1]["sequence"], 9);
    assert_eq!(body["coupons"][1]["state"], "issued");
}

#[tokio::test]
async fn an_event_that_is_not_open_says_when_it_will_be() {
    let opening = Told::NotOpen { opens_at_ms: 1_700_000_010_000, now_ms: 1_700_000_000_000 };
    let reply = answered(opening);
    assert_eq!(reply.response.status(), 403);
    let seconds: u64 = header(&reply, "retry-after").unwrap().parse().unwrap();
    assert!((11..=12).contains(&seconds), "{seconds}");
    let body = body(reply).await;
    assert_eq!(body["opens_at"], "2023-11-14T22:13:30.000Z");
    assert!((10_500..=11_500).contains(&body["retry_after_ms"].as_u64().unwrap()));
}

#[tokio::test]
async fn an_opening_far_away_or_unknown_is_asked_for_again_within_bounds() {
    let far = answered(Told::NotOpen { opens_at_ms: u64::MAX, now_ms: 0 });
    let seconds: u64 = header(&far, "retry-after").unwrap().parse().unwrap();
    assert!((60..=62).contains(&seconds), "{seconds}");
    let unknown = answered(Told::NotOpen { opens_at_ms: 0, now_ms: 1 });
    let seconds: u64 = header(&unknown, "retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
    assert_eq!(body(unknown).await.get("opens_at"), None);
}

#[test]
fn every_outcome_has_the_status_of_the_public_table() {
    let cases = [
        (Told::Revoked, 409),
        (Told::Paused, 503),
        (Told::Closed, 410),
        (Told::NotOpen { opens_at_ms: 0, now_ms: 0 }, 403),
    ];
    for (told, status) in cases {
        let reply = answered(told);
        assert_eq!(reply.response.status(), status);
        assert_eq!(header(&reply, "retry-after").is_some(), status == 503 || status == 403);
    }
}

#[tokio::test]
async fn what_is_not_known_is_a_503_that_says_when_to_ask_again() {
    for (why, code) in [
        (Untold::Busy, "busy"),
        (Untold::Reopening, "busy"),
        (Untold::Fenced, "fenced"),
        (Untold::Unconfirmed, "unconfirmed"),
        (Untold::Unavailable, "unavailable"),
    ] {
        let reply = issue(Err(NotIssued::Untold(event(), why)));
        assert_eq!(reply.response.status(), 503);
        let seconds: u64 = header(&reply, "retry-after").unwrap().parse().unwrap();
        let body = body(reply).await;
        assert_eq!(body["code"], code);
        assert_eq!(body["retry_after_ms"].as_u64().unwrap().div_ceil(1_000).max(1), seconds);
    }
}

#[tokio::test]
async fn what_the_client_did_wrong_is_said() {
    let cases = [
        (NotIssued::Request(BadRequest::Malformed("why".into())), 400, "malformed"),
        (NotIssued::Request(BadRequest::TooLarge), 413, "too_large"),
        (NotIssued::Request(BadRequest::TooSlow), 408, "too_slow"),
        (NotIssued::Request(BadRequest::NotJson), 415, "unsupported_media_type"),
        (NotIssued::KeyRequired(event()), 400, "idempotency_key_required"),
        (NotIssued::UnknownEvent(event()), 404, "unknown_event"),
        (NotIssued::DirectoryStale(event()), 503, "directory_stale"),
        (NotIssued::Refused(Refused::NobodyNamed), 401, "unauthenticated"),
        (NotIssued::Refused(Refused::Expired), 401, "unauthenticated"),
        (NotIssued::Refused(Refused::NotYours), 403, "forbidden"),
        (NotIssued::Refused(Refused::NoKeys), 503, "not_ready"),
    ];
    for (error, status, code) in cases {
        let reply = issue(Err(error));
        assert_eq!(reply.response.status(), status);
        let body = body(reply).await;
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("urn:firstcome:problem:{code}"));
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
}

#[test]
fn whoever_is_not_known_is_told_by_what_scheme_to_say_who_they_are() {
    for why in Refused::ALL {
        let reply = mine(Err(NotListed::Refused(why)));
        let scheme = header(&reply, "www-authenticate");
        assert_eq!(scheme.is_some(), reply.response.status() == 401, "{why:?}");
    }
    let scheme = |why| {
        let reply = issue(Err(NotIssued::Refused(why)));
        header(&reply, "www-authenticate").map(str::to_owned)
    };
    assert_eq!(scheme(Refused::NoToken).as_deref(), Some("Bearer realm=\"firstcome\""));
    let invalid = "Bearer realm=\"firstcome\", error=\"invalid_token\"";
    assert_eq!(scheme(Refused::Expired).as_deref(), Some(invalid));
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let rate = Rate { per_second: 5.try_into().unwrap(), burst: 12.try_into().unwrap() };
    let second = std::time::Duration::from_secs(1);
    let limit = Exceeded { layer: Layer::User, rate, wait: second * 2, spread: second };
    let reply = issue(Err(NotIssued::Exceeded(limit)));
    assert_eq!(reply.response.status(), 429);
    assert_eq!(header(&reply, "ratelimit-policy"), Some("\"user\";q=12;w=3"));
    let seconds: u64 = header(&reply, "retry-after").unwrap().parse().unwrap();
    let left = format!("\"user\";r=0;t={seconds}");
    assert_eq!(header(&reply, "ratelimit"), Some(left.as_str()));
    let body = body(reply).await;
    let ms = body["retry_after_ms"].as_u64().unwrap();
    assert!((2_000..=3_000).contains(&ms) && seconds == ms.div_ceil(1_000), "{body}");
    assert_eq!(body["code"], "too_many_requests");
}

#[test]
fn other_methods_are_named() {
    let reply = method_not_allowed("POST, OPTIONS");
    assert_eq!(reply.response.status(), 405);
    assert_eq!(header(&reply, "allow"), Some("POST, OPTIONS"));
    assert_eq!(options("POST, OPTIONS").response.status(), 204);
}
