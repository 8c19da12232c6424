//! The spans of records whose claims are traced. Everything that they say is known once the batch has
//! landed, so they are made then, and a batch that is tried again is told once.

use std::time::SystemTime;

use contract::topics::HEADER_TRACE;
use links::trace::{Kind, Tracer};

use super::batch::{Content, Item};

/// When something was begun with a batch that has just landed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    /// Its records had come.
    pub(super) taken: SystemTime,
    /// Its transaction.
    pub(super) landing: SystemTime,
}

/// Tells of each record that names a span: `consume`, from when it had come until it is in MySQL,
/// below the edge's `publish`; and `commit` below it, the transaction that it landed with.
pub(super) fn landed(tracer: &Tracer, part: i32, items: &[Item], begun: Begun) {
    if !tracer.is_on() {
        return;
    }
    for item in items {
        let header = item.record.headers.get(HEADER_TRACE);
        let after = |header: &Vec<u8>| tracer.after(header, "consume", begun.taken);
        let Some(consume) = header.and_then(after) else {
            continue;
        };
        let records = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let commit = consume.child(Kind::Client, "commit").begun_at(begun.landing);
        commit.with("db.system.name", "mysql").with("firstcome.records", records).end();
        consume
            .with("messaging.system", "kafka")
            .with("messaging.destination.partition.id", i64::from(part))
            .with("messaging.kafka.offset", item.record.offset)
            .with("firstcome.outcome", outcome(&item.content))
            .end();
    }
}

fn outcome(content: &Content) -> &'static str {
    match content {
        Content::Win(_) => "row",
        Content::Marker(_) => "marker",
        Content::Doomed(_) | Content::DeadLetter(_) => "dead_letter",
    }
}
