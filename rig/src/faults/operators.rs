//! Operators who change an event while users ask for it.

use std::time::Duration;

use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("paused-and-resumed", "operators pause and resume while claims race them", |scene| {
        Box::pin(paused(scene))
    }),
    Kind::new("closed-early", "operators close the event while claims race them", |scene| {
        Box::pin(closed(scene))
    }),
    Kind::new("stock-raised", "operators add units while it is sold out", |scene| {
        Box::pin(raised(scene))
    }),
    Kind::new("coupons-returned", "operators take coupons back while claims race them", |scene| {
        Box::pin(returned(scene))
    }),
];

/// Times that an event is paused.
const PAUSES: usize = 3;
/// For how long, and between two pauses.
const PAUSED: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(900)];
/// Times that units are added.
const RAISES: u64 = 3;
/// Units that are added at once, at most.
pub(super) const UNITS: u64 = 40;
/// Coupons that are taken back.
const RETURNS: usize = 8;

async fn paused(scene: &mut Scene) -> Result<(), FaultError> {
    let event = scene.event.to_string();
    scene.moment().await;
    for _ in 0..PAUSES {
        scene.operator(&["event", "pause", &event]).await?;
        scene.hold(PAUSED[0], PAUSED[1]).await;
        scene.operator(&["event", "resume", &event]).await?;
        scene.hold(PAUSED[0], PAUSED[1]).await;
    }
    Ok(())
}

async fn closed(scene: &mut Scene) -> Result<(), FaultError> {
    let event = scene.event.to_string();
    scene.moment().await;
    scene.operator(&["event", "close", &event]).await
}

/// Four fifths of the users find a unit: after that, everybody is told sold out.
async fn raised(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment_between(0.75, 0.9).await;
    for _ in 0..RAISES {
        scene.raise(UNITS).await?;
    }
    Ok(())
}

async fn returned(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment_between(0.3, 0.9).await;
    let rows = scene.rows().await?.rows;
    let coupons: Vec<_> = rows.iter().map(|row| row.coupon).collect();
    for coupon in scene.shuffled(&coupons).into_iter().take(RETURNS) {
        scene.operator(&["coupon", "return", &coupon.to_string()]).await?;
    }
    Ok(())
}
