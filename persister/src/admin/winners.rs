//! Winners over HTTP, as a stream that goes as fast as its reader.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contract::ids::EventId;
use futures_util::stream::try_unfold;
use serde::Deserialize;
use tracing::warn;

use super::Backends;
use super::ask::{Asked, Named, malformed};
use super::problem::{Code, Problem};
use crate::events::winners::{Export, Format};
use crate::store::StoreError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    format: Option<String>,
}

/// `GET /admin/v1/events/{event}/winners?format=csv|ndjson`. One that ends before its end, because
/// MySQL did, ends without the last chunk: the reader knows that it is not whole.
pub(super) async fn winners(
    State(backends): State<Backends>,
    Named(event): Named<EventId>,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let format = Format::parse(which.format.as_deref().unwrap_or("csv"))
        .ok_or_else(|| malformed("format is csv or ndjson"))?;
    let export = Export::begin(backends.exports, event.clone(), format).await?;
    let export = export
        .ok_or_else(|| Problem::new(Code::UnknownEvent, format!("there is no event {event}")))?;
    let pages = try_unfold(export, async |mut export| {
        let page = export.next().await.inspect_err(|error| warn!(%error, "an export broke off"))?;
        Ok::<_, StoreError>(page.map(|lines| (Bytes::from(lines), export)))
    });
    let kind = HeaderValue::from_static(format.media_type());
    Ok((StatusCode::OK, [(CONTENT_TYPE, kind)], Body::from_stream(pages)).into_response())
}
