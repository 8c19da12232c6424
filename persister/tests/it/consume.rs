//! From records to rows: each win once, whatever comes with it.

use contract::ids::CouponId;
use contract::record::{Issued, Marker, Record, encode};
use contract::topics::dead_letter;
use rig::stack::shared;

use crate::world::{Row, World, new_id, raw_record, record_of, row_of, win};

/// The partition that tests of a whole batch write to.
const PART: i32 = 5;

fn header(record: &links::kafka::StoredRecord, name: &str) -> String {
    String::from_utf8(record.headers[name].clone()).unwrap()
}

#[tokio::test]
async fn wins_become_rows_and_the_same_records_again_change_nothing() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("rows", 1_000).await;
    let wins: Vec<Issued> = (1..=1_000).map(|sequence| win(&event, sequence)).collect();
    world.produce_wins(&wins).await;
    let expected: Vec<Row> = wins.iter().map(row_of).collect();
    assert_eq!(world.rows_when(&event, 1_000).await, expected);

    world.produce_wins(&wins).await;
    // A record behind the replay has landed when its row is there.
    let more: Vec<Issued> = (1_001..=1_100).map(|sequence| win(&event, sequence)).collect();
    world.produce_wins(&more).await;
    let rows = world.rows_when(&event, 1_100).await;
    assert_eq!(rows[..1_000], expected);
    assert_eq!(rows.len(), 1_100);
    assert!(world.dead_letters(&event).await.is_empty());
}

#[tokio::test]
async fn everything_of_a_win_is_in_its_row() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("whole", 10).await;
    let win = Issued { quantity: 3, nth: 2, revision: 4, ..win(&event, 7) };
    world.produce_wins(std::slice::from_ref(&win)).await;
    world.rows_when(&event, 1).await;
    let sql = "SELECT CONCAT_WS(' ', user_nth, quantity, epoch, LOWER(HEX(attempt)), told, state, \
               revision, issued_at) FROM coupons WHERE coupon_id = ?";
    let rows: Vec<String> = world.query(sql, (win.coupon_id.as_bytes().to_vec(),)).await;
    let expected = format!("2 3 1 {} replica issued 4 2026-11-27 09:00:00.123", win.attempt);
    assert_eq!(rows, [expected]);
}

#[tokio::test]
async fn the_request_that_won_stands_in_the_row_and_no_replay_changes_that() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("requests", 10).await;
    let with_id = |win: &Issued, id: &str| {
        let mut record = record_of(win);
        record.headers.insert("request-id".to_owned(), id.as_bytes().to_vec());
        record
    };
    let (first, relayed, odd) = (win(&event, 1), win(&event, 2), win(&event, 3));
    let records = vec![
        with_id(&first, "r-1"),
        record_of(&first),
        with_id(&first, "r-9"),
        record_of(&relayed),
        with_id(&relayed, "r-2"),
        with_id(&odd, "not an id"),
        with_id(&Issued { quantity: 0, ..win(&event, 4) }, "r-4"),
    ];
    world.produce(PART, records).await;
    world.rows_when(&event, 3).await;
    world.dead_letters_when(&event, 1).await;
    let of = |table: &str| {
        format!("SELECT request_id FROM {table} WHERE event_id = ? ORDER BY coupon_id")
    };
    let ids: Vec<Option<String>> = world.query(&of("coupons"), (event.as_str(),)).await;
    assert_eq!(ids, [Some("r-1".to_owned()), None, None]);
    let ids: Vec<Option<String>> = world.query(&of("dead_letters"), (event.as_str(),)).await;
    assert_eq!(ids, [Some("r-4".to_owned())]);
}

#[tokio::test]
async fn the_same_record_twice_in_one_batch_is_one_row() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("twice", 10).await;
    let (first, second) = (win(&event, 1), win(&event, 2));
    let records = [&first, &first, &second, &first].map(record_of);
    world.produce(PART, records.to_vec()).await;
    assert_eq!(world.rows_when(&event, 2).await, [row_of(&first), row_of(&second)]);
    assert!(world.dead_letters(&event).await.is_empty());
}

#[tokio::test]
async fn users_that_differ_in_case_are_two_users() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("case", 10).await;
    let ann = Issued { user_id: "ann".parse().unwrap(), ..win(&event, 1) };
    let other = Issued { user_id: "Ann".parse().unwrap(), ..win(&event, 2) };
    world.produce(PART, vec![record_of(&ann), record_of(&other)]).await;
    assert_eq!(world.rows_when(&event, 2).await.len(), 2);
}

#[tokio::test]
async fn bad_records_become_dead_letters_and_the_rest_lands() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("poison", 1_000).await;
    let stranger = new_id("stranger");
    let mut records: Vec<_> = (1..=200).map(|n| record_of(&win(&event, n))).collect();
    let refused = Issued { quantity: 0, ..win(&event, 900) };
    let timeless = Issued { issued_at_ms: u64::MAX, ..win(&event, 901) };
    records.insert(10, raw_record(&event, b"poison"));
    records.insert(50, record_of(&refused));
    records.insert(51, record_of(&timeless));
    records.insert(120, raw_record(&event, &[b' '; 9_000]));
    records.insert(150, record_of(&win(&stranger, 1)));
    records.insert(199, raw_record(&event, b"{\"format\":2}"));
    let first = world.produce(PART, records).await;

    assert_eq!(world.rows_when(&event, 200).await.len(), 200);
    let letters = world.dead_letters_when(&event, 5).await;
    let found: Vec<(i64, &str)> =
        letters.iter().map(|(offset, reason, _)| (offset - first, reason.as_str())).collect();
    let expected = [
        (10, "undecodable"),
        (50, "rejected"),
        (51, "rejected"),
        (120, "undecodable"),
        (199, "undecodable"),
    ];
    assert_eq!(found, expected, "{letters:?}");
    assert!(letters[1].2.contains("coupons_quantity"), "{letters:?}");
    let unknown = world.dead_letters_when(&stranger, 1).await;
    assert_eq!((unknown[0].1.as_str(), unknown[0].0 - first), ("rejected", 150));

    let records = world.dead_letter_records(&event).await;
    assert_eq!(records.len(), 5);
    let poison = &records[0];
    assert_eq!(poison.value.as_deref(), Some(b"poison".as_slice()));
    assert_eq!(header(poison, dead_letter::TOPIC), "coupon-issued");
    assert_eq!(header(poison, dead_letter::PARTITION), PART.to_string());
    assert_eq!(header(poison, dead_letter::OFFSET), (first + 10).to_string());
    assert_eq!(header(poison, dead_letter::REASON), "undecodable");
    assert!(!header(poison, dead_letter::MESSAGE).is_empty());
    assert!(header(poison, dead_letter::TIMESTAMP).parse::<i64>().unwrap() > 0);
}

#[tokio::test]
async fn another_coupon_in_the_place_of_a_row_is_a_breach() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("breach", 10).await;
    let ann = win(&event, 1);
    world.produce(PART, vec![record_of(&ann)]).await;
    world.rows_when(&event, 1).await;

    let other_coupon = Issued { coupon_id: CouponId::new(), sequence: 2, ..ann.clone() };
    let same_number = Issued { sequence: 1, ..win(&event, 3) };
    let same_coupon = Issued { coupon_id: ann.coupon_id, ..win(&event, 4) };
    let fine = win(&event, 5);
    let records = [&other_coupon, &same_number, &same_coupon, &fine].map(record_of);
    let first = world.produce(PART, records.to_vec()).await;

    assert_eq!(world.rows_when(&event, 2).await, [row_of(&ann), row_of(&fine)]);
    let letters = world.dead_letters_when(&event, 3).await;
    let found: Vec<(i64, &str)> =
        letters.iter().map(|(offset, reason, _)| (offset - first, reason.as_str())).collect();
    assert_eq!(found, [(0, "breach"), (1, "breach"), (2, "breach")], "{letters:?}");
}

#[tokio::test]
async fn behind_a_marker_an_older_epoch_is_late_unless_it_has_a_row() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("late", 10).await;
    let raise = "UPDATE events SET epoch = 2 WHERE event_id = ?";
    world.query::<u8>(raise, (event.as_str(),)).await;

    let (early, late) = (win(&event, 1), win(&event, 2));
    let current = Issued { epoch: 2, ..win(&event, 3) };
    let marker = Record::Marker(Marker { epoch: 2, event_id: event.clone() });
    let marker = raw_record(&event, &encode(&marker));
    let records =
        vec![record_of(&early), marker, record_of(&late), record_of(&early), record_of(&current)];
    let first = world.produce(PART, records).await;

    assert_eq!(world.rows_when(&event, 2).await, [row_of(&early), row_of(&current)]);
    let letters = world.dead_letters_when(&event, 1).await;
    assert_eq!((letters[0].0 - first, letters[0].1.as_str()), (2, "late"));
    assert_eq!(letters.len(), 1);
    // The leader arms an event again whose epoch has no arming: with another one.
    let cuts = "SELECT part, epoch, kafka_offset FROM event_cuts WHERE event_id = ? AND epoch = 2";
    let cuts: Vec<(i32, u64, i64)> = world.query(cuts, (event.as_str(),)).await;
    assert_eq!(cuts, [(PART, 2, first + 1)]);
}
