//! The checker on planted violations: every kind is caught as what it is, and what is right passes.

mod planted;
mod world;

use std::collections::BTreeSet;

use contract::coupon::CouponState;

use super::history::{BadHistory, Fold, History};
use super::snapshot::{Letter, LetterState, Rearm, Reason};
use super::violation::{Place, Violation};
use contract::record::Told;
use planted::{PLANTED, withdrawn};
use world::{BEGAN_MS, SOLD_OUT, clean, coupon, holding, won};

/// The name of a violation's kind. A new kind does not compile until it has a name here.
fn kind(violation: &Violation) -> &'static str {
    let at = |place: &Place, told, rows, redis| match place {
        Place::Told => told,
        Place::Rows => rows,
        Place::Redis => redis,
    };
    match violation {
        Violation::Oversold { place, .. } => {
            at(place, "oversold told", "oversold rows", "oversold redis")
        }
        Violation::Doubled { place, .. } => {
            at(place, "doubled told", "doubled rows", "doubled redis")
        }
        Violation::Missing { place, .. } => at(place, "", "missing row", "missing in redis"),
        Violation::Differs { place, .. } => at(place, "", "row differs", "redis differs"),
        Violation::SequenceTwice { place, .. } => {
            at(place, "number told twice", "number twice in rows", "number twice in redis")
        }
        Violation::CouponTwice { .. } => "coupon twice",
        Violation::AnswerChanged { .. } => "answer changed",
        Violation::WinnerToldLoss { .. } => "winner told a loss",
        Violation::LoserHolds { place, .. } => {
            at(place, "loser was told a win", "loser has a row", "loser has a win in redis")
        }
        Violation::SoldOutWithUnitsLeft { .. } => "sold out with units left",
        Violation::WonAfterSoldOut { .. } => "won after sold out",
        Violation::TooManyAfterSoldOut { .. } => "too many after sold out",
        Violation::WonWhileStopped { .. } => "won while stopped",
        Violation::ToldReturned { .. } => "told though returned",
        Violation::VoidTold { .. } => "void told",
        Violation::SequenceWentBack { .. } => "number went back",
        Violation::Disagree { .. } => "stores disagree",
        Violation::OnlyIn { place, .. } => at(place, "", "only a row", "only in redis"),
        Violation::NotSettled { .. } => "not settled",
        Violation::Miscounted { .. } => "miscounted",
        Violation::StockDiffers { .. } => "stock differs",
        Violation::SequenceBehind { .. } => "number behind",
        Violation::Unreadable { .. } => "unreadable",
        Violation::Unanswered { .. } => "unanswered",
        Violation::Refused { .. } => "refused",
    }
}

/// Every kind that a check may find; what is missing in [`PLANTED`] is found by this.
const KINDS: [&str; 34] = [
    "answer changed",
    "coupon twice",
    "doubled redis",
    "doubled rows",
    "doubled told",
    "loser has a row",
    "loser has a win in redis",
    "loser was told a win",
    "miscounted",
    "missing in redis",
    "missing row",
    "not settled",
    "number behind",
    "number told twice",
    "number twice in redis",
    "number twice in rows",
    "number went back",
    "only a row",
    "only in redis",
    "oversold redis",
    "oversold rows",
    "oversold told",
    "redis differs",
    "row differs",
    "sold out with units left",
    "stock differs",
    "stores disagree",
    "told though returned",
    "too many after sold out",
    "unreadable",
    "void told",
    "winner told a loss",
    "won after sold out",
    "won while stopped",
];

#[test]
fn a_clean_history_passes() {
    let verdict = clean().check();
    assert_eq!(
        verdict.to_string(),
        "told wins 3 · rows 3 · in Redis 3 · doubled 0 · oversold 0 · told but missing 0 · \
         unknown 0     PASS"
    );
    assert!(verdict.passes());
}

#[test]
fn every_planted_violation_is_caught_as_what_it_is() {
    for (nth, (wanted, plant)) in PLANTED.iter().enumerate() {
        let mut world = clean();
        plant(&mut world);
        let verdict = world.check();
        let found: BTreeSet<_> = verdict.findings.named().iter().map(kind).collect();
        let wanted: BTreeSet<_> = wanted.iter().copied().collect();
        assert_eq!(found, wanted, "planted world {nth}: {verdict}");
        assert!(!verdict.passes());
    }
}

#[test]
fn every_kind_is_planted() {
    let planted: BTreeSet<_> = PLANTED.iter().flat_map(|(kinds, _)| *kinds).copied().collect();
    assert_eq!(planted, KINDS.into_iter().collect());
}

#[test]
fn the_figures_count_what_is_wrong() {
    let mut world = clean();
    world.asks(120, 220, "bob", "-", &won(4, 4));
    world.redis.wins.push(holding("bob", 4));
    world.redis.held = 4;
    let counts = world.check().counts;
    assert_eq!((counts.told, counts.rows, counts.in_redis), (4, 3, 4));
    assert_eq!((counts.doubled, counts.oversold, counts.missing), (1, 1, 1));
}

#[test]
fn who_never_got_a_definite_answer_is_unknown_and_breaks_nothing() {
    let mut world = clean();
    world.asks(500, 600, "fay", "-", "503\tfenced\t-");
    world.asks(510, 610, "gus", "-", "disconnected");
    world.asks(520, 0, "hal", "-", "");
    world.asks(530, 630, "ida", "-", "503\tbusy\t-");
    world.asks(640, 650, "ida", "-", SOLD_OUT);
    let verdict = world.check();
    assert_eq!(verdict.counts.unknown, 3);
    assert!(verdict.passes(), "{verdict}");
}

#[test]
fn where_no_part_was_broken_everybody_must_be_answered() {
    let mut world = clean();
    let history = world.history();
    let mut verdict = world.check();
    verdict.demand_answers(&history);
    assert!(verdict.passes(), "{verdict}");

    world.asks(500, 600, "fay", "-", "503\tfenced\t-");
    world.asks(500, 600, "gus", "-", "404\tunknown_event\t-");
    let mut verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
    verdict.demand_answers(&world.history());
    let found: Vec<_> = verdict.findings.named().iter().map(kind).collect();
    assert_eq!(found, ["unanswered", "refused"]);
}

#[test]
fn a_win_that_its_user_was_never_told_is_no_violation() {
    let mut world = clean();
    world.first("cid").answer = "timed_out".to_owned();
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
    assert_eq!((verdict.counts.told, verdict.counts.unknown), (2, 1));
}

#[test]
fn units_that_came_back_explain_a_win_after_sold_out() {
    let mut world = clean();
    world.stores(|wins| {
        wins[0].state = CouponState::Returned;
        wins.push(holding("dan", 4));
    });
    world.asks(700, 800, "dan", "-", &won(4, 4));
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
    assert!(verdict.to_string().contains("order not judged: a coupon was returned"), "{verdict}");
    world.stores(|wins| wins[0].state = CouponState::Issued);
    assert!(!world.check().passes());
}

#[test]
fn a_top_up_explains_a_win_after_sold_out() {
    let mut world = clean();
    world.redis.stock = 4;
    world.mysql.stock = 4;
    world.redis.held = 4;
    world.stores(|wins| wins.push(holding("gus", 4)));
    world.asks(700, 800, "gus", "-", &won(4, 4));
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
}

#[test]
fn what_operators_noted_explains_what_came_of_it() {
    let mut world = clean();
    world.operates(500_000, 600_000, "top_up\t1");
    world.redis.stock = 5;
    world.mysql.stock = 5;
    world.redis.held = 4;
    // Dan had been told sold out, and has one when the units came; bob gives his back to fay.
    world.asks(700_000, 800_000, "dan", "-", &won(4, 4));
    world.operates(900_000, 950_000, "top_up\t1");
    world.operates(900_000, 950_000, &format!("return\t{}", coupon(2)));
    world.asks(960_000, 970_000, "fay", "-", &won(5, 5));
    world.operates(980_000, 985_000, "pause\t-");
    world.operates(990_000, 995_000, "resume\t-");
    world.asks(991_000, 999_000, "gus", "-", &won(6, 6));
    world.asks(2_000_000, 2_000_100, "hal", "-", SOLD_OUT);
    world.stores(|wins| {
        wins[1].state = CouponState::Returned;
        wins.extend([holding("dan", 4), holding("fay", 5), holding("gus", 6)]);
    });
    world.redis.held = 5;
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
}

#[test]
fn a_withdrawn_coupons_unit_may_be_somebody_elses() {
    let mut world = clean();
    withdrawn(&mut world);
    world.asks(900_000, 900_100, "ann", "key-a", "409\trevoked\t-");
    let history = world.history();
    let mut verdict = world.check();
    verdict.demand_answers(&history);
    assert!(verdict.passes(), "{verdict}");
    assert_eq!((verdict.counts.rows, verdict.order_not_judged), (3, None), "{verdict}");
    assert_eq!(history.returned(), 1);
}

#[test]
fn a_rearm_explains_units_that_came_back() {
    let mut world = clean();
    world.mysql.epoch = 2;
    world.first("cid").answer = "timed_out".to_owned();
    world.stores(|wins| wins[2] = holding("gus", 4));
    world.mysql.rearms.push(Rearm {
        epoch: 2,
        started_ms: BEGAN_MS + 5_000,
        opened_ms: Some(BEGAN_MS + 6_000),
    });
    world.mysql.letters.push(Letter {
        coupon: Some(coupon(3)),
        reason: Reason::Void,
        told: Some(Told::Unknown),
        state: LetterState::Waits,
    });
    world.asks(7_000_000, 7_100_000, "gus", "-", &won(4, 4));
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
    assert_eq!((verdict.counts.dead_letters, verdict.counts.void), (1, 1));
    assert!(verdict.to_string().contains("dead letters: 1, 1 of them void"), "{verdict}");
}

#[test]
fn the_books_close_with_what_an_operator_gave_up_and_not_with_what_waits() {
    let mut world = clean();
    let ann = world.mysql.rows.remove(0);
    let letter = |state| Letter {
        coupon: Some(ann.coupon),
        reason: Reason::Other,
        told: Some(Told::Replica),
        state,
    };
    world.mysql.letters.push(letter(LetterState::Waits));
    let verdict = world.check();
    assert!(!verdict.passes(), "{verdict}");
    let books = verdict.counts.books;
    assert_eq!((books.told, books.rows, books.dead_lettered, books.lost), (3, 2, 1, 0));

    world.mysql.letters[0] = letter(LetterState::GivenUp);
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
    let line = "books: told 3 = rows 2 + in flight 0 + dead-lettered 0 + given up 1";
    assert!(verdict.to_string().contains(line), "{verdict}");

    // Only the one that was given up is excused.
    world.mysql.rows.remove(0);
    let verdict = world.check();
    assert!(!verdict.passes() && verdict.counts.books.in_flight == 1, "{verdict}");
    world.redis.wins.remove(1);
    let verdict = world.check();
    assert!(!verdict.counts.books.close(), "{verdict}");
}

#[test]
fn in_an_event_that_was_there_before_early_winners_prove_nothing() {
    let mut world = clean();
    world.header = world.header.replace("created", "existing");
    world.first("cid").asked_us = 451;
    world.first("cid").answered_us = 470;
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
}

#[test]
fn with_a_higher_limit_each_attempt_is_a_claim_of_its_own() {
    let mut world = clean();
    world.header = world.header.replace("\t3\t1\t", "\t3\t2\t");
    world.mysql.limit = 2;
    world.stores(|wins| {
        wins[2].user = "bob".parse().unwrap();
        wins[2].nth = 2;
    });
    world.forget("cid");
    world.asks(230, 330, "bob", "key-2", &won(3, 3));
    let listed = format!("409\tlimit_reached\t{},2;{},3", coupon(2), coupon(3));
    world.asks(340, 350, "bob", "key-3", &listed);
    world.asks(500, 600, "ann", "key-b", SOLD_OUT);
    let verdict = world.check();
    assert!(verdict.passes(), "{verdict}");
}

#[test]
fn a_history_that_does_not_hang_together_is_refused() {
    let take = |lines: &[&str]| -> Result<History, BadHistory> {
        let mut fold = Fold::default();
        lines.iter().try_for_each(|line| fold.take(line))?;
        fold.finish()
    };
    let header = "H\t1\tspring\tcreated\t3\t1\t1700000000000";
    assert!(matches!(take(&[]), Err(BadHistory::Empty)));
    assert!(matches!(take(&[header]), Err(BadHistory::Empty)));
    let unasked = take(&[header, "A\t1\t10\t409\tsold_out\t-"]);
    assert!(matches!(unasked, Err(BadHistory::Order { number: 2, .. })));
    let headless = take(&["Q\t1\t10\tann\t-"]);
    assert!(matches!(headless, Err(BadHistory::Order { number: 1, .. })));
    let broken = take(&[header, "Q\t1"]);
    assert!(matches!(broken, Err(BadHistory::Line { number: 2, .. })));
}

#[test]
fn a_last_line_that_was_cut_short_is_left_out() {
    let path = std::env::temp_dir().join(format!("firstcome-cut-{}", std::process::id()));
    let text = "H\t1\tspring\tcreated\t3\t1\t1700000000000\nQ\t1\t10\tann\t-\nA\t1\t20\t40";
    std::fs::write(&path, text).unwrap();
    let history = History::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!((history.unknown, history.claims()), (1, 1));
}
