//! Users known by a gateway in front, on an edge of its own; and identity that is half set.

use std::process::Stdio;

use hyper::Method;
use rig::stack::shared;
use serde_json::json;
use tokio::process::Command;

use crate::client::{post, request, send};
use crate::event::{Terms, created, known_by, new_id};
use crate::own_edge::OwnEdge;
use crate::stack::Stack;

const SECRET: &str = "a-secret-of-24-letters-or-more";
const SHOWN: &str = "x-firstcome-gateway";
const USER: &str = "x-firstcome-user";

async fn edge_behind(stack: &Stack, peers: &str) -> OwnEdge {
    let environment = [
        ("FIRSTCOME_IDENTITY", "header"),
        ("FIRSTCOME_GATEWAY_PEERS", peers),
        ("FIRSTCOME_GATEWAY_SECRET", SECRET),
    ];
    OwnEdge::start_with(stack, &environment).await
}

#[tokio::test]
async fn a_gateway_names_the_user_and_nobody_else_does() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("gateway");
    created(&stack, &event, Terms::stock(10)).await;
    let edge = edge_behind(&stack, "10.0.0.0/8, 127.0.0.1").await;
    known_by(&[edge.address], &event).await;
    let body = json!({ "event_id": event }).to_string();
    let good = [(SHOWN, SECRET), (USER, "ann")];
    let first = post(edge.address, &good, &body).await;
    assert_eq!(first.is(200, "issued").json()["user_id"], "ann");

    let mine = format!("/api/v1/coupons/mine/{event}");
    let mut request = request(Method::GET, &mine, "");
    for (name, value) in good {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert_eq!(send(edge.address, request).await.unwrap().json()["user_id"], "ann");

    let named = json!({ "event_id": event, "user_id": "bob" }).to_string();
    post(edge.address, &good, &named).await.is(403, "forbidden");
    for bad in [
        &[][..],
        &[(USER, "ann")],
        &[(SHOWN, "a-secret-of-24-letters-or-morf"), (USER, "ann")],
        &[(SHOWN, SECRET), (SHOWN, SECRET), (USER, "ann")],
        &[(SHOWN, SECRET)],
        &[(SHOWN, SECRET), (USER, "an n")],
        &[(SHOWN, SECRET), (USER, "ann"), (USER, "bob")],
    ] {
        let answer = post(edge.address, bad, &named).await;
        let scheme = answer.is(401, "unauthenticated").header("www-authenticate");
        assert_eq!(scheme, Some("Gateway realm=\"firstcome\""), "{bad:?}");
    }
    let said = std::fs::read_to_string(&edge.log).unwrap();
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn a_gateway_that_is_not_listed_is_nobody_whatever_it_knows() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let edge = edge_behind(&stack, "192.0.2.0/24").await;
    let body = json!({ "event_id": new_id("unlisted") }).to_string();
    let told = post(edge.address, &[(SHOWN, SECRET), (USER, "ann")], &body).await;
    told.is(401, "unauthenticated");
    // The same as with a wrong secret: which of them was wrong is not said.
    let wrong = post(edge.address, &[(SHOWN, "wrong"), (USER, "ann")], &body).await;
    assert_eq!(told.body, wrong.body);
}

#[tokio::test]
async fn identity_that_is_half_set_ends_with_2() {
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("FIRSTCOME_IDENTITY", "jwt")], "FIRSTCOME_JWT_ISSUER is not set; it wants"),
        (
            &[
                ("FIRSTCOME_IDENTITY", "jwt"),
                ("FIRSTCOME_JWT_ISSUER", "a"),
                ("FIRSTCOME_JWT_AUDIENCE", "b"),
            ],
            "FIRSTCOME_JWT_KEYS_URL is not set; it wants",
        ),
        (
            &[("FIRSTCOME_IDENTITY", "header"), ("FIRSTCOME_GATEWAY_PEERS", "10.0.0.1")],
            "FIRSTCOME_GATEWAY_SECRET is not set; it wants",
        ),
        (
            &[("FIRSTCOME_IDENTITY", "open"), ("FIRSTCOME_JWT_ISSUER", "a")],
            "FIRSTCOME_JWT_ISSUER is set; it wants FIRSTCOME_IDENTITY=jwt",
        ),
        (&[("FIRSTCOME_IDENTITY", "trust")], "FIRSTCOME_IDENTITY is \"trust\"; it wants 'jwt'"),
    ];
    for (environment, expected) in cases {
        let ended = Command::new(env!("CARGO_BIN_EXE_edge"))
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
