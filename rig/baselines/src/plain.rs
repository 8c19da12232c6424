//! R: what HTTP alone costs.

use std::error::Error;
use std::net::SocketAddr;

use http_body_util::BodyExt;
use hyper::StatusCode;

use crate::server::{json, serve};

/// 100 bytes, like the answer to a claim.
const BODY: &str = r#"{"outcome":"issued","event_id":"plain","user_id":"00000000000000000000000000000000000","sequence":1}"#;

/// Reads each request whole and answers the same.
pub(crate) async fn run(listen: SocketAddr) -> Result<(), Box<dyn Error>> {
    serve(listen, async |request| match request.into_body().collect().await {
        Ok(_) => json(StatusCode::OK, BODY),
        Err(_) => json(StatusCode::BAD_REQUEST, "{}"),
    })
    .await
}
