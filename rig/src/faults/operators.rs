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
    })
    .ended_by_operators(),
];

/// Times that an event is paused.
const PAUSES: usize = 3;
/// For how long, and between two pauses.
const PAUSED: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(900)];

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
