//! A claim's trace, from the client's `traceparent` through edge, Redis, Kafka and persister to MySQL,
//! as a collector is told of it.

mod collector;

use std::net::SocketAddr;
use std::time::Duration;

use contract::ids::EventId;
use rig::stack::{Action, Handle, NextStart, PartKind, exclusive, wait_until};
use serde_json::json;
use uuid::Uuid;

use crate::http;
use crate::rush::new_event;
use collector::{Collector, Told, digits};

/// A part that was restarted is ready again.
const HEALED: Duration = Duration::from_secs(60);
/// Spans are sent a second after they have ended, and rows land within seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(60);
/// Who asks, from where they are traced.
const ABOVE: &str = "00f067aa0ba902b7";
/// What no span may say.
const USER: &str = "user-nobody-may-read";
const TOKEN: &str = "token-nobody-may-read";
/// Spans of a claim that is won, with whose they are and what stands above each.
const SPANS: [(&str, &str, &str); 6] = [
    ("claim", "edge", ""),
    ("batch wait", "edge", "claim"),
    ("script and wait", "edge", "claim"),
    ("publish", "edge", "claim"),
    ("consume", "persister", "publish"),
    ("commit", "persister", "consume"),
];

/// Starts these parts again, with a collector or as usual.
async fn restart(stack: &Handle, parts: &[&str], collector: Option<SocketAddr>) {
    for part in parts {
        let variables = |address| {
            let ratio = (part.starts_with("edge")).then_some(("FIRSTCOME_TRACE_RATIO", "1".into()));
            let endpoint = ("FIRSTCOME_OTLP_ENDPOINT", format!("http://{address}"));
            let all = ratio.into_iter().chain([endpoint]);
            all.map(|(name, value): (&str, String)| (name.to_owned(), value)).collect()
        };
        if let Some(address) = collector {
            let next = NextStart { program: None, environment: variables(address) };
            stack.next_starts(part, vec![next]).await.unwrap();
        }
        stack.act(part, Action::Restart).await.unwrap();
    }
    stack.all_ready(HEALED).await.unwrap();
}

async fn open_event(stack: &Handle, edges: &[SocketAddr]) -> EventId {
    let event = new_event("traced");
    let create = ["event", "create", event.as_str(), "--stock", "10", "--open", "--wait-s", "60"];
    let output = stack.persister(&create).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = format!("/api/v1/coupons/status/{event}");
    for &edge in edges {
        let knows = || async {
            let status = http::get(edge, &path).await.status;
            if status == 200 { Ok(()) } else { Err(status) }
        };
        wait_until(HEALED, "an edge that knows the event", knows).await.unwrap();
    }
    event
}

/// Claims as somebody new, in a trace of its own, until it is a win; returns the trace.
async fn win(edge: SocketAddr, event: &EventId, flags: &str) -> String {
    let claim = || async {
        let trace = Uuid::now_v7().simple().to_string();
        let headers =
            format!("traceparent: 00-{trace}-{ABOVE}-{flags}\r\nAuthorization: Bearer {TOKEN}\r\n");
        let body = json!({ "event_id": event, "user_id": format!("{USER}-{trace}") }).to_string();
        let answer = http::post(edge, "/api/v1/coupons/issue", &headers, &body).await;
        if answer.status == 200 { Ok(trace) } else { Err(answer.body) }
    };
    wait_until(HEALED, "a win", claim).await.unwrap()
}

/// All spans of a won claim, as soon as the collector has them.
async fn whole(collector: &Collector, trace: &str) -> Vec<Told> {
    let look = || async {
        let told = collector.of_trace(trace);
        let is_told = |name| told.iter().any(|told| told.span.name == name);
        let missing = SPANS.iter().find(|(name, _, _)| !is_told(*name));
        missing.map_or(Ok(()), |(name, _, _)| Err(format!("no {name}: {told:?}")))
    };
    wait_until(TOLD_WITHIN, "all spans of a claim", look).await.unwrap();
    collector.of_trace(trace)
}

fn find<'a>(told: &'a [Told], name: &str) -> &'a Told {
    told.iter().find(|told| told.span.name == name).unwrap()
}

#[tokio::test]
async fn a_claim_is_one_trace_from_the_client_to_the_row_and_names_nobody() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let collector = Collector::start().await;
    let traced = ["edge-1", "persister-1", "persister-2"];
    restart(&stack, &traced, Some(collector.address)).await;
    let edges = stack.addresses(PartKind::Edge);
    let event = open_event(&stack, &edges).await;

    let refused = win(edges[0], &event, "00").await;
    let untraced = win(edges[1], &event, "01").await;
    let followed = win(edges[0], &event, "01").await;

    let told = whole(&collector, &followed).await;
    for (name, service, above) in SPANS {
        let found = find(&told, name);
        assert_eq!(found.service, service, "{found:?}");
        let parent = digits(&found.span.parent_span_id);
        let expected = match above {
            "" => ABOVE.to_owned(),
            above => digits(&find(&told, above).span.span_id),
        };
        assert_eq!(parent, expected, "{found:?}");
        assert!(found.span.end_time_unix_nano >= found.span.start_time_unix_nano, "{found:?}");
    }
    let claim = find(&told, "claim");
    assert_eq!(claim.says("firstcome.event"), Some(event.as_str()));
    assert_eq!(claim.says("firstcome.outcome"), Some("issued"));
    assert_eq!(find(&told, "consume").says("firstcome.outcome"), Some("row"));

    // Each of these was asked for earlier.
    assert!(collector.of_trace(&refused).is_empty(), "its sender said that it is not traced");
    assert!(collector.of_trace(&untraced).is_empty(), "its edge traces nothing");
    let all = format!("{:?}", collector.told());
    assert!(!all.contains(USER) && !all.contains(TOKEN), "{all}");

    counted(&stack, "edge-1", true).await;
    counted(&stack, "edge-2", false).await;

    // What waits to be sent when a program ends is sent.
    let last = win(edges[0], &event, "01").await;
    restart(&stack, &traced, None).await;
    let is_told = || async {
        let told = collector.of_trace(&last);
        let claim = told.iter().any(|told| told.span.name == "claim");
        if claim { Ok(()) } else { Err(format!("{told:?}")) }
    };
    wait_until(TOLD_WITHIN, "the last claim", is_told).await.unwrap();
}

/// Whether a part says what became of spans, which it does where it traces.
async fn counted(stack: &Handle, part: &str, traces: bool) {
    let address = stack.part(part).unwrap().metrics.unwrap();
    let exported = r#"firstcome_edge_spans_total{result="exported"} "#;
    let look = || async {
        let page = http::get_whole(address, "/metrics").await.body;
        let spans = page.lines().find_map(|line| line.strip_prefix(exported)).map(str::to_owned);
        let is_some = spans.as_deref().is_some_and(|spans| spans != "0");
        if is_some == traces { Ok(()) } else { Err(format!("{part}: {spans:?}")) }
    };
    wait_until(TOLD_WITHIN, "what became of spans", look).await.unwrap();
}
