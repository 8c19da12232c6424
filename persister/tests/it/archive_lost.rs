//! Keys that were deleted and come back, because the shard's other copy never heard of it.

use links::redis::Cluster;
use rig::stack::{Action, Away, exclusive, wait_until};

use crate::archive::{keys, put_away};
use crate::archive_kept::{ask, says, sold_and_closed};
use crate::preflight::part_at;
use crate::world::{SOON, World};

#[tokio::test]
async fn keys_that_come_back_with_a_replica_are_deleted_again() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let (event, rows) = sold_and_closed(&world, "comes-back").await;
    let master = world.cluster.master_of(Cluster::slot_of(&event)).unwrap().address;
    let info = world.cluster.info_of(master, &["replication"]).await.unwrap();
    let (master, replica) = (part_at(&world, master), part_at(&world, info.followers()[0].address));
    let stale = Away::take(&world.handle, &replica, Action::KillStayDown).await.unwrap();
    ask(&world, &event).await;
    let deleted = || async {
        let keys = keys(&world, &event).await;
        if keys == 0 { Ok(()) } else { Err(keys) }
    };
    wait_until(SOON, "its master without its keys", deleted).await.unwrap();
    says(&world, &event, "its replica and its disk").await.unwrap();

    // Nobody else has its slots: the replica is promoted, with the keys.
    let lost = Away::take(&world.handle, &master, Action::KillStayDown).await.unwrap();
    stale.back(SOON).await.unwrap();
    let promoted = || async {
        let now = world.cluster.master_of(Cluster::slot_of(&event));
        match now.map(|now| part_at(&world, now.address)) {
            Some(part) if part == replica => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait_until(SOON, "its replica to be promoted", promoted).await.unwrap();
    lost.back(SOON).await.unwrap();
    world.handle.all_ready(SOON).await.unwrap();
    put_away(&world, &event).await;
    assert_eq!(world.rows(&event).await, rows);
}
