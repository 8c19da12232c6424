//! The words that answers are known by: in `code` of a problem document, and in metrics.

use std::time::Duration;

use hyper::StatusCode;

/// What an answer is. A closed set: every reply of the edge has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// A question was answered: status, mine, health.
    Ok,
    /// A unit was granted.
    Issued,
    /// The user has it already.
    AlreadyIssued,
    /// The user holds as many as allowed.
    LimitReached,
    /// The user's limit is used up by revoked coupons.
    Revoked,
    /// Nothing is left.
    SoldOut,
    /// Not on sale yet.
    NotOpen,
    /// Stopped by an operator.
    Paused,
    /// Over.
    Closed,
    /// No such event.
    UnknownEvent,
    /// No such path.
    NotFound,
    /// The request could not be understood.
    Malformed,
    /// An `Idempotency-Key` is needed where a user may hold more than one.
    IdempotencyKeyRequired,
    /// The body is too long.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The path knows other methods.
    MethodNotAllowed,
    /// No credentials, or bad ones.
    Unauthenticated,
    /// Credentials that name another user.
    Forbidden,
    /// A user, an address or all together ask more often than allowed.
    TooManyRequests,
    /// A queue is full.
    Busy,
    /// The event waits until it is safe to answer for it again.
    Fenced,
    /// What was found could not be confirmed in time.
    Unconfirmed,
    /// A dependency did not answer.
    Unavailable,
    /// The edge does not know what is newly announced.
    DirectoryStale,
    /// The edge is not (or no longer) to be sent requests.
    NotReady,
}

impl Code {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 26] = [
        Self::Ok,
        Self::Issued,
        Self::AlreadyIssued,
        Self::LimitReached,
        Self::Revoked,
        Self::SoldOut,
        Self::NotOpen,
        Self::Paused,
        Self::Closed,
        Self::UnknownEvent,
        Self::NotFound,
        Self::Malformed,
        Self::IdempotencyKeyRequired,
        Self::TooLarge,
        Self::TooSlow,
        Self::UnsupportedMediaType,
        Self::MethodNotAllowed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::TooManyRequests,
        Self::Busy,
        Self::Fenced,
        Self::Unconfirmed,
        Self::Unavailable,
        Self::DirectoryStale,
        Self::NotReady,
    ];

    /// The word in `code`.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The status that goes with it.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// The problem document's `title`.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// After how long to ask again: from, and up to how much later, so that those who were turned
    /// away together do not come back together. `None`: asking again changes nothing.
    pub fn retry_after(self) -> Option<RetryAfter> {
        let between = |from_ms, to_ms| {
            Some(RetryAfter {
                from: Duration::from_millis(from_ms),
                to: Duration::from_millis(to_ms),
            })
        };
        match self {
            Self::Busy | Self::Unconfirmed | Self::Unavailable => between(200, 1_500),
            Self::Fenced | Self::DirectoryStale | Self::NotReady => between(500, 2_500),
            Self::NotOpen | Self::Paused => between(1_000, 3_000),
            _ => None,
        }
    }

    fn row(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Ok => ("ok", S::OK, "OK"),
            Self::Issued => ("issued", S::OK, "Issued"),
            Self::AlreadyIssued => ("already_issued", S::OK, "Already issued"),
            Self::LimitReached => ("limit_reached", S::CONFLICT, "Limit reached"),
            Self::Revoked => ("revoked", S::CONFLICT, "Revoked"),
            Self::SoldOut => ("sold_out", S::CONFLICT, "Sold out"),
            Self::NotOpen => ("not_open", S::FORBIDDEN, "Not open yet"),
            Self::Paused => ("paused", S::SERVICE_UNAVAILABLE, "Paused"),
            Self::Closed => ("closed", S::GONE, "Closed"),
            Self::UnknownEvent => ("unknown_event", S::NOT_FOUND, "Unknown event"),
            Self::NotFound => ("not_found", S::NOT_FOUND, "Not found"),
            Self::Malformed => ("malformed", S::BAD_REQUEST, "Malformed request"),
            Self::IdempotencyKeyRequired => {
                ("idempotency_key_required", S::BAD_REQUEST, "Idempotency-Key required")
            }
            Self::TooLarge => ("too_large", S::PAYLOAD_TOO_LARGE, "Body too large"),
            Self::TooSlow => ("too_slow", S::REQUEST_TIMEOUT, "Body too slow"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            }
            Self::MethodNotAllowed => {
                ("method_not_allowed", S::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            Self::Unauthenticated => ("unauthenticated", S::UNAUTHORIZED, "Unauthenticated"),
            Self::Forbidden => ("forbidden", S::FORBIDDEN, "Forbidden"),
            Self::TooManyRequests => {
                ("too_many_requests", S::TOO_MANY_REQUESTS, "Too many requests")
            }
            Self::Busy => ("busy", S::SERVICE_UNAVAILABLE, "Busy"),
            Self::Fenced => ("fenced", S::SERVICE_UNAVAILABLE, "Recovering"),
            Self::Unconfirmed => ("unconfirmed", S::SERVICE_UNAVAILABLE, "Unconfirmed"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "Unavailable"),
            Self::DirectoryStale => ("directory_stale", S::SERVICE_UNAVAILABLE, "Directory stale"),
            Self::NotReady => ("not_ready", S::SERVICE_UNAVAILABLE, "Not ready"),
        }
    }
}

/// When to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter {
    /// The earliest.
    pub from: Duration,
    /// The latest.
    pub to: Duration,
}

impl RetryAfter {
    /// One moment between the two, drawn anew for each answer.
    pub fn draw_ms(self) -> u64 {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        rand::random_range(ms(self.from)..=ms(self.to).max(ms(self.from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_in_their_order_and_have_words_of_their_own() {
        for (index, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, index);
            let same = Code::ALL.into_iter().filter(|other| other.as_str() == code.as_str());
            assert_eq!(same.count(), 1, "{code:?}");
        }
    }

    #[test]
    fn every_503_says_when_to_ask_again() {
        for code in Code::ALL {
            let unavailable = code.status() == StatusCode::SERVICE_UNAVAILABLE;
            let told = code.retry_after().is_some();
            assert_eq!(told, unavailable || code == Code::NotOpen, "{code:?}");
        }
    }

    #[test]
    fn a_drawn_moment_stays_between_its_bounds() {
        let range = Code::Busy.retry_after().unwrap();
        for _ in 0..100 {
            let ms = range.draw_ms();
            assert!((200..=1_500).contains(&ms), "{ms}");
        }
    }
}
