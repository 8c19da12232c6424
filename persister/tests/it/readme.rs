//! Every command that the README prints, in its order, and every call of the admin API that it lists, on
//! the stack. What changes something is tried dry first, and changes nothing then.

use chrono::{DateTime, Days, Utc};
use clap::Parser;
use contract::ids::{CouponId, EventId};
use persister::cli::Cli;
use rig::stack::{AdminRole, shared, wait_until};
use rig::written::{commands, page};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::reconcile::turn;
use crate::relay::claim;
use crate::world::{Ran, SOON, World, new_id, raw_record, record_of, win};

/// The partition that the letters come from.
const PART: i32 = 7;
/// A number that no claim here gets.
const EARLY: u64 = 400;
const DRY: &str = "--dry-run";

/// What the README calls spring, ann, a coupon and a letter.
struct Sale {
    event: EventId,
    user: String,
    coupons: Vec<String>,
    /// One that can be brought again, and one that cannot.
    letters: Vec<String>,
}

impl Sale {
    /// Two letters of an event that is not there yet.
    async fn plant(world: &World, name: &str) -> Self {
        let event = new_id(name);
        let records = vec![record_of(&win(&event, EARLY)), raw_record(&event, b"poison")];
        world.produce(PART, records).await;
        world.dead_letters_when(&event, 2).await;
        let words = ["dlt", "list", "--event", event.as_str(), "--json"];
        let page = world.run(&words).await.json();
        let letters = page["letters"].as_array().unwrap();
        let letter = |reason: &str| {
            let found = letters.iter().find(|letter| letter["reason"] == reason).unwrap();
            found["letter"].as_str().unwrap().to_owned()
        };
        let letters = vec![letter("rejected"), letter("undecodable")];
        let user = new_id("ann").to_string();
        Self { event, user, coupons: Vec::new(), letters }
    }

    /// Two users win, once there is a sale.
    async fn sell(&mut self, world: &World) {
        claim(world, &self.event, &[self.user.clone(), "bob".to_owned()]).await;
        let rows = world.rows_when(&self.event, 2).await;
        let id = |coupon: &[u8]| CouponId::from_bytes(coupon.try_into().unwrap()).to_string();
        self.coupons = rows.iter().map(|row| id(&row.coupon)).collect();
    }

    /// A command with this sale's names in place of the README's; coupons and letters in turn.
    fn named(&self, words: &[String], used: &mut Used) -> Vec<String> {
        let word = |word: &String| match word.as_str() {
            "spring" => self.event.to_string(),
            "ann" => self.user.clone(),
            text if text.parse::<Uuid>().is_ok() => next(&self.coupons, &mut used.coupons),
            text if is_letter(text) => next(&self.letters, &mut used.letters),
            text if DateTime::parse_from_rfc3339(text).is_ok() => tomorrow(),
            text => text.to_owned(),
        };
        words.iter().map(word).collect()
    }

    /// All that commands change.
    async fn stands(&self, world: &World) -> Value {
        let id = self.event.as_str();
        let events = "SELECT CONCAT_WS(' ', phase, stock, version, closes_at, labels) \
                      FROM events WHERE event_id = ?";
        let coupons = "SELECT CONCAT_WS(' ', HEX(coupon_id), user_id, state, revision) \
                       FROM coupons WHERE event_id = ? ORDER BY coupon_id";
        let letters = "SELECT CONCAT_WS(' ', part, kafka_offset, attempts, replayed_at, resolved_at) \
                       FROM dead_letters WHERE event_id = ? ORDER BY part, kafka_offset";
        let audited = "SELECT CONCAT('', COUNT(*)) FROM audit WHERE event_id = ?";
        let erasures = "SELECT CONCAT('', COUNT(*)) FROM erasures WHERE user_id = ?";
        let mut all = Vec::new();
        for (sql, of) in [
            (events, id),
            (coupons, id),
            (letters, id),
            (audited, id),
            (erasures, self.user.as_str()),
        ] {
            all.push(world.query::<String>(sql, (of,)).await);
        }
        json!(all)
    }
}

/// How many of each have been named.
#[derive(Default)]
struct Used {
    coupons: usize,
    letters: usize,
}

fn next(all: &[String], used: &mut usize) -> String {
    *used += 1;
    all[*used - 1].clone()
}

fn is_letter(word: &str) -> bool {
    let numbers = word.split_once('/').map(|(part, at)| (part.parse::<u32>(), at.parse::<u64>()));
    matches!(numbers, Some((Ok(_), Ok(_))))
}

fn tomorrow() -> String {
    let tomorrow = Utc::now().checked_add_days(Days::new(1)).unwrap();
    tomorrow.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Whether a command takes `--dry-run`: so it changes something.
fn changes(words: &[&str]) -> bool {
    Cli::try_parse_from([&["persister"][..], words, &[DRY]].concat()).is_ok()
}

/// A command with more patience than people have, where it takes any: the machine may be busy.
fn patiently(words: Vec<String>) -> Vec<String> {
    let more = [&words[..], &["--wait-s".to_owned(), "60".to_owned()]].concat();
    let whole = std::iter::once("persister").chain(more.iter().map(String::as_str));
    if Cli::try_parse_from(whole).is_ok() { more } else { words }
}

/// Whether what a command looks at may be in motion for a while, because of others.
fn looks_around(words: &[&str]) -> bool {
    matches!(words.first(), Some(&("preflight" | "reconcile")))
}

async fn succeeds(world: &World, words: &[&str]) -> Ran {
    let run = || async {
        let ran = world.run(words).await;
        if ran.code == Some(0) { Ok(ran) } else { Err(format!("{ran:?}")) }
    };
    if looks_around(words) {
        return wait_until(SOON, &words.join(" "), run).await.unwrap();
    }
    run().await.unwrap_or_else(|why| panic!("{words:?}: {why}"))
}

#[tokio::test]
async fn every_command_of_the_readme_in_its_order_and_dry_before() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let mut sale = Sale::plant(&world, "readme").await;
    let written = commands("persister").unwrap();
    // What is done in a container is done on this stack by its own commands.
    let of_page = written.iter().filter(|line| line.page.ends_with("README.md"));
    let lines: Vec<Vec<String>> =
        of_page.filter(|line| !line.inside).map(|line| line.words.clone()).collect();
    assert!(lines.len() >= 18, "{lines:?}");
    let mut used = Used::default();
    for line in &lines {
        let words = patiently(sale.named(line, &mut used));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if changes(&words) {
            let before = sale.stands(&world).await;
            let dry = succeeds(&world, &[&words[..], &[DRY]].concat()).await;
            assert!(!dry.out.is_empty(), "{words:?}: {dry:?}");
            assert_eq!(sale.stands(&world).await, before, "{words:?} was to be dry");
        }
        let ran = succeeds(&world, &words).await;
        assert!(!ran.out.is_empty(), "{words:?}: {ran:?}");
        if words.starts_with(&["event", "create"]) {
            sale.sell(&world).await;
        }
    }
    assert_eq!((used.coupons, used.letters), (2, 2), "{lines:?}");
    let audit = ["audit", "list", "--event", sale.event.as_str(), "--json"];
    let audit = world.run(&audit).await.json();
    let actions: Vec<&str> =
        audit.as_array().unwrap().iter().filter_map(|line| line["action"].as_str()).collect();
    assert_eq!((actions.first(), actions.last()), (Some(&"archive"), Some(&"create")), "{audit}");
}

/// A call: as the README's table has it, the path that is really called, and a body of those that
/// change something.
struct Call {
    listed: &'static str,
    path: String,
    body: Option<Value>,
}

fn get(listed: &'static str, path: String) -> Call {
    Call { listed, path, body: None }
}

fn post(listed: &'static str, path: String, body: Value) -> Call {
    Call { listed, path, body: Some(body) }
}

/// What can be called once there are coupons, in an order in which each succeeds.
fn calls(sale: &Sale, run: &str) -> Vec<Call> {
    let Sale { event, user, coupons, letters } = sale;
    let of = |rest: &str| format!("/events/{event}{rest}");
    let letter = |at: usize, rest: &str| format!("/dead-letters/{}{rest}", letters[at]);
    vec![
        get("/me", "/me".to_owned()),
        get("/live", format!("/live?event={event}")),
        get("/events", "/events?limit=5".to_owned()),
        get("/events/{event}", of("")),
        get("/events/{event}/preflight", of("/preflight?outage_minutes=1&one_host_is_fine=true")),
        post("/events/{event}/pause", of("/pause"), json!({})),
        post("/events/{event}/resume", of("/resume"), json!({})),
        post("/events/{event}/stock", of("/stock"), json!({"to": 800})),
        post("/events/{event}/reschedule", of("/reschedule"), json!({"closes_at": tomorrow()})),
        post("/events/{event}/label", of("/label"), json!({"labels": {"team": "blue"}})),
        post("/coupons/{coupon}/return", format!("/coupons/{}/return", coupons[0]), json!({})),
        post(
            "/coupons/{coupon}/revoke",
            format!("/coupons/{}/revoke", coupons[1]),
            json!({"give_back": true}),
        ),
        get("/events/{event}/winners", of("/winners?format=csv")),
        get("/events/{event}/winners", of("/winners?format=ndjson")),
        get("/reconciliations", "/reconciliations?limit=5".to_owned()),
        get("/reconciliations/{run}", format!("/reconciliations/{run}")),
        get("/reconciliations/kinds", "/reconciliations/kinds".to_owned()),
        get("/dead-letters", format!("/dead-letters?event={event}")),
        get("/dead-letters/{part}/{offset}", letter(0, "")),
        post("/dead-letters/{part}/{offset}/replay", letter(0, "/replay"), json!({})),
        post("/dead-letters/{part}/{offset}/discard", letter(1, "/discard"), json!({})),
        post("/events/{event}/close", of("/close"), json!({})),
        post("/events/{event}/archive", of("/archive"), json!({})),
        post("/users/erase", "/users/erase".to_owned(), json!({"user_id": user})),
        get("/users/erasures", "/users/erasures?limit=5".to_owned()),
        get("/audit", format!("/audit?event={event}")),
    ]
}

/// The calls of the README's table, sorted: `GET /me`.
fn listed() -> Vec<String> {
    let text = page("README.md").unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `") && line.contains(" /admin/v1/"));
    let mut found: Vec<String> = Vec::new();
    for row in rows {
        let cell = row.split(" | ").next().unwrap();
        // What stands between backticks: calls, and other ends of the call before.
        for word in cell.split('`').skip(1).step_by(2) {
            if let Some((method, path)) = word.split_once(" /admin/v1") {
                found.push(format!("{method} {}", path.split('?').next().unwrap()));
            } else if !cell.contains('?') {
                let before = found.last().unwrap();
                found.push(format!("{}/{word}", before.rsplit_once('/').unwrap().0));
            }
        }
    }
    found.sort();
    found
}

/// Who calls.
struct Callers {
    viewer: Api,
    operator: Api,
}

impl Callers {
    /// Succeeds; what changes something is nothing for a viewer, and changes nothing as a dry run.
    async fn call(&self, world: &World, sale: &Sale, call: &Call) {
        let Call { path, body, .. } = call;
        let Some(body) = body else {
            let answer = self.viewer.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            return;
        };
        let with = |more: Value| {
            let mut body = body.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let forbidden = self.viewer.post(path, body.clone()).await;
        assert_eq!(forbidden.status, 403, "{path}: {forbidden:?}");
        let before = sale.stands(world).await;
        let dry = self.operator.post(path, with(json!({"why": "readme", "dry_run": true}))).await;
        assert_eq!(dry.status, 200, "{path}, dry: {dry:?}");
        assert_eq!(sale.stands(world).await, before, "{path} was to be dry");
        let done = self.operator.post(path, with(json!({"why": "readme", "wait_s": 30}))).await;
        assert!(matches!(done.status, 200 | 201), "{path}: {done:?}");
        assert_ne!(sale.stands(world).await, before, "{path} changed nothing");
    }
}

#[tokio::test]
async fn every_call_of_the_readme_and_dry_before() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let mut sale = Sale::plant(&world, "readme-api").await;
    let viewer = Api::of(&world, AdminRole::Viewer);
    let callers = Callers { viewer, operator: Api::of(&world, AdminRole::Operator) };
    let create = json!({"event_id": sale.event, "stock": 500});
    let open = format!("/events/{}/open", sale.event);
    let first = [
        post("/events", "/events".to_owned(), create),
        post("/events/{event}/open", open, json!({})),
    ];
    for call in &first {
        callers.call(&world, &sale, call).await;
    }
    sale.sell(&world).await;
    let reconciled = ["reconcile", "--event", sale.event.as_str(), "--json"];
    let reconciled = succeeds(&world, &reconciled).await.json();
    let then = calls(&sale, reconciled["run_id"].as_str().unwrap());
    for call in &then {
        callers.call(&world, &sale, call).await;
    }
    let method = |call: &Call| if call.body.is_some() { "POST" } else { "GET" };
    let name = |call: &Call| format!("{} {}", method(call), call.listed);
    let mut called: Vec<String> = first.iter().chain(&then).map(name).collect();
    called.sort();
    called.dedup();
    assert_eq!(called, listed(), "the README's table and this test list the same calls");
}
