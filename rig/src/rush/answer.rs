//! What an HTTP answer of the edge, or of NGINX before it, says to a client.

use contract::ids::CouponId;
use serde::Deserialize;

use super::line::ToldCoupon;

/// The words of the public contract, and those of NGINX's own problem documents. Any other word is
/// recorded as [`OTHER`], so that a history needs no memory for words.
const CODES: [&str; 25] = [
    ISSUED,
    ALREADY_ISSUED,
    LIMIT_REACHED,
    SOLD_OUT,
    "revoked",
    "not_open",
    "paused",
    "closed",
    "unknown_event",
    "not_found",
    "malformed",
    "idempotency_key_required",
    "too_large",
    "too_slow",
    "unsupported_media_type",
    "method_not_allowed",
    "unauthenticated",
    "forbidden",
    "too_many_requests",
    "busy",
    "fenced",
    "unconfirmed",
    "unavailable",
    "directory_stale",
    "not_ready",
];

/// The outcome of a new win.
pub const ISSUED: &str = "issued";
/// The outcome of a win that is shown again.
pub const ALREADY_ISSUED: &str = "already_issued";
/// The user holds as many as allowed; the answer names them.
pub const LIMIT_REACHED: &str = "limit_reached";
/// No unit is left.
pub const SOLD_OUT: &str = "sold_out";
/// A word outside the contract.
pub const OTHER: &str = "other";

/// What an answer means to the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The coupons named are the user's.
    Won,
    /// There is none left.
    SoldOut,
    /// A definite no for another reason.
    Refused,
    /// Not known, or not now: ask again.
    AskAgain,
}

/// What a status and a code mean. After a 5xx the claim may have been carried out behind it; 408
/// and 429 say that it was not, yet.
pub fn meaning(status: u16, code: &str) -> Meaning {
    match (status, code) {
        (200, _) | (409, LIMIT_REACHED) => Meaning::Won,
        (409, SOLD_OUT) => Meaning::SoldOut,
        (408 | 429 | 500..=599, _) => Meaning::AskAgain,
        _ => Meaning::Refused,
    }
}

/// An answer, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// A word of the contract, or [`OTHER`].
    pub code: &'static str,
    /// The coupons that it names.
    pub coupons: Vec<ToldCoupon>,
    /// How long the client is asked to wait, from the body or the `Retry-After` header.
    pub retry_after_ms: Option<u64>,
}

/// A 200 without a coupon, or a limit reached that names none: nobody can say what it told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer says that a coupon is held and names none")]
pub struct Garbled;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    outcome: Option<&'a str>,
    #[serde(borrow)]
    code: Option<&'a str>,
    coupon_id: Option<CouponId>,
    sequence: Option<u64>,
    #[serde(default)]
    coupons: Vec<Held>,
    retry_after_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Held {
    coupon_id: CouponId,
    sequence: u64,
}

/// Reads an answer. `retry_after` is the header's value, whole seconds.
pub fn read(status: u16, retry_after: Option<&str>, body: &[u8]) -> Result<Answer, Garbled> {
    let body: Option<Body<'_>> = serde_json::from_slice(body).ok();
    let header_ms = || {
        let seconds: u64 = retry_after?.trim().parse().ok()?;
        Some(seconds.saturating_mul(1_000))
    };
    let word = body.as_ref().and_then(|body| body.outcome.or(body.code));
    let code = word.map_or(OTHER, known_code);
    let retry_after_ms = body.as_ref().and_then(|body| body.retry_after_ms);
    let answer = Answer {
        status,
        code,
        coupons: body.map(told_coupons).unwrap_or_default(),
        retry_after_ms: retry_after_ms.or_else(header_ms),
    };
    if meaning(status, code) == Meaning::Won && answer.coupons.is_empty() {
        return Err(Garbled);
    }
    Ok(answer)
}

fn known_code(word: &str) -> &'static str {
    CODES.into_iter().find(|&code| code == word).unwrap_or(OTHER)
}

fn told_coupons(body: Body<'_>) -> Vec<ToldCoupon> {
    let one = body.coupon_id.zip(body.sequence);
    let one = one.map(|(coupon, sequence)| ToldCoupon { coupon, sequence });
    let several = body
        .coupons
        .into_iter()
        .map(|held| ToldCoupon { coupon: held.coupon_id, sequence: held.sequence });
    one.into_iter().chain(several).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUPON: &str = "0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b";

    fn told(sequence: u64) -> ToldCoupon {
        ToldCoupon { coupon: COUPON.parse().unwrap(), sequence }
    }

    #[test]
    fn a_win_names_its_coupon() {
        let body = format!(
            "{{\"outcome\":\"issued\",\"event_id\":\"spring\",\"user_id\":\"ann\",\
             \"coupon_id\":\"{COUPON}\",\"sequence\":7,\"issued_at\":\"2026-11-21T00:00:00.000Z\"}}"
        );
        let answer = read(200, None, body.as_bytes()).unwrap();
        assert_eq!((answer.code, answer.coupons), (ISSUED, vec![told(7)]));
    }

    #[test]
    fn a_limit_reached_names_what_is_held() {
        let body = format!(
            "{{\"code\":\"limit_reached\",\"coupons\":[\
             {{\"coupon_id\":\"{COUPON}\",\"sequence\":1}},{{\"coupon_id\":\"{COUPON}\",\"sequence\":2}}]}}"
        );
        let answer = read(409, None, body.as_bytes()).unwrap();
        assert_eq!(answer.coupons, [told(1), told(2)]);
        assert_eq!(meaning(answer.status, answer.code), Meaning::Won);
    }

    #[test]
    fn the_wait_comes_from_the_body_or_else_from_the_header() {
        let body = br#"{"code":"busy","retry_after_ms":1234}"#;
        let answer = read(503, Some("2"), body).unwrap();
        assert_eq!((answer.code, answer.retry_after_ms), ("busy", Some(1_234)));
        let answer = read(503, Some("2"), b"<html>").unwrap();
        assert_eq!((answer.code, answer.retry_after_ms), (OTHER, Some(2_000)));
        assert_eq!(read(503, None, b"").unwrap().retry_after_ms, None);
    }

    #[test]
    fn a_win_without_a_coupon_is_garbled() {
        assert_eq!(read(200, None, b"ok"), Err(Garbled));
        assert_eq!(read(409, None, br#"{"code":"limit_reached"}"#), Err(Garbled));
    }

    #[test]
    fn what_is_not_known_is_asked_again() {
        let cases = [
            (200, ALREADY_ISSUED, Meaning::Won),
            (409, SOLD_OUT, Meaning::SoldOut),
            (409, "revoked", Meaning::Refused),
            (403, "not_open", Meaning::Refused),
            (404, "unknown_event", Meaning::Refused),
            (408, "too_slow", Meaning::AskAgain),
            (429, "too_many_requests", Meaning::AskAgain),
            (502, OTHER, Meaning::AskAgain),
            (503, "fenced", Meaning::AskAgain),
        ];
        for (status, code, wanted) in cases {
            assert_eq!(meaning(status, code), wanted, "{status} {code}");
        }
    }
}
