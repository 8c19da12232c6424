//! The directory: the compacted topic that tells every edge which events exist and how they stand.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::event::{Confirm, Phase};
use crate::ids::EventId;

/// Format of the records that this build writes; it reads no other.
pub const FORMAT: u32 = 1;

/// How an event stands, as the leader last said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The event.
    pub event_id: EventId,
    /// Its epoch.
    pub epoch: u64,
    /// The operators' version that it carries; 0 while fencing, so that what follows is higher.
    pub version: u64,
    /// How it stands.
    pub phase: Phase,
    /// Unix milliseconds; 0: always open.
    pub opens_at_ms: u64,
    /// Unix milliseconds; 0: never closes by itself.
    pub closes_at_ms: u64,
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
    /// When a win may be told.
    pub confirm: Confirm,
}

/// A record that an edge writes and waits for, to know that it has read all that came before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Which edge process.
    pub edge: String,
    /// Its build's version; empty: it is older than this field.
    #[serde(default)]
    pub version: String,
    /// What its build reads and writes, as [`crate::formats`] says it; empty as above.
    #[serde(default)]
    pub formats: String,
}

impl Probe {
    /// A probe of an edge of this build.
    pub fn of(edge: &str, version: &str) -> Self {
        Self { edge: edge.to_owned(), version: version.to_owned(), formats: crate::formats() }
    }
}

/// What stands in the directory under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An event.
    Event(Box<Listing>),
    /// An edge's probe; it says nothing about events.
    Probe(Probe),
    /// An archived event: its key with no value.
    Gone(EventId),
}

/// Why a record is not an [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// The key is missing or names neither an event nor an edge.
    #[error("the directory record's key names neither an event nor an edge")]
    Key,
    /// Not JSON, or a field is missing or wrong.
    #[error("the directory record is not what format {FORMAT} describes: {0}")]
    Json(String),
    /// Written by another build.
    #[error("the directory record has format {0}; this build reads format {FORMAT}")]
    Format(u32),
}

/// Probes stand apart from events: `/` cannot occur in an event's id.
const PROBE_KEY_PREFIX: &str = "probe/";

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body {
    Event(Listing),
    Probe(Probe),
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    format: u32,
    #[serde(flatten)]
    body: T,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// The key and value (`None` is a tombstone) of an entry.
pub fn encode(entry: &Entry) -> (Vec<u8>, Option<Vec<u8>>) {
    let (key, body) = match entry {
        Entry::Event(listing) => {
            (listing.event_id.to_string(), Some(Body::Event(listing.as_ref().clone())))
        }
        Entry::Probe(probe) => {
            (format!("{PROBE_KEY_PREFIX}{}", probe.edge), Some(Body::Probe(probe.clone())))
        }
        Entry::Gone(event) => (event.to_string(), None),
    };
    let value = body.map(|body| {
        serde_json::to_vec(&Envelope { format: FORMAT, body })
            .expect("an entry has only strings and numbers")
    });
    (key.into_bytes(), value)
}

/// Reads a record of the directory.
pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Entry, BadEntry> {
    let key = key.and_then(|key| std::str::from_utf8(key).ok()).ok_or(BadEntry::Key)?;
    let Some(value) = value else {
        return match key.strip_prefix(PROBE_KEY_PREFIX) {
            Some(edge) => Ok(Entry::Probe(Probe {
                edge: edge.to_owned(),
                version: String::new(),
                formats: String::new(),
            })),
            None => key.parse().map(Entry::Gone).map_err(|_| BadEntry::Key),
        };
    };
    let json = |error: serde_json::Error| BadEntry::Json(error.to_string());
    let format = serde_json::from_slice::<FormatOnly>(value).map_err(json)?.format;
    if format != FORMAT {
        return Err(BadEntry::Format(format));
    }
    let envelope: Envelope<Body> = serde_json::from_slice(value).map_err(json)?;
    Ok(match envelope.body {
        Body::Event(listing) => Entry::Event(Box::new(listing)),
        Body::Probe(probe) => Entry::Probe(probe),
    })
}

/// The directory as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    events: HashMap<EventId, Listing>,
}

impl Directory {
    /// Takes one entry in. The highest (epoch, version) stands, so that a writer who comes late
    /// turns nothing back. [why: a paused leader's late "open" would let an old epoch be told]
    pub fn fold(&mut self, entry: Entry) {
        match entry {
            Entry::Probe(_) => {}
            Entry::Gone(event) => {
                self.events.remove(&event);
            }
            Entry::Event(listing) => match self.events.get(&listing.event_id) {
                Some(known) if rank(known) >= rank(&listing) => {}
                _ => {
                    self.events.insert(listing.event_id.clone(), *listing);
                }
            },
        }
    }

    /// How an event stands, or `None` where the directory does not know it.
    pub fn get(&self, event: &EventId) -> Option<&Listing> {
        self.events.get(event)
    }

    /// Every event, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Listing> {
        self.events.values()
    }
}

fn rank(listing: &Listing) -> (u64, u64) {
    (listing.epoch, listing.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(epoch: u64, version: u64, phase: Phase) -> Listing {
        Listing {
            event_id: "spring".parse().unwrap(),
            epoch,
            version,
            phase,
            opens_at_ms: 0,
            closes_at_ms: 0,
            stock: 100,
            per_user_limit: 1,
            confirm: Confirm::Replica,
        }
    }

    fn event(epoch: u64, version: u64, phase: Phase) -> Entry {
        Entry::Event(Box::new(listing(epoch, version, phase)))
    }

    #[test]
    fn entries_come_back_as_they_were() {
        let entries = [
            event(1, 2, Phase::Open),
            Entry::Probe(Probe::of("edge-1", "1.0.0")),
            Entry::Gone("spring".parse().unwrap()),
        ];
        for entry in entries {
            let (key, value) = encode(&entry);
            assert_eq!(decode(Some(&key), value.as_deref()), Ok(entry));
        }
    }

    #[test]
    fn a_probe_of_a_build_that_named_no_version_is_read() {
        let older = br#"{"format":1,"type":"probe","edge":"edge-1"}"#;
        let Ok(Entry::Probe(probe)) = decode(Some(b"probe/edge-1"), Some(older)) else {
            panic!("a probe");
        };
        assert_eq!((probe.edge.as_str(), probe.version.as_str()), ("edge-1", ""));
    }

    #[test]
    fn what_is_not_an_entry_says_why() {
        assert_eq!(decode(None, None), Err(BadEntry::Key));
        assert_eq!(decode(Some(b"a b"), None), Err(BadEntry::Key));
        let newer = br#"{"format":9,"type":"comet"}"#;
        assert_eq!(decode(Some(b"spring"), Some(newer)), Err(BadEntry::Format(9)));
        assert!(matches!(decode(Some(b"spring"), Some(b"x")), Err(BadEntry::Json(_))));
    }

    #[test]
    fn the_highest_epoch_and_version_stands_whatever_the_order() {
        let mut directory = Directory::default();
        for entry in
            [event(1, 4, Phase::Open), event(2, 0, Phase::Fencing), event(1, 5, Phase::Open)]
        {
            directory.fold(entry);
        }
        let event_id = "spring".parse().unwrap();
        assert_eq!(directory.get(&event_id), Some(&listing(2, 0, Phase::Fencing)));
        directory.fold(event(2, 4, Phase::Paused));
        directory.fold(event(2, 3, Phase::Open));
        assert_eq!(directory.get(&event_id), Some(&listing(2, 4, Phase::Paused)));
        directory.fold(Entry::Gone(event_id.clone()));
        assert_eq!(directory.get(&event_id), None);
    }
}
