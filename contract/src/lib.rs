//! What the parts of Firstcome agree on: ids that are parsed once, the wire format of Kafka
//! records, Redis keys, topics, and how the claim script and its reply are laid out.
//!
//! Architecture invariant: no tokio, no I/O, no clock. Everything here is a pure function of its
//! arguments, so that edge, persister and rig cannot disagree on a byte.

pub mod claim_script;
pub mod coupon;
pub mod directory;
pub mod event;
pub mod ids;
pub mod keys;
pub mod outbox;
pub mod pseudonym;
pub mod record;
pub mod settings;
pub mod topics;

/// The formats that this build reads and writes. Parts whose formats differ do not understand each
/// other.
pub fn formats() -> String {
    format!(
        "claim {}, directory {}, outbox {}, record {}",
        claim_script::FORMAT,
        directory::FORMAT,
        outbox::FORMAT,
        record::FORMAT
    )
}
