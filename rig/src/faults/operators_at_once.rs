//! Operators who do everything at once to an event that users ask for.

use std::time::Duration;

use contract::coupon::CouponState;
use contract::ids::CouponId;

use super::error::FaultError;
use super::kind::Kind;
use super::operators::UNITS;
use super::scene::Scene;

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("coupons-revoked", "operators take coupons away while claims race them", |scene| {
        Box::pin(revoked(scene))
    }),
    Kind::new("stock-raised-in-race", "operators add units while claims race them", |scene| {
        Box::pin(raised(scene))
    }),
    Kind::new(
        "operators-at-once",
        "pause, stock, return, revoke, withdraw and resume, in a drawn order, again and again",
        |scene| Box::pin(at_once(scene)),
    )
    .crowd(6_000, 400),
];

/// Coupons that are taken away.
const REVOKED: usize = 8;
/// Times that units are added.
const RAISED: usize = 5;
/// Rounds of everything.
const TIMES: usize = 3;
/// Between two of them.
const APART: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(600)];

/// What an operator can do to an event that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Pause,
    Raise,
    Return,
    Revoke,
    Withdraw,
    Resume,
}

async fn revoked(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment().await;
    let coupons = issued(scene).await?;
    for (turn, coupon) in scene.shuffled(&coupons).into_iter().take(REVOKED).enumerate() {
        let coupon = coupon.to_string();
        let revoke = ["coupon", "revoke", &coupon, "--give-back"];
        // Every second one gives its unit back.
        scene.operator(&revoke[..if turn % 2 == 0 { 3 } else { 4 }]).await?;
    }
    Ok(())
}

async fn raised(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment().await;
    for _ in 0..RAISED {
        scene.raise(UNITS).await?;
        scene.hold(APART[0], APART[1]).await;
    }
    Ok(())
}

/// Whatever came last, the event goes on in the end.
async fn at_once(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment().await;
    for _ in 0..TIMES {
        let deeds = [Deed::Pause, Deed::Raise, Deed::Return, Deed::Revoke, Deed::Withdraw];
        for deed in scene.shuffled(&deeds) {
            act(scene, deed).await?;
            scene.hold(APART[0], APART[1]).await;
        }
        act(scene, Deed::Resume).await?;
    }
    Ok(())
}

async fn act(scene: &mut Scene, deed: Deed) -> Result<(), FaultError> {
    let event = scene.event.to_string();
    let words: &[&str] = match deed {
        Deed::Pause => return scene.operator(&["event", "pause", &event]).await,
        Deed::Resume => return scene.operator(&["event", "resume", &event]).await,
        Deed::Raise => return scene.raise(UNITS).await,
        Deed::Return => &["return"],
        Deed::Revoke => &["revoke"],
        Deed::Withdraw => &["revoke", "--give-back"],
    };
    let coupons = issued(scene).await?;
    let Some(coupon) = scene.shuffled(&coupons).first().map(ToString::to_string) else {
        return Ok(());
    };
    let (verb, how) = words.split_at(1);
    scene.operator(&[&["coupon"], verb, &[coupon.as_str()], how].concat()).await
}

/// Coupons that winners hold.
async fn issued(scene: &Scene) -> Result<Vec<CouponId>, FaultError> {
    let rows = scene.rows().await?.rows;
    let issued = rows.iter().filter(|row| row.state == CouponState::Issued);
    Ok(issued.map(|row| row.coupon).collect())
}
