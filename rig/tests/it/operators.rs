//! Operators who work through the admin API in the middle of a rush; then the checker.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::coupon::CouponState;
use contract::ids::{CouponId, EventId};
use rig::check::mysql::Mysql;
use rig::check::{History, SETTLE_WITHIN, Sources};
use rig::rush::operation::{Operated, Operation};
use rig::rush::{Display, Notes, Plan, drive_beside};
use rig::stack::{AdminRole, Handle, PartKind, shared, wait_until};
use serde_json::{Value, json};

use crate::http::post_within;
use crate::rush::{new_event, plan};

/// Units at the beginning, and those that are added.
const STOCK: u64 = 2_000;
const MORE: u64 = 300;
/// Rows of which operators choose coupons: the rush is in full swing.
const ROWS: usize = 200;
/// They are there within this.
const BEGUN_WITHIN: Duration = Duration::from_secs(30);
/// How long a call waits until its change is carried, in seconds: a busy machine may take long.
const WAIT_S: u64 = 30;
/// For one call, beyond what it waits.
const CALL: Duration = Duration::from_secs(WAIT_S + 15);
/// For a change, however often it has to be asked for.
const CARRIED_WITHIN: Duration = Duration::from_secs(120);

/// An operator at the admin API, who notes in the history what they do.
struct Operator<'a> {
    event: &'a EventId,
    server: SocketAddr,
    authorization: String,
    notes: Notes,
}

impl Operator<'_> {
    /// Asks for a change until it is carried, as the API tells whom it answers 503; notes what was
    /// done.
    async fn asks(&self, path: &str, what: Value, operation: Operation) {
        let mut body = what;
        body["why"] = json!("in the middle of a rush");
        body["wait_s"] = json!(WAIT_S);
        let (path, body) = (format!("/admin/v1/{path}"), body.to_string());
        let begun_us = self.notes.now_us();
        let asked = AtomicBool::new(false);
        let ask = || async {
            let answer = post_within(CALL, self.server, &path, &self.authorization, &body).await;
            assert!(matches!(answer.status, 200 | 503), "{path}: {answer:?}");
            let again = asked.swap(true, Ordering::Relaxed);
            if answer.status == 503 {
                return Err(answer.body);
            }
            let done = answer.json();
            // Only who asks again may find that it is so already.
            let made = done["outcome"] == "changed" || (again && done["outcome"] == "already");
            assert!(made, "{path}: {done}");
            if done["carried"] == true { Ok(()) } else { Err(answer.body) }
        };
        wait_until(CARRIED_WITHIN, &path, ask).await.unwrap();
        let ended_us = Some(self.notes.now_us());
        self.notes.operated(Operated { begun_us, ended_us, operation }).await;
    }

    async fn on_event(&self, verb: &str, what: Value, operation: Operation) {
        self.asks(&format!("events/{}/{verb}", self.event), what, operation).await;
    }

    async fn on_coupon(&self, coupon: CouponId, verb: &str, what: Value, operation: Operation) {
        self.asks(&format!("coupons/{coupon}/{verb}"), what, operation).await;
    }
}

/// Three coupons that winners hold, as soon as there are many.
async fn held(stack: &Handle, event: &EventId) -> [CouponId; 3] {
    let look = || async {
        let mut mysql = Mysql::new(&stack.mysql_url().unwrap()).unwrap();
        let rows = mysql.snapshot(event).await.map_err(|error| error.to_string())?.rows;
        let issued = rows.iter().filter(|row| row.state == CouponState::Issued);
        match issued.map(|row| row.coupon).collect::<Vec<_>>().as_slice() {
            coupons @ [first, .., last] if coupons.len() >= ROWS => {
                Ok([*first, coupons[ROWS / 2], *last])
            }
            coupons => Err(format!("{} rows", coupons.len())),
        }
    };
    wait_until(BEGUN_WITHIN, "coupons that winners hold", look).await.unwrap()
}

#[tokio::test]
async fn a_rush_with_operators_in_its_middle_passes() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("operated");
    let plan = Plan { per_s: 600, ..plan(&stack, &event, 5_000, STOCK) };
    let rush = plan.prepare(&stack).await.unwrap();
    let mut sources = Sources::of(&stack).await.unwrap();
    let server = stack.addresses(PartKind::Persister).pop().unwrap();
    let token = stack.admin_token(AdminRole::Operator).unwrap();
    let mut taken = None;
    let operators = async |notes: Notes| {
        let authorization = format!("Authorization: Bearer {token}\r\n");
        let operator = Operator { event: &event, server, authorization, notes };
        let coupons @ [revoked, withdrawn, returned] = held(&stack, &event).await;
        taken = Some(coupons);
        operator.on_event("pause", json!({}), Operation::Pause).await;
        operator.on_coupon(revoked, "revoke", json!({}), Operation::Revoke(revoked)).await;
        operator.on_event("resume", json!({}), Operation::Resume).await;
        let give_back = json!({"give_back": true});
        operator.on_coupon(withdrawn, "revoke", give_back, Operation::Withdraw(withdrawn)).await;
        let more = json!({"to": STOCK + MORE});
        operator.on_event("stock", more, Operation::TopUp(MORE)).await;
        operator.on_coupon(returned, "return", json!({}), Operation::Return(returned)).await;
    };
    drive_beside(rush, &mut sources.mysql, Display::Silent, operators).await.unwrap();

    let history = History::read(&plan.history).unwrap();
    let mut verdict = sources.judge(&history, SETTLE_WITHIN).await.unwrap();
    verdict.demand_answers(&history);
    assert!(verdict.passes(), "{verdict}");
    assert_eq!((verdict.order_not_judged, verdict.counts.unknown), (None, 0), "{verdict}");
    assert!(verdict.counts.told >= STOCK, "{verdict}");
    for coupon in taken.unwrap() {
        assert!(history.told.iter().any(|told| told.coupon == coupon), "{coupon} was told");
    }
    let states = sources.mysql.snapshot(&event).await.unwrap().rows;
    let of = |coupon| states.iter().find(|row| row.coupon == coupon).map(|row| row.state);
    let found = taken.unwrap().map(of);
    let wanted = [CouponState::Revoked, CouponState::Withdrawn, CouponState::Returned];
    assert_eq!(found, wanted.map(Some));
}
