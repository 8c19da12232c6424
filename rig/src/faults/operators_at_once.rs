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
        "pause, stock, return, revoke and resume, in a drawn order, again and again",
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
    Resume,
}

async fn revoked(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment().await;
    let coupons = issued(scene).await?;
    for coupon in scene.shuffled(&coupons).into_iter().take(REVOKED) {
        scene.operator(&["coupon", "revoke", &coupon.to_string()]).await?;
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
        for deed in scene.shuffled(&[Deed::Pause, Deed::Raise, Deed::Return, Deed::Revoke]) {
            act(scene, deed).await?;
            scene.hold(APART[0], APART[1]).await;
        }
        act(scene, Deed::Resume).await?;
    }
    Ok(())
}

async fn act(scene: &mut Scene, deed: Deed) -> Result<(), FaultError> {
    let event = scene.event.to_string();
    let verb = match deed {
        Deed::Pause => return scene.operator(&["event", "pause", &event]).await,
        Deed::Resume => return scene.operator(&["event", "resume", &event]).await,
        Deed::Raise => return scene.raise(UNITS).await,
        Deed::Return => "return",
        Deed::Revoke => "revoke",
    };
    let coupons = issued(scene).await?;
    match scene.shuffled(&coupons).first() {
        Some(coupon) => scene.operator(&["coupon", verb, &coupon.to_string()]).await,
        None => Ok(()),
    }
}

/// Coupons that winners hold.
async fn issued(scene: &Scene) -> Result<Vec<CouponId>, FaultError> {
    let rows = scene.rows().await?.rows;
    let issued = rows.iter().filter(|row| row.state == CouponState::Issued);
    Ok(issued.map(|row| row.coupon).collect())
}
