//! The topology follows the cluster.

use contract::keys::EventKeys;
use links::redis::{BadNode, Cluster, Master, RedisConfig, Reply, Role, Script, Slot};
use rig::stack::{Action, exclusive, shared, wait_until};

use crate::stack::{HEALED, Redis, SOON, event, event_elsewhere};

#[tokio::test]
async fn one_node_leads_to_all_others() {
    let _guard = shared().await;
    let redis = Redis::connect().await;
    let first = redis.handle.addresses(rig::stack::PartKind::Redis)[0].to_string();
    let config = RedisConfig { nodes: vec![first], replicas: 1 };
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
    let nowhere = RedisConfig { nodes: vec!["127.0.0.1:1".to_owned()], replicas: 1 };
    let cluster = Cluster::connect(nowhere).await.unwrap();
    assert_eq!(cluster.topology().slots_without_master(), Slot::COUNT);
    let answer = cluster.state(&event("nowhere")).await;
    assert!(matches!(answer, Err(links::redis::RedisError::NotExecuted(_))), "{answer:?}");

    let bad = RedisConfig { nodes: vec!["redis".to_owned()], replicas: 1 };
    assert_eq!(Cluster::connect(bad).await.err(), Some(BadNode::Address("redis".to_owned())));
    let none = RedisConfig { nodes: Vec::new(), replicas: 1 };
    assert_eq!(Cluster::connect(none).await.err(), Some(BadNode::None));
}

#[tokio::test]
async fn a_killed_master_is_replaced_and_other_shards_do_not_notice() {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("killed");
    let elsewhere = event_elsewhere(&redis, "elsewhere", &event).await;
    replaced_after(&redis, Action::KillStayDown, Action::Start, &event, &elsewhere).await;
}

#[tokio::test]
async fn a_hung_master_is_replaced_and_other_shards_do_not_notice() {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("stopped");
    let elsewhere = event_elsewhere(&redis, "elsewhere", &event).await;
    replaced_after(&redis, Action::Pause, Action::Resume, &event, &elsewhere).await;
}

/// Takes the event's master away, waits for the next one, and brings the old one back.
async fn replaced_after(
    redis: &Redis,
    take: Action,
    give_back: Action,
    event: &contract::ids::EventId,
    elsewhere: &contract::ids::EventId,
) {
    let slot = Slot::of(event);
    let old = redis.master_of(slot).await;
    let before = redis.cluster.process_of(&old).await.unwrap();
    let part = redis.master_part(slot).await;
    let key = EventKeys::new(event).state;
    redis.command(event, &key, &["HSET", "a", "1"]).await;

    redis.act(&part, take).await;
    let next = || async {
        // Each look is a command to another shard: it must be answered at every moment.
        let other = redis.command(elsewhere, &EventKeys::new(elsewhere).state, &["TYPE"]).await;
        assert!(other.text().is_some() || other.items().is_some(), "{other:?}");
        match redis.cluster.master_of(slot) {
            Some(master) if master.node_id != old.node_id => Ok(master),
            other => Err(format!("still {other:?}")),
        }
    };
    let new: Master = wait_until(SOON, "a promotion", next).await.unwrap();
    assert!(new.config_epoch > old.config_epoch);
    assert_eq!(redis.cluster.ask_master_of(slot).await, Some(new));
    let after = redis.cluster.process_of(&new).await.unwrap();
    assert_ne!(
        after.replid, before.replid,
        "a promoted node answers for nothing it was not armed for"
    );
    let script = Script::new("return redis.call('HGET', KEYS[1], 'a')");
    let value = redis.cluster.run_script_on(&new, &script, &[&key], &[]).await;
    assert_eq!(value, Ok(Reply::Text("1".into())));

    redis.act(&part, give_back).await;
    redis.handle.all_ready(HEALED).await.unwrap();
    let whole = || async {
        let topology = redis.cluster.topology();
        let whole = topology.slots_without_master() == 0
            && topology.nodes().iter().filter(|node| node.answers).count() == 6;
        if whole { Ok(()) } else { Err(format!("{topology:?}")) }
    };
    wait_until(SOON, "a whole topology", whole).await.unwrap();
    assert_eq!(redis.cluster.master_of(slot).map(|master| master.node_id), Some(new.node_id));
}
