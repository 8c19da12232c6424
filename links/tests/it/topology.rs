//! The topology follows the cluster.

use std::sync::atomic::{AtomicU32, Ordering};

use contract::ids::EventId;
use contract::keys::EventKeys;
use links::redis::{BadNode, Cluster, Master, RedisConfig, RedisError, Reply, Role, Script, Slot};
use rig::stack::{Action, PartKind, exclusive, shared, wait_until};

use crate::stack::{HUNG, KILLED, Redis, SOON, event, event_elsewhere, without};

#[tokio::test]
async fn one_node_leads_to_all_others() {
    let _guard = shared().await;
    let redis = Redis::connect().await;
    let first = redis.handle.addresses(PartKind::Redis)[0].to_string();
    let config = RedisConfig::plain(vec![first]);
    let cluster = Cluster::connect(config).await.unwrap();
    let whole = || async {
        let topology = cluster.topology();
        let answering = topology.nodes().iter().filter(|node| node.answers).count();
        let missing = topology.slots_without_master();
        if (missing, answering) == (0, 6) { Ok(topology) } else { Err(format!("{topology:?}")) }
    };
    let topology = wait_until(SOON, "a whole topology", whole).await.unwrap();
    assert_eq!(topology.masters().len(), 3);
    let replicas = topology.nodes().iter().filter(|node| node.role == Role::Replica).count();
    assert_eq!(replicas, 3);
    for number in [0, 5_000, 16_383] {
        let slot = Slot::new(number).unwrap();
        assert_eq!(cluster.ask_master_of(slot).await, cluster.master_of(slot));
        assert!(cluster.master_of(slot).is_some());
    }
}

#[tokio::test]
async fn a_cluster_that_is_down_is_no_error_and_a_bad_address_is() {
    let nowhere = RedisConfig::plain(vec!["127.0.0.1:1".to_owned()]);
    let cluster = Cluster::connect(nowhere).await.unwrap();
    assert_eq!(cluster.topology().slots_without_master(), Slot::COUNT);
    let answer = cluster.state(&event("nowhere")).await;
    assert!(matches!(answer, Err(RedisError::NotExecuted(_))), "{answer:?}");

    let bad = RedisConfig::plain(vec!["redis".to_owned()]);
    assert_eq!(Cluster::connect(bad).await.err(), Some(BadNode::Address("redis".to_owned())));
    let none = RedisConfig::plain(Vec::new());
    assert_eq!(Cluster::connect(none).await.err(), Some(BadNode::None));
}

#[tokio::test]
async fn a_killed_master_is_replaced_and_other_shards_go_on() {
    replaced_while(KILLED).await;
}

#[tokio::test]
async fn a_hung_master_is_replaced_and_other_shards_go_on() {
    replaced_while(HUNG).await;
}

/// Takes an event's master away, waits for the next one, and brings the old one back.
async fn replaced_while(fault: (Action, Action)) {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("replaced");
    let elsewhere = event_elsewhere(&redis, "elsewhere", &event).await;
    let slot = Slot::of(&event);
    let old = redis.master_of(slot).await;
    let before = redis.cluster.process_of(&old).await.unwrap();
    let part = redis.master_part(slot).await;
    let key = EventKeys::new(&event).state;
    redis.command(&event, &key, &["HSET", "a", "1"]).await;

    let promotion = promotion(redis.clone(), slot, old, elsewhere);
    let new = without(&redis.handle, &part, fault, promotion).await;
    assert!(new.config_epoch > old.config_epoch);
    let after = redis.cluster.process_of(&new).await.unwrap();
    assert_ne!(after.replid, before.replid, "it answers for nothing it was not armed for");
    let value = redis.command(&event, &key, &["HGET", "a"]).await;
    assert_eq!(value, Reply::Text("1".into()));

    let whole = || async {
        let topology = redis.cluster.topology();
        let whole = topology.slots_without_master() == 0
            && topology.nodes().iter().filter(|node| node.answers).count() == 6;
        if whole { Ok(()) } else { Err(format!("{topology:?}")) }
    };
    wait_until(SOON, "a whole topology", whole).await.unwrap();
    assert_eq!(redis.cluster.master_of(slot).map(|master| master.node_id), Some(new.node_id));
}

/// The master that follows, while another shard goes on being asked.
async fn promotion(redis: Redis, slot: Slot, old: Master, elsewhere: EventId) -> Master {
    let script = Script::new("return 1");
    let (answered, silent) = (AtomicU32::new(0), AtomicU32::new(0));
    let next = || async {
        let other = redis.cluster.run_script(Slot::of(&elsewhere), &script, &[], &[]).await;
        let count = if other.is_ok() { &answered } else { &silent };
        count.fetch_add(1, Ordering::Relaxed);
        match redis.cluster.master_of(slot) {
            Some(master) if master.node_id != old.node_id => Ok(master),
            other => Err(format!("still {other:?}")),
        }
    };
    let new = wait_until(SOON, "a promotion", next).await.unwrap();
    let (answered, silent) = (answered.into_inner(), silent.into_inner());
    // A busy machine may miss a deadline; a shard that waits for another's election misses all.
    assert!(answered > silent, "{answered} answered, {silent} not");
    assert_eq!(redis.cluster.ask_master_of(slot).await, Some(new));
    new
}
