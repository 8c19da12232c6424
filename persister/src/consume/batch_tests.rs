use contract::coupon::CouponState;
use contract::ids::Attempt;
use contract::pseudonym::pseudonym;
use contract::record::{Told, encode};

use super::*;

fn win(user: &str, epoch: u64, sequence: u64) -> Issued {
    Issued {
        epoch,
        event_id: "spring".parse().unwrap(),
        user_id: user.parse().unwrap(),
        coupon_id: CouponId::new(),
        sequence,
        attempt: Attempt::NONE,
        issued_at_ms: 1_700_000_000_123,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
        told: Told::Replica,
    }
}

fn marker(epoch: u64) -> Record {
    Record::Marker(Marker { epoch, event_id: "spring".parse().unwrap() })
}

fn batch(records: &[Record]) -> Vec<Item> {
    read(records.iter().zip(10..).map(|(record, at)| stored(at, encode(record))).collect())
}

fn stored(offset: i64, value: Vec<u8>) -> StoredRecord {
    StoredRecord {
        offset,
        timestamp_ms: 1,
        key: None,
        value: Some(value),
        headers: Default::default(),
    }
}

fn spring(epoch: u64, cut: u64) -> HashMap<EventId, EpochsOf> {
    HashMap::from([("spring".parse().unwrap(), EpochsOf { epoch, united: false, cut })])
}

fn row_of(win: &Issued) -> (CouponId, StoredCoupon) {
    let coupon = StoredCoupon {
        event_id: win.event_id.clone(),
        user_id: win.user_id.clone(),
        nth: win.nth,
        sequence: win.sequence,
        revision: win.revision,
    };
    (win.coupon_id, coupon)
}

fn old_places(sorted: &Sorted<'_>) -> Vec<usize> {
    sorted.old.iter().map(|&(place, ..)| place).collect()
}

fn places(list: &[(usize, &Issued)]) -> Vec<usize> {
    list.iter().map(|&(place, _)| place).collect()
}

#[test]
fn poison_is_doomed_by_what_its_headers_tell() {
    let mut record = stored(1, b"poison".to_vec());
    record.headers.insert(HEADER_EVENT.to_owned(), b"spring".to_vec());
    let empty = StoredRecord { value: None, ..stored(2, Vec::new()) };
    let items = read(vec![record, empty]);
    let [Content::Doomed(first), Content::Doomed(second)] = [&items[0].content, &items[1].content]
    else {
        panic!("{items:?}");
    };
    assert_eq!(first.reason, Reason::Undecodable);
    assert_eq!(first.event_id, "spring".parse().ok());
    assert_eq!(second.message, "the record is empty");
}

#[test]
fn wins_of_the_epoch_become_rows_and_those_of_no_event_are_rejected() {
    let stranger = Issued { event_id: "autumn".parse().unwrap(), ..win("bob", 1, 1) };
    let items = batch(&[Record::Issued(win("ann", 2, 1)), Record::Issued(stranger)]);
    assert_eq!(events_of(&items).len(), 2);
    let sorted = sort(&items, &spring(2, 0)).unwrap();
    assert_eq!(places(&sorted.wins), [0]);
    assert_eq!(sorted.doomed.len(), 1);
    assert_eq!(sorted.doomed[0].1.reason, Reason::Rejected);
}

#[test]
fn an_older_epoch_is_old_only_behind_a_marker() {
    let records = [
        Record::Issued(win("ann", 1, 1)),
        marker(2),
        Record::Issued(win("bob", 1, 2)),
        Record::Issued(win("eve", 2, 3)),
    ];
    let items = batch(&records);
    let sorted = sort(&items, &spring(2, 0)).unwrap();
    assert_eq!(places(&sorted.wins), [0, 3]);
    assert_eq!(old_places(&sorted), [2]);
    assert_eq!(sorted.markers.len(), 1);
    assert_eq!(sorted.markers[0].0, 11);
    // The marker may stand in an earlier batch.
    let sorted = sort(&items[..1], &spring(2, 2)).unwrap();
    assert_eq!(old_places(&sorted), [0]);
    // Of two markers the higher one counts, whatever their order.
    let items = batch(&[marker(3), marker(2), Record::Issued(win("ann", 2, 1))]);
    assert_eq!(old_places(&sort(&items, &spring(3, 0)).unwrap()), [2]);
}

#[test]
fn an_epoch_that_mysql_has_not_begun_stops_the_partition() {
    for record in [Record::Issued(win("ann", 3, 1)), marker(3)] {
        let items = batch(&[Record::Issued(win("bob", 2, 1)), record]);
        let ahead = sort(&items, &spring(2, 0)).unwrap_err();
        assert_eq!((ahead.offset, ahead.found, ahead.known), (11, 3, 2));
    }
}

#[test]
fn a_marker_of_no_event_is_rejected_and_cuts_nothing() {
    let items = batch(&[marker(2)]);
    let sorted = sort(&items, &HashMap::new()).unwrap();
    assert_eq!(sorted.doomed[0].1.reason, Reason::Rejected);
    assert!(sorted.markers.is_empty());
}

#[test]
fn the_same_coupon_is_a_replay_and_another_is_a_breach() {
    let (ann, bob, eve) = (win("ann", 1, 1), win("bob", 1, 1), win("eve", 1, 3));
    let elsewhere = Issued { sequence: 9, ..eve.clone() };
    let stored = HashMap::from([row_of(&ann), row_of(&elsewhere)]);
    let found = breaches(&[(0, &ann), (1, &bob), (2, &eve)], &stored);
    let found: Vec<_> = found.iter().map(|(place, verdict)| (*place, verdict.reason)).collect();
    assert_eq!(found, [(1, Reason::Breach), (2, Reason::Breach)]);
}

#[test]
fn a_record_of_a_user_who_was_erased_since_is_a_replay() {
    let ann = win("ann", 1, 1);
    let (coupon, row) = row_of(&ann);
    let erased = StoredCoupon { user_id: pseudonym([7; 12]), ..row };
    let stored = HashMap::from([(coupon, erased.clone())]);
    assert!(breaches(&[(0, &ann)], &stored).is_empty());
    let elsewhere = StoredCoupon { sequence: 9, ..erased };
    assert_eq!(breaches(&[(0, &ann)], &HashMap::from([(coupon, elsewhere)])).len(), 1);
}

#[test]
fn an_old_win_with_a_row_is_a_replay_and_one_without_is_late() {
    let (ann, bob) = (win("ann", 1, 1), win("bob", 1, 2));
    let stored = HashMap::from([row_of(&ann)]);
    let found = late(&[(0, &ann, Reason::Late), (4, &bob, Reason::Late)], &stored);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.reason), (4, Reason::Late));
}

#[test]
fn what_comes_after_its_event_was_united_is_void() {
    let items = batch(&[Record::Issued(win("ann", 1, 1))]);
    for (united, reason) in [(false, Reason::Late), (true, Reason::Void)] {
        let known = EpochsOf { epoch: 2, united, cut: 2 };
        let events = HashMap::from([("spring".parse().unwrap(), known)]);
        assert_eq!(sort(&items, &events).unwrap().old[0].2, reason);
    }
}

#[test]
fn a_record_is_doomed_once() {
    let mut items = batch(&[Record::Issued(win("ann", 1, 1)), marker(2)]);
    for item in &mut items {
        item.doom(Reason::Rejected, "first".to_owned());
        item.doom(Reason::Breach, "second".to_owned());
        let Content::Doomed(verdict) = &item.content else { panic!("{item:?}") };
        assert_eq!((verdict.reason, verdict.message.as_str()), (Reason::Rejected, "first"));
    }
}
