//! The request's id on its way from NGINX to the row, and what stands in logs: lines of JSON, and neither
//! a token nor whoever asked.

use std::fs;

use rig::stack::{AdminRole, PartKind, shared, wait_until};
use serde_json::{Value, json};

use crate::api::Api;
use crate::world::{SOON, World, new_id};

/// What a build for tests of faults prints as it dies, and the empty line behind it.
const NO_LINES_OF_THE_LOG: [&str; 2] = ["failpoint ", "\n"];

/// All that edges and persisters have logged, by part.
fn logs(world: &World) -> Vec<(String, String)> {
    let status = world.handle.status();
    let ours = [PartKind::Edge, PartKind::Persister].into_iter();
    ours.flat_map(|kind| status.of_kind(kind))
        .map(|part| (part.name.clone(), fs::read_to_string(&part.log).unwrap()))
        .collect()
}

#[tokio::test]
async fn a_request_is_followed_from_nginx_to_its_row_and_no_secret_is_logged() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("logged", 5).await;
    let user = new_id("asks").to_string();
    let nginx = Api::at(world.handle.nginx().unwrap());
    let body = json!({"event_id": event, "user_id": user}).to_string();
    let issued = || async {
        let answer = nginx.send("POST /api/v1/coupons/issue HTTP/1.1\r\n", &body).await;
        if answer.status == 200 { Ok(answer) } else { Err(answer.body) }
    };
    let answer = wait_until(SOON, "a coupon", issued).await.unwrap();
    let id = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    assert_eq!(id.len(), 32, "{answer:?}");
    world.rows_when(&event, 1).await;
    let of_row = "SELECT request_id FROM coupons WHERE event_id = ?";
    assert_eq!(
        world.query::<Option<String>>(of_row, (event.as_str(),)).await,
        [Some(id.to_owned())]
    );

    let operator = Api::of(&world, AdminRole::Operator);
    assert_eq!(operator.post(&format!("/events/{event}/pause"), json!({})).await.status, 200);
    let token = world.handle.admin_token(AdminRole::Operator).unwrap();
    for (part, log) in logs(&world) {
        let mut lines = 0;
        // The last one may be half written.
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        for line in whole.filter(|line| !NO_LINES_OF_THE_LOG.iter().any(|no| line.starts_with(no)))
        {
            let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| {
                panic!("{part}: {error}: {line}");
            });
            for field in ["timestamp", "level", "message", "target"] {
                assert!(fields[field].is_string(), "{part}: no {field} in {line}");
            }
            lines += 1;
        }
        assert!(lines > 0, "{part} says nothing");
        for secret in [token.as_str(), user.as_str()] {
            assert!(!log.contains(secret), "{part} logs {secret}");
        }
    }
}
