//! Who changed what.

pub(in crate::store) const NOTE_AUDIT: &str = "\
    INSERT INTO audit (happened_at, who, way, action, event_id, version, subject, was, became, why) \
    VALUES (UTC_TIMESTAMP(3), ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(in crate::store) const AUDIT: &str = "\
    SELECT audit_id, happened_at, who, way, action, event_id, version, subject, was, became, why \
    FROM audit WHERE audit_id < ? ORDER BY audit_id DESC LIMIT ?";
pub(in crate::store) const AUDIT_OF_EVENT: &str = "\
    SELECT audit_id, happened_at, who, way, action, event_id, version, subject, was, became, why \
    FROM audit WHERE event_id = ? AND audit_id < ? ORDER BY audit_id DESC LIMIT ?";
pub(in crate::store) const AUDIT_SINCE: &str = "\
    SELECT audit_id, happened_at, who, way, action, event_id, version, subject, was, became, why \
    FROM audit WHERE event_id = ? AND version > ? ORDER BY audit_id LIMIT ?";
