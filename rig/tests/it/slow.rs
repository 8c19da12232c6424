//! A rush while thousands of connections are held that send next to nothing.

use std::net::SocketAddr;

use rig::rush::{Plan, Through};
use rig::slow::SlowSockets;
use rig::stack::{Handle, PartKind, exclusive};

use crate::rush::{new_event, plan, rush, sold_to_the_last_unit};

/// As many as an attacker opens from a single machine without effort.
const SLOW: usize = 2_000;
const USERS: u32 = 2_000;
const STOCK: u64 = 50;

async fn nobody_is_refused(stack: &Handle, through: Through, servers: &[SocketAddr]) {
    let event = new_event("slow");
    let plan = Plan { through, ..plan(stack, &event, USERS, STOCK) };
    let slow = SlowSockets::begin(servers, SLOW);
    slow.are_open().await.unwrap();
    let (verdict, history) = rush(stack, &plan, async {}).await;
    // They were there to the end: whoever ended some had them back.
    slow.are_open().await.unwrap();
    sold_to_the_last_unit(&verdict, STOCK);
    assert_eq!(history.timing.again, 0, "requests were turned away or lost");
}

#[tokio::test]
async fn slow_connections_to_the_edges_cost_no_user_an_answer() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let edges = stack.addresses(PartKind::Edge);
    nobody_is_refused(&stack, Through::Edges, &edges).await;
}

#[tokio::test]
async fn slow_connections_to_nginx_cost_no_user_an_answer() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let nginx = stack.nginx().unwrap();
    nobody_is_refused(&stack, Through::Nginx, &[nginx]).await;
}
