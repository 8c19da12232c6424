//! What users read, in the language that they prefer: English, or Korean by `Accept-Language`.
//!
//! Only `title` and `detail` of what users meet are translated, where a reply leaves; `code` is what
//! programs go by, and what only programmers meet stays English. Nothing here allocates for a
//! request that does not prefer Korean, nor for an answer that has no such words.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use crate::code::Code;
use crate::reply::{HttpResponse, Reply};

/// A language that there are texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Where nothing else is said.
    English,
    /// 한국어.
    Korean,
}

/// What people read of a problem document, in Korean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    title: &'static str,
    detail: &'static str,
}

const KOREAN: HeaderValue = HeaderValue::from_static("ko");

impl Language {
    /// The one that a request prefers. Between two that it prefers equally the first one named.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(header) = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
        else {
            return Self::English;
        };
        let mut best = (0.0, Self::English);
        for (language, weight) in header.split(',').filter_map(preference) {
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// What stands in place of the English words of a code; None: those stay.
    pub fn words(self, code: Code) -> Option<Words> {
        match self {
            Self::English => None,
            Self::Korean => korean(code).map(|(title, detail)| Words { title, detail }),
        }
    }
}

/// One item of `Accept-Language`, where it is one of ours: `ko-KR;q=0.9`.
fn preference(item: &str) -> Option<(Language, f32)> {
    let (tag, weight) = match item.split_once(';') {
        Some((tag, parameter)) => {
            let weight = parameter.trim().strip_prefix("q=")?;
            (tag, weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0_f32).contains(weight))?)
        }
        None => (item, 1.0),
    };
    let primary = tag.trim().split('-').next().unwrap_or_default();
    let language = match primary {
        "*" => Language::English,
        _ if primary.eq_ignore_ascii_case("ko") => Language::Korean,
        _ if primary.eq_ignore_ascii_case("en") => Language::English,
        _ => return None,
    };
    Some((language, weight))
}

/// `title` and `detail` of what users meet; the others only programmers meet.
fn korean(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::SoldOut => ("매진되었습니다", "남은 수량이 없습니다."),
        Code::LimitReached => ("한도에 도달했습니다", "받을 수 있는 만큼 이미 받았습니다."),
        Code::Revoked => ("취소된 쿠폰입니다", "쿠폰이 취소되었으며 한도에 포함됩니다."),
        Code::NotOpen => ("아직 시작 전입니다", "이벤트가 아직 시작되지 않았습니다."),
        Code::Paused => {
            ("잠시 중단되었습니다", "이벤트가 잠시 중단되었습니다. 잠시 후 다시 시도해 주세요.")
        }
        Code::Closed => ("종료되었습니다", "이벤트가 종료되었습니다."),
        Code::UnknownEvent => ("없는 이벤트입니다", "해당 이벤트를 찾을 수 없습니다."),
        Code::TooSlow => {
            ("요청이 제때 도착하지 않았습니다", "연결 상태를 확인하고 다시 시도해 주세요.")
        }
        Code::Unauthenticated => {
            ("로그인이 필요합니다", "사용자를 확인할 수 없습니다. 다시 로그인해 주세요.")
        }
        Code::Forbidden => ("허용되지 않습니다", "로그인한 사용자의 요청이 아닙니다."),
        Code::TooManyRequests => {
            ("요청이 너무 잦습니다", "요청 횟수가 한도를 넘었습니다. 잠시 후 다시 시도해 주세요.")
        }
        Code::Busy => (
            "요청이 많습니다",
            "대기 중인 요청이 많습니다. 잠시 후 다시 시도하면 결과를 알 수 있습니다.",
        ),
        Code::Fenced => (
            "복구 중입니다",
            "이벤트를 복구하고 있습니다. 잠시 후 다시 시도하면 결과를 알 수 있습니다.",
        ),
        Code::Unconfirmed => (
            "확인하지 못했습니다",
            "결과를 확인하지 못했습니다. 잠시 후 다시 시도하면 결과를 알 수 있습니다.",
        ),
        Code::Unavailable => (
            "지금은 이용할 수 없습니다",
            "서버가 응답하지 않았습니다. 잠시 후 다시 시도하면 결과를 알 수 있습니다.",
        ),
        Code::DirectoryStale => (
            "이벤트를 확인하는 중입니다",
            "이벤트 정보가 아직 도착하지 않았을 수 있습니다. 잠시 후 다시 시도해 주세요.",
        ),
        Code::NotReady => {
            ("준비 중입니다", "서버가 아직 준비되지 않았습니다. 잠시 후 다시 시도해 주세요.")
        }
        Code::Ok
        | Code::Issued
        | Code::AlreadyIssued
        | Code::NotFound
        | Code::Malformed
        | Code::IdempotencyKeyRequired
        | Code::TooLarge
        | Code::UnsupportedMediaType
        | Code::MethodNotAllowed => return None,
    })
}

/// The reply in these words; the same where it is no problem document, as `/health` is none.
pub async fn told_in(words: Words, reply: Reply) -> Reply {
    let Reply { code, response } = reply;
    let (mut head, body) = response.into_parts();
    // A body that is whole already: nothing is waited for, and nothing can fail.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let translated = translate(code, &body, words);
    if translated.is_some() {
        head.headers.insert(CONTENT_LANGUAGE, KOREAN);
    }
    let body = Full::new(translated.map_or(body, Bytes::from));
    Reply { code, response: HttpResponse::from_parts(head, body) }
}

fn translate(code: Code, body: &[u8], words: Words) -> Option<Vec<u8>> {
    if code == Code::SoldOut {
        return sold_out(body, words);
    }
    let mut problem: Map<String, Value> = serde_json::from_slice(body).ok()?;
    problem.contains_key("detail").then_some(())?;
    problem.insert("title".to_owned(), words.title.into());
    problem.insert("detail".to_owned(), words.detail.into());
    serde_json::to_vec(&problem).ok()
}

/// Most answers of a rush are this one, so it is put together again from pieces, as `reply` does.
fn sold_out(body: &[u8], words: Words) -> Option<Vec<u8>> {
    // The event's id comes last, and has no quotes in it.
    let event = body.strip_suffix(b"\"}")?.rsplit(|&byte| byte == b'"').next()?;
    let pieces: [&[u8]; 7] = [
        br#"{"type":"urn:firstcome:problem:sold_out","title":""#,
        words.title.as_bytes(),
        br#"","status":409,"detail":""#,
        words.detail.as_bytes(),
        br#"","code":"sold_out","event_id":""#,
        event,
        br#""}"#,
    ];
    Some(pieces.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Refused;
    use crate::issue::{Answered, NotIssued};
    use crate::reply;

    fn of(header: &'static str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
        Language::of(&headers)
    }

    #[test]
    fn the_preferred_one_is_found() {
        for header in [
            "ko",
            "ko-KR",
            "KO-kr,en;q=0.9",
            "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7",
            "fr, ko;q=0.5",
            "en;q=0.3,ko;q=0.4",
            "ko,en",
        ] {
            assert_eq!(of(header), Language::Korean, "{header}");
        }
        for header in [
            "",
            "en",
            "en,ko",
            "en-US,en;q=0.9,ko;q=0.8",
            "fr",
            "*",
            "ko;q=0",
            "kok",
            "ko;q=x",
            "ko;q=2",
            "ko;q=NaN",
            ";;,,;q=",
            "ko;level=1",
        ] {
            assert_eq!(of(header), Language::English, "{header}");
        }
        assert_eq!(Language::of(&HeaderMap::new()), Language::English);
    }

    async fn read(reply: Reply) -> (Option<HeaderValue>, Value) {
        let language = reply.response.headers().get(CONTENT_LANGUAGE).cloned();
        let body = reply.response.into_body().collect().await.unwrap().to_bytes();
        (language, serde_json::from_slice(&body).unwrap())
    }

    fn sold_out_reply() -> Reply {
        let told = crate::claims::Told::SoldOut;
        let (event, user) = ("spring".parse().unwrap(), "ann".parse().unwrap());
        reply::issue(Ok(Answered { event, user, told }))
    }

    #[tokio::test]
    async fn only_the_words_for_people_are_translated() {
        let unknown = || reply::issue(Err(NotIssued::UnknownEvent("spring".parse().unwrap())));
        let stranger = || reply::issue(Err(NotIssued::Refused(Refused::Expired)));
        let replies: [fn() -> Reply; 3] = [unknown, stranger, sold_out_reply];
        for make in replies {
            let (_, mut english) = read(make()).await;
            let words = Language::Korean.words(make().code).unwrap();
            let (language, korean) = read(told_in(words, make()).await).await;
            assert_eq!(language, Some(KOREAN));
            for words in ["title", "detail"] {
                assert!(!korean[words].as_str().unwrap().is_ascii(), "{korean}");
                english[words] = korean[words].clone();
            }
            assert_eq!(korean, english);
        }
    }

    #[tokio::test]
    async fn what_only_programmers_meet_and_what_is_no_problem_stay_as_they_are() {
        assert_eq!(Language::Korean.words(Code::NotFound), None);
        assert_eq!(Language::Korean.words(Code::Issued), None);
        let words = Language::Korean.words(Code::NotReady).unwrap();
        let mut health = reply::live();
        health.code = Code::NotReady;
        let (language, body) = read(told_in(words, health).await).await;
        assert_eq!((language, body), (None, serde_json::json!({ "status": "live" })));
    }

    #[test]
    fn whoever_is_to_ask_again_can_read_it() {
        for code in Code::ALL {
            assert_eq!(Language::English.words(code), None);
            let asks_again = code.retry_after().is_some() || code == Code::TooManyRequests;
            assert!(!asks_again || korean(code).is_some(), "{code:?}");
        }
    }
}
