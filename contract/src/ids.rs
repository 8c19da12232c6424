//! Ids, parsed once at the border and trusted from there on.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The longest event or user id, in bytes: what `VARCHAR(64)` holds.
pub const MAX_ID_BYTES: usize = 64;

/// The longest `Idempotency-Key` header, in bytes. The edge keeps a hash, never the key.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

/// Why a text is not an id. The text itself is not repeated: it comes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing between the quotes.
    #[error("must not be empty")]
    Empty,
    /// More than [`MAX_ID_BYTES`].
    #[error("must be at most {MAX_ID_BYTES} characters")]
    TooLong,
    /// Something other than `[A-Za-z0-9_-]`.
    #[error("may only contain letters, digits, '_' and '-'")]
    Character,
    /// Not a UUID.
    #[error("must be a UUID")]
    NotUuid,
}

fn check(text: &str) -> Result<(), BadId> {
    if text.is_empty() {
        return Err(BadId::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(BadId::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.bytes().all(allowed) { Ok(()) } else { Err(BadId::Character) }
}

/// An event's id, `[A-Za-z0-9_-]{1,64}`, case-sensitive. Never used again for another event.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(Arc<str>);

/// A user's id, `[A-Za-z0-9_-]{1,64}`, case-sensitive.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(Box<str>);

impl EventId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        check(text).map(|()| Self(text.into()))
    }
}

impl FromStr for UserId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        check(text).map(|()| Self(text.into()))
    }
}

impl TryFrom<String> for EventId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl TryFrom<String> for UserId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        check(&text).map(|()| Self(text.into_boxed_str()))
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0.into_string()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({})", self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.0)
    }
}

/// A coupon's id: a UUIDv7, made by the edge and offered with the claim.
///
/// Shown to people with hyphens; in Redis 32 hexadecimal digits; in MySQL `BINARY(16)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CouponId(Uuid);

impl CouponId {
    /// A new id, ordered by the time it was made.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id from the 16 bytes that MySQL keeps.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes that MySQL keeps.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The 32 hexadecimal digits that Redis keeps.
    pub fn to_hex(&self) -> String {
        self.0.simple().to_string()
    }
}

impl Default for CouponId {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for CouponId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Uuid::try_parse(text).map(Self).map_err(|_| BadId::NotUuid)
    }
}

impl fmt::Display for CouponId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// What names one claim's attempts: a 16-byte hash of the client's `Idempotency-Key`, or none.
///
/// In Redis and in records 32 hexadecimal digits, or `-`; in MySQL `BINARY(16)` or NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attempt(Option<[u8; 16]>);

impl Attempt {
    /// The attempt of a client that sent no `Idempotency-Key`.
    pub const NONE: Self = Self(None);

    /// The attempt that an `Idempotency-Key` names: the first 16 bytes of its SHA-256.
    pub fn from_key(key: &[u8]) -> Self {
        let digest = Sha256::digest(key);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self(Some(hash))
    }

    /// The attempt from what MySQL keeps.
    pub fn from_bytes(bytes: Option<[u8; 16]>) -> Self {
        Self(bytes)
    }

    /// The bytes that MySQL keeps, or `None`.
    pub fn as_bytes(&self) -> Option<&[u8; 16]> {
        self.0.as_ref()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(hash) => hash.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            None => f.write_str("-"),
        }
    }
}

impl FromStr for Attempt {
    type Err = BadAttempt;
    fn from_str(text: &str) -> Result<Self, BadAttempt> {
        if text == "-" {
            return Ok(Self::NONE);
        }
        if text.len() != 32 || !text.is_ascii() {
            return Err(BadAttempt);
        }
        let mut hash = [0; 16];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| BadAttempt)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| BadAttempt)?;
        }
        Ok(Self(Some(hash)))
    }
}

impl TryFrom<String> for Attempt {
    type Error = BadAttempt;
    fn try_from(text: String) -> Result<Self, BadAttempt> {
        text.parse()
    }
}

impl From<Attempt> for String {
    fn from(attempt: Attempt) -> Self {
        attempt.to_string()
    }
}

/// The text is neither `-` nor 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt must be '-' or 32 hexadecimal digits")]
pub struct BadAttempt;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_what_the_public_contract_allows() {
        for good in ["a", "Spring_2026-11", &"x".repeat(64)] {
            assert_eq!(good.parse::<EventId>().unwrap().as_str(), good);
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn ids_refuse_everything_else() {
        let long = "x".repeat(65);
        let cases = [
            ("", BadId::Empty),
            (long.as_str(), BadId::TooLong),
            ("a b", BadId::Character),
            ("{a}", BadId::Character),
            ("a\0", BadId::Character),
            ("é", BadId::Character),
            ("a\r\nb", BadId::Character),
        ];
        for (bad, why) in cases {
            assert_eq!(bad.parse::<EventId>().unwrap_err(), why, "{bad:?}");
            assert_eq!(bad.parse::<UserId>().unwrap_err(), why, "{bad:?}");
        }
    }

    #[test]
    fn ids_are_case_sensitive() {
        assert_ne!("Ann".parse::<UserId>(), "ann".parse::<UserId>());
    }

    #[test]
    fn coupon_ids_survive_every_form() {
        let id = CouponId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_hex().parse(), Ok(id));
        assert_eq!(CouponId::from_bytes(*id.as_bytes()), id);
        assert_eq!("spring".parse::<CouponId>(), Err(BadId::NotUuid));
    }

    #[test]
    fn attempts_are_a_hash_or_a_dash() {
        let attempt = Attempt::from_key(b"my-key");
        assert_eq!(attempt, Attempt::from_key(b"my-key"));
        assert_ne!(attempt, Attempt::from_key(b"my-kez"));
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        assert_eq!("-".parse(), Ok(Attempt::NONE));
        for bad in ["", "--", "zz", &"g".repeat(32), &"é".repeat(16)] {
            assert_eq!(bad.parse::<Attempt>(), Err(BadAttempt), "{bad:?}");
        }
    }
}
