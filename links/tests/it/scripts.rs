//! A script call with its WAIT.

use std::pin::pin;
use std::task::{Context, Waker};

use contract::keys::EventKeys;
use links::access::Access;
use links::redis::{RedisError, Reply, Slot};
use links::script_connection::{Held, ScriptConnection, WaitFor};
use rig::stack::{exclusive, shared, wait_until};

use crate::stack::{
    HUNG, ONE_REPLICA, Redis, SOON, event, event_elsewhere, unseen_script, without,
};

const INCR: &str = "return redis.call('INCR', KEYS[1])";

#[tokio::test]
async fn what_a_script_wrote_is_held_twice() {
    let _guard = shared().await;
    let redis = Redis::connect().await;
    let event = event("held");
    let key = EventKeys::new(&event).state;
    let script = unseen_script(INCR);
    let mut connection = redis.connection(&event).await;
    // The first call finds no script and sends it; the second finds it.
    for count in 1..=2 {
        let answer = connection.call(&script, &[&key], &[], ONE_REPLICA).await;
        assert_eq!(answer, Ok((Reply::Integer(count), Held::Twice)));
    }
    let answer = connection.call(&script, &[&key], &[], WaitFor::Skip).await;
    assert_eq!(answer, Ok((Reply::Integer(3), Held::NotShown)));
}

#[tokio::test]
async fn a_node_that_does_not_own_the_slot_says_so_and_executes_nothing() {
    let _guard = shared().await;
    let redis = Redis::connect().await;
    let here = event("here");
    let there = event_elsewhere(&redis, "there", &here).await;
    let (here_key, there_key) = (EventKeys::new(&here).state, EventKeys::new(&there).state);
    let script = unseen_script(INCR);
    let mut connection = redis.connection(&here).await;
    // The WAIT behind an error is read as well, so the connection goes on in step.
    for count in 1..=3 {
        let moved = connection.call(&script, &[&there_key], &[], ONE_REPLICA).await;
        assert!(matches!(moved, Err(RedisError::NotOwner(_))), "{moved:?}");
        let answer = connection.call(&script, &[&here_key], &[], ONE_REPLICA).await;
        assert_eq!(answer, Ok((Reply::Integer(count), Held::Twice)));
    }
    assert_eq!(redis.command(&there, &there_key, &["GET"]).await, Reply::Nil);
}

#[tokio::test]
async fn an_error_of_the_script_is_refused() {
    let _guard = shared().await;
    let redis = Redis::connect().await;
    let event = event("refused");
    let key = EventKeys::new(&event).state;
    redis.command(&event, &key, &["HSET", "a", "1"]).await;
    let mut connection = redis.connection(&event).await;
    let answer = connection.call(&unseen_script(INCR), &[&key], &[], ONE_REPLICA).await;
    match answer {
        Err(RedisError::Refused(text)) => assert!(text.starts_with("WRONGTYPE"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(connection.is_open());
}

#[tokio::test]
async fn a_call_cut_short_closes_the_connection() {
    let _guard = shared().await;
    let redis = Redis::connect().await;
    let event = event("cut");
    let key = EventKeys::new(&event).state;
    let script = unseen_script(INCR);
    let mut connection = redis.connection(&event).await;
    {
        let keys = [key.as_str()];
        let call = pin!(connection.call(&script, &keys, &[], ONE_REPLICA));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert!(!connection.is_open(), "its next reply would be the last call's");
    let answer = connection.call(&script, &[&key], &[], ONE_REPLICA).await;
    assert!(matches!(answer, Err(RedisError::NotExecuted(_))), "{answer:?}");
}

#[test]
fn a_connection_lives_in_another_runtime_than_the_cluster() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let main = runtime();
    let (_guard, redis) = main.block_on(async { (shared().await, Redis::connect().await) });
    let event = event("core");
    let key = EventKeys::new(&event).state;
    let master = main.block_on(redis.master_of(Slot::of(&event)));
    let core = runtime();
    let answer = core.block_on(async {
        let mut connection =
            ScriptConnection::connect(master.address, &Access::default()).await.unwrap();
        connection.call(&unseen_script(INCR), &[&key], &[], ONE_REPLICA).await
    });
    assert_eq!(answer, Ok((Reply::Integer(1), Held::Twice)));
}

#[tokio::test]
async fn nothing_is_held_twice_while_the_replica_hangs() {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("hung-replica");
    let key = EventKeys::new(&event).state;
    let script = unseen_script(INCR);
    let mut connection = redis.connection(&event).await;
    let replica = redis.replica_part(Slot::of(&event)).await;
    // Known there before: an unknown one costs a second WAIT, and both end late.
    let first = connection.call(&script, &[&key], &[], ONE_REPLICA).await;
    assert_eq!(first, Ok((Reply::Integer(1), Held::Twice)));

    let (call_script, call_key) = (script.clone(), key.clone());
    let call = async move { connection.call(&call_script, &[&call_key], &[], ONE_REPLICA).await };
    let answer = without(&redis.handle, &replica, HUNG, call).await;
    assert_eq!(answer, Ok((Reply::Integer(2), Held::NotShown)));

    // The next WAIT covers what the last one did not.
    let held = || async {
        let mut connection = redis.connection(&event).await;
        match connection.call(&script, &[&key], &[], ONE_REPLICA).await {
            Ok((_, Held::Twice)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait_until(SOON, "a call that is held twice", held).await.unwrap();
}

#[tokio::test]
async fn a_master_that_hangs_makes_the_outcome_unknown() {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("hung-master");
    let key = EventKeys::new(&event).state;
    let mut connection = redis.connection(&event).await;
    let master = redis.master_part(Slot::of(&event)).await;

    let call = async move {
        let answer = connection.call(&unseen_script(INCR), &[&key], &[], ONE_REPLICA).await;
        (answer, connection.is_open())
    };
    let (answer, open) = without(&redis.handle, &master, HUNG, call).await;
    assert!(matches!(answer, Err(RedisError::Unknown(_))), "{answer:?}");
    assert!(!open);
}
