//! `lua/claim.lua` on a real shard: every answer, and what it writes.

use contract::claim_script::{Answer, Header, Refusal};
use contract::coupon::{CouponState, Win, join_wins};
use contract::ids::{Attempt, CouponId, EventId, UserId};
use contract::keys::EventKeys;
use contract::outbox;
use links::claims::{Claim, ClaimReply, claim};
use links::redis::{RedisError, Reply, Slot};
use links::script_connection::{Held, ScriptConnection};
use rig::stack::{Guard, shared};

use crate::stack::{ONE_REPLICA, Redis, event, unseen_script};

/// An event on its shard, as the leader would have armed it.
struct Sale {
    redis: Redis,
    event: EventId,
    keys: EventKeys,
    connection: ScriptConnection,
    _guard: Guard,
}

/// A claim before its coupon is made.
struct Ask {
    user: UserId,
    attempt: Attempt,
    coupon: CouponId,
    quantity: u32,
}

fn ask(user: &str) -> Ask {
    let user = user.parse().unwrap();
    Ask { user, attempt: Attempt::NONE, coupon: CouponId::new(), quantity: 1 }
}

fn attempt(user: &str, key: &str) -> Ask {
    Ask { attempt: Attempt::from_key(key.as_bytes()), ..ask(user) }
}

impl Sale {
    /// Open, with a stock and a limit, armed for the process that is the master now.
    async fn open(stock: u32, limit: u32) -> Self {
        let guard = shared().await;
        let redis = Redis::connect().await;
        let event = event("sale");
        let master = redis.master_of(Slot::of(&event)).await;
        let process = redis.cluster.process_of(&master).await.unwrap();
        let connection = redis.connection(&event).await;
        let keys = EventKeys::new(&event);
        let sale = Self { redis, event, keys, connection, _guard: guard };
        let (stock, limit) = (stock.to_string(), limit.to_string());
        sale.set(&[
            ("epoch", "3"),
            ("phase", "open"),
            ("identity", process.replid.as_str()),
            ("run_id", process.run_id.as_str()),
            ("config_epoch", "1"),
            ("armer", ""),
            ("opens", "0"),
            ("closes", "0"),
            ("stock", stock.as_str()),
            ("held", "0"),
            ("sequence", "0"),
            ("limit", limit.as_str()),
            ("version", "5"),
        ])
        .await;
        sale
    }

    async fn set(&self, fields: &[(&str, &str)]) {
        let pairs = fields.iter().flat_map(|(field, value)| [*field, *value]);
        let words: Vec<&str> = ["HSET"].into_iter().chain(pairs).collect();
        self.redis.command(&self.event, &self.keys.state, &words).await;
    }

    async fn call(&mut self, asks: &[Ask]) -> Result<(ClaimReply, Held), RedisError> {
        let claims: Vec<Claim<'_>> = asks
            .iter()
            .map(|ask| Claim {
                user: &ask.user,
                attempt: ask.attempt,
                coupon: ask.coupon,
                quantity: ask.quantity,
            })
            .collect();
        claim(&mut self.connection, &self.keys, &claims, ONE_REPLICA).await
    }

    /// The answers of a call that must have been held twice.
    async fn claim(&mut self, asks: &[Ask]) -> (Header, Vec<Answer>) {
        match self.call(asks).await.unwrap() {
            (ClaimReply::Answered { header, answers }, Held::Twice) => (header, answers),
            other => panic!("{other:?}"),
        }
    }

    async fn refusals(&mut self, user: &str) -> Answer {
        let (_, mut answers) = self.claim(&[ask(user)]).await;
        answers.remove(0)
    }

    async fn exists(&self, key: &str) -> bool {
        self.redis.command(&self.event, key, &["EXISTS"]).await == Reply::Integer(1)
    }

    async fn wins_of(&self, user: &str) -> Option<String> {
        let reply = self.redis.command(&self.event, &self.keys.wins, &["HGET", user]).await;
        reply.text().map(str::to_owned)
    }
}

fn granted(sequence: u64, nth: u32) -> Answer {
    Answer::Granted { sequence, nth }
}

/// The win that a granted ask became.
fn win(ask: &Ask, sequence: u64, nth: u32, issued_at_ms: u64) -> Win {
    Win {
        coupon: ask.coupon,
        sequence,
        attempt: ask.attempt,
        issued_at_ms,
        quantity: ask.quantity,
        nth,
        state: CouponState::Issued,
        revision: 1,
    }
}

#[tokio::test]
async fn wins_are_numbered_kept_and_put_into_the_outbox() {
    let mut sale = Sale::open(10, 1).await;
    let asks = [ask("ann"), attempt("bob", "k")];
    let (header, answers) = sale.claim(&asks).await;
    assert_eq!(answers, [granted(1, 1), granted(2, 1)]);
    assert_eq!((header.epoch, header.version), (3, 5));
    assert_eq!((header.sequence, header.left), (2, 8));
    let clock = sale.redis.cluster.clock_ms(Slot::of(&sale.event)).await.unwrap();
    assert!(header.ms <= clock && clock - header.ms < 60_000);

    let ann = win(&asks[0], 1, 1, header.ms);
    assert_eq!(sale.wins_of("ann").await, Some(ann.to_string()));
    let state = sale.redis.cluster.state(&sale.event).await.unwrap().unwrap();
    assert_eq!((state.held, state.sequence, state.stock), (2, 2, 10));

    let page = sale.redis.cluster.outbox(&sale.event, None, 10).await.unwrap();
    assert!(page.unreadable.is_empty());
    let [entry] = page.entries.as_slice() else { panic!("{page:?}") };
    assert_eq!((entry.id.as_str(), entry.epoch), (outbox::entry_id(3, 1).as_str(), 3));
    let [first, second] = entry.wins.as_slice() else { panic!("{entry:?}") };
    assert_eq!((first.user.as_str(), first.win), ("ann", ann));
    assert_eq!((second.user.as_str(), second.win), ("bob", win(&asks[1], 2, 1, header.ms)));

    let ids = [entry.id.as_str()];
    assert_eq!(sale.redis.cluster.acknowledge(&sale.event, &ids).await, Ok(1));
    assert_eq!(sale.redis.cluster.acknowledge(&sale.event, &ids).await, Ok(0));
    let page = sale.redis.cluster.outbox(&sale.event, None, 10).await.unwrap();
    assert!(page.entries.is_empty());
}

#[tokio::test]
async fn an_outbox_and_the_wins_are_read_in_pages() {
    let mut sale = Sale::open(10, 1).await;
    for user in ["ann", "bob", "cy"] {
        sale.claim(&[ask(user)]).await;
    }
    let cluster = sale.redis.cluster.clone();
    let first = cluster.outbox(&sale.event, None, 2).await.unwrap().entries;
    assert_eq!(first.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["3-1", "3-2"]);
    let rest = cluster.outbox(&sale.event, Some("3-2"), 2).await.unwrap().entries;
    assert_eq!(rest.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["3-3"]);

    let page = cluster.wins_page(&sale.event, 0, 100).await.unwrap();
    assert_eq!(page.cursor, 0);
    let mut users: Vec<&str> = page.users.iter().map(|user| user.user.as_str()).collect();
    users.sort_unstable();
    assert_eq!(users, ["ann", "bob", "cy"]);
    assert!(page.users.iter().all(|user| user.wins.len() == 1));
}

#[tokio::test]
async fn the_same_user_twice_in_a_batch_gets_one_coupon() {
    let mut sale = Sale::open(10, 1).await;
    let asks = [ask("ann"), ask("ann"), ask("bob")];
    let (header, answers) = sale.claim(&asks).await;
    let again = Answer::Again(win(&asks[0], 1, 1, header.ms));
    assert_eq!(answers, [granted(1, 1), again, granted(2, 1)]);
    assert_eq!(header.left, 8);
    assert_eq!(sale.wins_of("ann").await, Some(win(&asks[0], 1, 1, header.ms).to_string()));
}

#[tokio::test]
async fn a_stock_that_ends_inside_a_batch_goes_to_the_first() {
    let mut sale = Sale::open(2, 1).await;
    let asks = ["ann", "bob", "cy", "dee"].map(ask);
    let (header, answers) = sale.claim(&asks).await;
    let sold_out = Answer::Refused(Refusal::SoldOut);
    assert_eq!(answers, [granted(1, 1), granted(2, 1), sold_out.clone(), sold_out]);
    assert_eq!((header.left, header.sequence), (0, 2));
    assert_eq!(sale.wins_of("cy").await, None);

    // Nothing left, and still a winner gets the same again.
    let (_, answers) = sale.claim(&[ask("cy"), ask("ann")]).await;
    assert_eq!(answers[0], Answer::Refused(Refusal::SoldOut));
    assert_eq!(answers[1], Answer::Again(win(&asks[0], 1, 1, header.ms)));
}

#[tokio::test]
async fn a_claim_for_more_than_is_left_is_sold_out_and_a_smaller_one_is_not() {
    let mut sale = Sale::open(3, 5).await;
    let asks = [Ask { quantity: 2, ..ask("ann") }, Ask { quantity: 2, ..ask("bob") }, ask("cy")];
    let (header, answers) = sale.claim(&asks).await;
    assert_eq!(answers, [granted(1, 1), Answer::Refused(Refusal::SoldOut), granted(2, 1)]);
    assert_eq!((header.left, header.sequence), (0, 2));
}

#[tokio::test]
async fn the_same_attempt_again_gets_the_same_coupon() {
    let mut sale = Sale::open(10, 3).await;
    let first = attempt("ann", "k");
    let (header, _) = sale.claim(std::slice::from_ref(&first)).await;
    let held = win(&first, 1, 1, header.ms);
    for _ in 0..2 {
        let (_, answers) = sale.claim(&[attempt("ann", "k"), attempt("ann", "k")]).await;
        assert_eq!(answers, [Answer::Again(held), Answer::Again(held)]);
    }
    let state = sale.redis.cluster.state(&sale.event).await.unwrap().unwrap();
    assert_eq!((state.held, state.sequence), (1, 1));
}

#[tokio::test]
async fn other_attempts_win_up_to_the_limit() {
    let mut sale = Sale::open(10, 2).await;
    let asks = [attempt("ann", "1"), attempt("ann", "2"), attempt("ann", "3")];
    let (header, answers) = sale.claim(&asks).await;
    let both = vec![win(&asks[0], 1, 1, header.ms), win(&asks[1], 2, 2, header.ms)];
    assert_eq!(answers, [granted(1, 1), granted(2, 2), Answer::LimitReached(both.clone())]);
    assert_eq!(sale.wins_of("ann").await, Some(join_wins(&both)));
    // In a later call as well, and each attempt still gets its own.
    let (_, answers) = sale.claim(&[attempt("ann", "2"), attempt("ann", "4")]).await;
    assert_eq!(answers, [Answer::Again(both[1]), Answer::LimitReached(both)]);
}

#[tokio::test]
async fn a_win_is_numbered_after_the_highest_of_its_user_not_after_their_count() {
    let mut sale = Sale::open(5, 3).await;
    // The first was never told, and is gone: its master was cut off from everybody.
    let second = attempt("ann", "second");
    let wins = join_wins(&[win(&second, 2, 2, 1)]);
    let redis = &sale.redis;
    redis.command(&sale.event, &sale.keys.wins, &["HSET", "ann", &wins]).await;
    sale.set(&[("held", "1"), ("sequence", "2")]).await;
    let (_, answers) = sale.claim(&[attempt("ann", "third")]).await;
    assert_eq!(answers, [granted(3, 3)]);
}

#[tokio::test]
async fn a_revoked_coupon_counts_and_a_returned_one_does_not() {
    let mut sale = Sale::open(10, 1).await;
    let stored = |state| Win { state, revision: 2, ..win(&ask("ann"), 1, 1, 1_700_000_000_000) };
    let put = |win: Win| ["HSET".to_owned(), "ann".to_owned(), win.to_string()];

    let revoked = put(stored(CouponState::Revoked));
    let words: Vec<&str> = revoked.iter().map(String::as_str).collect();
    sale.redis.command(&sale.event, &sale.keys.wins, &words).await;
    assert_eq!(sale.refusals("ann").await, Answer::Revoked);

    let returned = put(stored(CouponState::Returned));
    let words: Vec<&str> = returned.iter().map(String::as_str).collect();
    sale.redis.command(&sale.event, &sale.keys.wins, &words).await;
    sale.set(&[("sequence", "1")]).await;
    assert_eq!(sale.refusals("ann").await, granted(2, 2), "a number is never given twice");
}

#[tokio::test]
async fn a_phase_refuses_the_others_and_answers_winners() {
    let mut sale = Sale::open(10, 1).await;
    let ann = ask("ann");
    let (header, _) = sale.claim(std::slice::from_ref(&ann)).await;
    let held = win(&ann, 1, 1, header.ms);
    for (phase, refusal) in [
        ("paused", Refusal::Paused),
        ("closed", Refusal::Closed),
        ("scheduled", Refusal::NotOpen),
        ("reopening", Refusal::Reopening),
        ("arming", Refusal::Fenced),
        ("what", Refusal::Fenced),
    ] {
        sale.set(&[("phase", phase)]).await;
        let (_, answers) = sale.claim(&[ask("bob"), ask("ann")]).await;
        assert_eq!(answers, [Answer::Refused(refusal), Answer::Again(held)], "{phase}");
    }
    sale.set(&[("phase", "open")]).await;
    assert_eq!(sale.refusals("bob").await, granted(2, 1));
}

#[tokio::test]
async fn the_window_is_kept_by_the_clock_of_the_shard() {
    let mut sale = Sale::open(10, 1).await;
    let now = sale.redis.cluster.clock_ms(Slot::of(&sale.event)).await.unwrap();
    let (past, later) = ((now - 60_000).to_string(), (now + 600_000).to_string());
    sale.set(&[("opens", later.as_str())]).await;
    assert_eq!(sale.refusals("ann").await, Answer::Refused(Refusal::NotOpen));
    sale.set(&[("opens", past.as_str()), ("closes", later.as_str())]).await;
    assert_eq!(sale.refusals("ann").await, granted(1, 1));
    sale.set(&[("closes", past.as_str())]).await;
    assert_eq!(sale.refusals("bob").await, Answer::Refused(Refusal::Closed));
}

#[tokio::test]
async fn another_identity_fences_everything_losses_too() {
    let mut sale = Sale::open(1, 1).await;
    sale.claim(&[ask("ann")]).await;
    sale.set(&[("identity", &"0".repeat(40))]).await;
    let fenced = Answer::Refused(Refusal::Fenced);
    // Not even a winner, nor a loser: this process may lack a win that was told.
    let (_, answers) = sale.claim(&[ask("ann"), ask("bob")]).await;
    assert_eq!(answers, [fenced.clone(), fenced]);
    sale.set(&[("identity", "")]).await;
    assert_eq!(sale.refusals("ann").await, Answer::Refused(Refusal::Fenced));
}

#[tokio::test]
async fn a_missing_event_is_absent_and_stays_so() {
    let mut sale = Sale::open(1, 1).await;
    sale.redis.command(&sale.event, &sale.keys.state, &["DEL"]).await;
    let (reply, _) = sale.call(&[ask("ann")]).await.unwrap();
    assert_eq!(reply, ClaimReply::Absent);
    assert_eq!(sale.redis.cluster.state(&sale.event).await, Ok(None));
    for key in [&sale.keys.state, &sale.keys.wins, &sale.keys.outbox] {
        assert!(!sale.exists(key).await, "{key}");
    }
}

#[tokio::test]
async fn a_call_without_claims_tells_how_the_event_stands() {
    let mut sale = Sale::open(7, 1).await;
    let (header, answers) = sale.claim(&[]).await;
    assert!(answers.is_empty());
    assert_eq!((header.epoch, header.sequence, header.left), (3, 0, 7));
}

#[tokio::test]
async fn a_key_of_another_type_leaves_nothing_written() {
    for wrong in ["outbox", "wins"] {
        let mut sale = Sale::open(10, 1).await;
        let (key, other) = if wrong == "outbox" {
            (sale.keys.outbox.clone(), sale.keys.wins.clone())
        } else {
            (sale.keys.wins.clone(), sale.keys.outbox.clone())
        };
        sale.redis.command(&sale.event, &key, &["SET", "x"]).await;
        match sale.call(&[ask("ann")]).await {
            Err(RedisError::Refused(text)) => assert!(text.starts_with("WRONGTYPE"), "{text}"),
            answer => panic!("{wrong}: {answer:?}"),
        }
        assert!(!sale.exists(&other).await, "{wrong}");
        let state = sale.redis.cluster.state(&sale.event).await.unwrap().unwrap();
        assert_eq!((state.held, state.sequence), (0, 0), "{wrong}");
    }
}

#[tokio::test]
async fn a_format_of_another_build_is_refused() {
    let mut sale = Sale::open(10, 1).await;
    let keys = [sale.keys.state.as_str(), sale.keys.wins.as_str(), sale.keys.outbox.as_str()];
    let script = unseen_script(contract::claim_script::SOURCE);
    let coupon = CouponId::new().to_hex();
    let args = ["2", "1", "ann", "-", coupon.as_str(), "1"];
    match sale.connection.call(&script, &keys, &args, ONE_REPLICA).await {
        Err(RedisError::Refused(text)) => assert!(text.starts_with("FORMAT"), "{text}"),
        answer => panic!("{answer:?}"),
    }
    assert!(!sale.exists(&sale.keys.wins).await);
}

#[tokio::test]
async fn a_whole_batch_is_one_entry() {
    let mut sale = Sale::open(100, 1).await;
    let asks: Vec<Ask> =
        (0..contract::claim_script::MAX_CLAIMS).map(|user| ask(&format!("u{user}"))).collect();
    let (header, answers) = sale.claim(&asks).await;
    let wins = answers.iter().filter(|answer| matches!(answer, Answer::Granted { .. })).count();
    assert_eq!((wins, header.left), (100, 0));
    let page = sale.redis.cluster.outbox(&sale.event, None, 10).await.unwrap();
    assert_eq!(page.entries.len(), 1);
    let numbers: Vec<u64> = page.entries[0].wins.iter().map(|win| win.win.sequence).collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<u64>>());
}
