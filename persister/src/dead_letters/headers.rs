//! Headers of a dead letter: where its record came from first, how often it was tried, and why it
//! failed. A tool of Kafka Connect or of Spring that copies a letter back to `coupon-issued` copies
//! them too: so a record that has them is known as that letter, brought again.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use contract::topics::{COUPON_ISSUED, dead_letter};
use links::kafka::StoredRecord;

use crate::consume::batch::Verdict;
use crate::store::union::LogPlace;

/// A record's headers.
pub type Headers = BTreeMap<String, Vec<u8>>;

/// Where a dead letter's record came from first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its place in `coupon-issued` then, which names the letter.
    pub place: LogPlace,
    /// Unix milliseconds of the record then.
    pub timestamp_ms: i64,
    /// How often it failed, this time not counted.
    pub attempts: u32,
    /// When it failed first, as [`rfc3339`] writes it; empty: now.
    pub first_failure: String,
}

impl Origin {
    /// Of a record that is a letter, brought again; None: it comes for the first time.
    pub fn of(headers: &Headers) -> Option<Self> {
        if text(headers, dead_letter::TOPIC)? != COUPON_ISSUED {
            return None;
        }
        let place = LogPlace {
            part: text(headers, dead_letter::PARTITION)?.parse().ok()?,
            offset: text(headers, dead_letter::OFFSET)?.parse().ok()?,
        };
        let number = |name| text(headers, name).and_then(|text| text.parse::<u64>().ok());
        Some(Self {
            place,
            timestamp_ms: number(dead_letter::TIMESTAMP)
                .and_then(|ms| i64::try_from(ms).ok())
                .unwrap_or_default(),
            attempts: number(dead_letter::ATTEMPTS)
                .and_then(|attempts| u32::try_from(attempts).ok())
                .unwrap_or(1),
            first_failure: time(headers, dead_letter::FIRST_FAILURE).unwrap_or_default(),
        })
    }

    /// Of a record that fails for the first time.
    fn here(part: i32, record: &StoredRecord) -> Self {
        Self {
            place: LogPlace { part, offset: record.offset },
            timestamp_ms: record.timestamp_ms,
            attempts: 0,
            first_failure: String::new(),
        }
    }

    /// The letter that it names.
    pub fn place(&self) -> LogPlace {
        self.place
    }

    /// What tells of it on a record that is brought again.
    pub fn headers(&self) -> Headers {
        let LogPlace { part, offset } = self.place;
        let texts = [
            (dead_letter::TOPIC, COUPON_ISSUED.to_owned()),
            (dead_letter::PARTITION, part.to_string()),
            (dead_letter::OFFSET, offset.to_string()),
            (dead_letter::TIMESTAMP, self.timestamp_ms.to_string()),
            (dead_letter::ATTEMPTS, self.attempts.to_string()),
            (dead_letter::FIRST_FAILURE, self.first_failure.clone()),
        ];
        texts.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
    }
}

/// The headers of a record that fails: its own, and all that is told of its failure.
pub fn failed(
    part: i32,
    record: &StoredRecord,
    origin: Option<&Origin>,
    verdict: &Verdict,
) -> Headers {
    let here;
    let origin = match origin {
        Some(origin) => origin,
        None => {
            here = Origin::here(part, record);
            &here
        }
    };
    let now = rfc3339(Utc::now());
    let first = if origin.first_failure.is_empty() { &now } else { &origin.first_failure };
    let again = Origin {
        attempts: origin.attempts.saturating_add(1),
        first_failure: first.clone(),
        ..origin.clone()
    };
    let (reason, message) = (verdict.reason.as_str(), verdict.message.as_str());
    let mut headers = record.headers.clone();
    headers.extend(again.headers());
    let bytes: [(&str, Vec<u8>); 10] = [
        (dead_letter::REASON, reason.into()),
        (dead_letter::MESSAGE, message.into()),
        (dead_letter::LAST_FAILURE, now.into_bytes()),
        (dead_letter::SPRING_TOPIC, COUPON_ISSUED.into()),
        (dead_letter::SPRING_PARTITION, origin.place.part.to_be_bytes().into()),
        (dead_letter::SPRING_OFFSET, origin.place.offset.to_be_bytes().into()),
        (dead_letter::SPRING_TIMESTAMP, origin.timestamp_ms.to_be_bytes().into()),
        (dead_letter::SPRING_REASON, reason.into()),
        (dead_letter::SPRING_MESSAGE, message.into()),
        (dead_letter::SPRING_ATTEMPTS, again.attempts.to_be_bytes().into()),
    ];
    headers.extend(bytes.map(|(name, bytes)| (name.to_owned(), bytes)));
    headers
}

/// A time as headers tell it.
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time in our own words: whoever wrote the header may have written a book.
fn time(headers: &Headers, name: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(text(headers, name)?).ok()?;
    Some(rfc3339(time.to_utc()))
}

fn text<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::batch::Reason;

    fn record(headers: Headers) -> StoredRecord {
        StoredRecord { offset: 7, timestamp_ms: 17, key: None, value: None, headers }
    }

    fn verdict() -> Verdict {
        Verdict {
            reason: Reason::Rejected,
            message: "why".to_owned(),
            event_id: None,
            coupon_id: None,
            told: None,
        }
    }

    #[test]
    fn a_record_that_fails_again_tells_of_its_first_place_and_counts() {
        let plain = record(Headers::from([("request-id".to_owned(), b"r-1".to_vec())]));
        assert_eq!(Origin::of(&plain.headers), None);
        let once = failed(4, &plain, None, &verdict());
        let first = Origin::of(&once).unwrap();
        assert_eq!(first.place, LogPlace { part: 4, offset: 7 });
        assert_eq!((first.timestamp_ms, first.attempts), (17, 1));
        assert!(!first.first_failure.is_empty());

        let again = StoredRecord { offset: 99, timestamp_ms: 18, ..record(once) };
        let twice = failed(5, &again, Some(&first), &verdict());
        assert_eq!(Origin::of(&twice), Some(Origin { attempts: 2, ..first }));
        assert_eq!(twice["request-id"], b"r-1");
        assert_eq!(twice[dead_letter::SPRING_OFFSET], 7_i64.to_be_bytes());
        assert_eq!(twice[dead_letter::SPRING_ATTEMPTS], 2_u32.to_be_bytes());
        assert!(dead_letter::ALL.iter().all(|name| twice.contains_key(*name)));
    }

    #[test]
    fn whatever_its_headers_say_a_letter_tells_it_in_few_bytes() {
        let long = "2026-11-27T09:00:00.".to_owned() + &"0".repeat(1 << 20) + "Z";
        for made_up in [&"x".repeat(1 << 20), &long] {
            let mut headers = failed(4, &record(Headers::new()), None, &verdict());
            headers.insert(dead_letter::FIRST_FAILURE.to_owned(), made_up.clone().into_bytes());
            let origin = Origin::of(&headers).unwrap();
            let again = failed(4, &record(headers), Some(&origin), &verdict());
            let bytes: usize = again.values().map(Vec::len).sum();
            assert!(bytes < 1_024, "{bytes}");
            assert!(!again[dead_letter::FIRST_FAILURE].is_empty());
        }
    }

    #[test]
    fn what_another_topic_failed_with_names_no_letter() {
        let mut headers = failed(4, &record(Headers::new()), None, &verdict());
        headers.insert(dead_letter::TOPIC.to_owned(), b"orders".to_vec());
        assert_eq!(Origin::of(&headers), None);
    }
}
