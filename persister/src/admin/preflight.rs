//! A look before a sale, over HTTP.

use axum::Json;
use axum::extract::State;
use contract::ids::EventId;
use serde::Deserialize;

use super::Backends;
use super::ask::{Asked, Named, malformed};
use super::problem::{Code, Problem};
use crate::preflight::line::Report;
use crate::preflight::{MINUTES, OUTAGE_MINUTES, OneHost, Options, Servers, preflight};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    outage_minutes: Option<u32>,
    #[serde(default)]
    one_host_is_fine: bool,
}

/// `GET /admin/v1/events/{event}/preflight?outage_minutes=&one_host_is_fine=`
pub(super) async fn look(
    State(backends): State<Backends>,
    Named(event): Named<EventId>,
    Asked(how): Asked<How>,
) -> Result<Json<Report>, Problem> {
    let outage_minutes = how.outage_minutes.unwrap_or(OUTAGE_MINUTES);
    if !MINUTES.contains(&outage_minutes) {
        return Err(malformed(format!("outage_minutes is {} at most", MINUTES.end())));
    }
    let one_host = if how.one_host_is_fine { OneHost::Fine } else { OneHost::Warn };
    let options = Options { outage_minutes, one_host };
    let Backends { store, cluster, kafka, nginx, .. } = &backends;
    let servers = Servers { cluster, kafka, nginx };
    let session = &mut store.connect().await?;
    // Boxed: futures so deep within each other are beyond the compiler.
    let report = Box::pin(preflight(session, servers, &event, options)).await?;
    report
        .map(Json)
        .ok_or_else(|| Problem::new(Code::UnknownEvent, format!("there is no event {event}")))
}
