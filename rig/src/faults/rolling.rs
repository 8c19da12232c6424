//! Every part restarted, one after another, as an upgrade does.

use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use crate::stack::{Action, PartKind};

/// The table. Six Redis nodes, three brokers and seven more take about a minute.
pub(super) const KINDS: &[Kind] =
    &[Kind::new("rolling-restart", "every part restarted, one after another", |scene| {
        Box::pin(restarted(scene))
    })
    .crowd(28_000, 400)];

/// As an upgrade goes: what users meet last.
const ORDER: [PartKind; 6] = [
    PartKind::Mysql,
    PartKind::Kafka,
    PartKind::Redis,
    PartKind::Persister,
    PartKind::Edge,
    PartKind::Nginx,
];

async fn restarted(scene: &mut Scene) -> Result<(), FaultError> {
    scene.rush_begins().await;
    for kind in ORDER {
        for part in scene.parts(kind) {
            scene.act(&part, Action::Restart).await?;
            scene.ready(&part).await?;
        }
    }
    Ok(())
}
