//! Ids, wins, outbox entries, records, the directory, the claim script's reply.

use contract::claim_script::{parse_code, parse_text};
use contract::coupon::{Win, join_wins, parse_wins};
use contract::ids::{Attempt, CouponId, EventId, MAX_ID_BYTES, UserId};
use contract::{directory, outbox, record};
use fuzz::{bytes, holds, text};

const WIN: &str = "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b,17,00112233445566778899aabbccddeeff,1700000000123,1,1,issued,1";

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn an_id_is_what_keys_urls_and_sql_can_hold() {
    let ids = || text(words(&["spring", "A-Z_09", &"x".repeat(64), &"x".repeat(65), ""]));
    let plain = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(allowed)
    };
    holds(ids(), |text| match text.parse::<EventId>() {
        Ok(id) => plain(&text) && id.as_str() == text,
        Err(_) => !plain(&text),
    });
    holds(ids(), |text| text.parse::<UserId>().is_ok() == plain(&text));
    // Out of JSON as well, where serde makes it.
    holds(ids(), |text| {
        let json = serde_json::to_string(&text).unwrap();
        serde_json::from_str::<UserId>(&json).is_ok() == plain(&text)
    });
}

#[test]
fn coupons_and_attempts_are_written_as_they_are_read() {
    let coupons =
        words(&["0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b", "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b"]);
    holds(text(coupons), |text| match text.parse::<CouponId>() {
        Ok(id) => id.to_string().parse() == Ok(id) && id.to_hex().parse() == Ok(id),
        Err(_) => true,
    });
    holds(text(words(&["-", "00112233445566778899aabbccddeeff"])), |text| {
        match text.parse::<Attempt>() {
            Ok(attempt) => attempt.to_string().parse() == Ok(attempt),
            Err(_) => true,
        }
    });
}

#[test]
fn wins_and_outbox_entries_are_written_as_they_are_read() {
    holds(text(words(&[WIN])), |text| match text.parse::<Win>() {
        Ok(win) => win.to_string().parse() == Ok(win),
        Err(_) => true,
    });
    holds(text(vec![format!("{WIN};{WIN}")]), |text| match parse_wins(&text) {
        Ok(wins) => parse_wins(&join_wins(&wins)) == Ok(wins),
        Err(_) => true,
    });
    holds(text(vec![format!("ann,{WIN}"), format!("ann,{WIN};bob,{WIN}")]), |text| {
        let wins = outbox::parse_wins(&text).unwrap_or_default();
        let again: Vec<String> =
            wins.iter().map(|one| format!("{},{}", one.user, one.win)).collect();
        wins.is_empty() || outbox::parse_wins(&again.join(";")) == Ok(wins)
    });
}

#[test]
fn the_script_s_answers_are_read_or_refused() {
    let answers = words(&["+17,2", "!", "#", "="]);
    let wins = [format!("={WIN}"), format!("#{WIN};{WIN}")];
    holds(text([answers, wins.into()].concat()), |text| {
        // Empty, and a letter of several bytes in front, are no answers.
        let known = text.starts_with(['+', '=', '#', '!']);
        known || parse_text(&text).is_err()
    });
    for code in -1_000..1_000 {
        assert_eq!(parse_code(code).is_ok(), (0..=5).contains(&code), "{code}");
    }
}

#[test]
fn records_are_written_as_they_are_read() {
    let issued = r#"{"format":1,"type":"issued","epoch":3,"event_id":"spring","user_id":"ann","coupon_id":"0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b","sequence":17,"attempt":"-","issued_at_ms":1700000000123,"quantity":1,"nth":1,"state":"issued","revision":1,"told":"replica"}"#;
    let marker = r#"{"format":1,"type":"marker","epoch":4,"event_id":"spring"}"#;
    for right in [issued, marker] {
        record::decode(right.as_bytes()).unwrap();
    }
    holds(bytes(words(&[issued, marker])), |value| match record::decode(&value) {
        Ok(record) => record::decode(&record::encode(&record)) == Ok(record),
        Err(_) => true,
    });
}

#[test]
fn the_directory_s_entries_are_written_as_they_are_read() {
    let event = r#"{"format":1,"type":"event","event_id":"spring","epoch":3,"version":2,"phase":"open","opens_at_ms":0,"closes_at_ms":0,"stock":500,"per_user_limit":1,"confirm":"replica"}"#;
    let probe = r#"{"format":1,"type":"probe","edge":"edge-1","version":"0.1.0","formats":"x"}"#;
    for right in [event, probe] {
        directory::decode(Some(b"spring"), Some(right.as_bytes())).unwrap();
    }
    holds(bytes(words(&[event, probe])), |value| {
        match directory::decode(Some(b"spring"), Some(&value)) {
            Ok(entry) => {
                let (key, value) = directory::encode(&entry);
                directory::decode(Some(&key), value.as_deref()) == Ok(entry)
            }
            Err(_) => true,
        }
    });
    // A key alone: an event that is gone, a probe that is, or neither.
    holds(bytes(words(&["spring", "probe/edge-1"])), |key| {
        let gone = std::str::from_utf8(&key)
            .is_ok_and(|key| key.starts_with("probe/") || key.parse::<EventId>().is_ok());
        directory::decode(Some(&key), None).is_ok() == gone
    });
}
