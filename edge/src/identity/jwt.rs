//! Tokens: a signed JWT names the user (RFC 7519, by the rules of RFC 8725).

use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use contract::ids::UserId;
use hyper::header::{AUTHORIZATION, HeaderMap};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Refused;
use super::keys::{Current, Keys, Source};
use super::verified::{Known, TokenHash, Verified};
use crate::metrics::IdentityMetrics;

/// How far the clocks of the issuer and of an edge may be apart, in seconds.
pub const LEEWAY_S: u64 = 30;
/// The longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 6_144;
/// What a token must have.
const REQUIRED: [&str; 5] = ["iss", "aud", "exp", "nbf", "sub"];
/// How keys sign; see [`jwk`](super::jwk).
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// Kinds of tokens that name a user to an API; others, such as a logout token, are not meant for it
/// (RFC 8725, 3.11).
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// What tokens must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Their `iss`.
    pub issuer: String,
    /// Their `aud`, or one of several.
    pub audience: String,
    /// Where the keys are that they are signed by.
    pub source: Source,
}

/// Tells who asks by their token.
pub struct Tokens {
    rules: Rules,
    keys: Keys,
    verified: Verified,
    metrics: IdentityMetrics,
}

/// What a token must say. The library wants it once an algorithm.
pub struct Rules([Validation; 4]);

/// What is used of a token's claims.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds, perhaps with a fraction (RFC 7519, 2: NumericDate).
    exp: f64,
}

impl Tokens {
    /// Verifies tokens, once [`Keys::follow`] has read keys.
    pub fn new(setting: Setting, metrics: IdentityMetrics) -> Self {
        Self {
            rules: Rules::new(&setting.issuer, &setting.audience),
            keys: Keys::new(setting.source, metrics.keys.clone()),
            verified: Verified::default(),
            metrics,
        }
    }

    /// The keys, which somebody must keep up to date.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The user whom the token in these headers names.
    pub async fn user(&self, headers: &HeaderMap) -> Result<UserId, Refused> {
        let user = match bearer(headers) {
            Ok(token) => self.user_of(token).await,
            Err(refused) => Err(refused),
        };
        if let Err(refused) = user {
            self.metrics.refused(refused);
        }
        user
    }

    async fn user_of(&self, token: &str) -> Result<UserId, Refused> {
        let hash: TokenHash = Sha256::digest(token).into();
        let mut current = self.keys.current();
        if let Some(user) = self.verified.find(&hash, current.generation, now_s()) {
            self.metrics.remembered.increment(1);
            return Ok(user);
        }
        let mut found = self.rules.verify(token, &current);
        if matches!(found, Err(Refused::UnknownKey | Refused::NoKeys)) {
            // Boxed: every connection keeps room for the largest future that is not.
            current = Box::pin(self.newer(current)).await;
            found = self.rules.verify(token, &current);
        }
        let known = found?;
        self.metrics.verified.increment(1);
        let user = known.user.clone();
        self.verified.keep(hash, known);
        Ok(user)
    }

    /// Newer keys, if they may be read again already; else the same.
    async fn newer(&self, current: Arc<Current>) -> Arc<Current> {
        if self.keys.newer().await { self.keys.current() } else { current }
    }
}

impl Rules {
    /// The rules of tokens from this issuer for this audience.
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self(ALGORITHMS.map(|algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.set_required_spec_claims(&REQUIRED);
            validation.set_issuer(&[issuer]);
            validation.set_audience(&[audience]);
            validation.leeway = LEEWAY_S;
            validation.validate_nbf = true;
            validation
        }))
    }

    fn of(&self, algorithm: Algorithm) -> Option<&Validation> {
        self.0.iter().find(|validation| validation.algorithms == [algorithm])
    }

    /// Whose token it is: the key first, then the signature, then what it says.
    pub fn verify(&self, token: &str, current: &Current) -> Result<Known, Refused> {
        if current.generation == 0 {
            return Err(Refused::NoKeys);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::NotAToken);
        }
        // "none" is no algorithm of the library's, so such a header is none either.
        let header = decode_header(token).map_err(|_| Refused::NotAToken)?;
        if !is_taken(&header) {
            return Err(Refused::NotAToken);
        }
        let key = header.kid.and_then(|kid| current.keys.get(&kid)).ok_or(Refused::UnknownKey)?;
        // The key says how it signs; what the token says of it must be the same.
        let same = header.alg == key.algorithm;
        let rules = self.of(key.algorithm).filter(|_| same).ok_or(Refused::Signature)?;
        let token = decode::<Claims>(token, &key.decoding, rules);
        let Claims { sub, exp } = token.map_err(|error| refused(error.kind()))?.claims;
        let user = UserId::from_str(&sub).map_err(|_| Refused::Subject)?;
        // Whole seconds, as they were compared; too far ahead is as good as for ever.
        let ends_s = (exp.round() as u64).saturating_add(LEEWAY_S);
        Ok(Known { user, ends_s, generation: current.generation })
    }
}

/// Whether nothing in a header asks for what is not done here: an extension (RFC 7515, 4.1.11), or
/// another kind of token.
fn is_taken(header: &Header) -> bool {
    let kind = header.typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    let known = kind.is_none_or(|kind| TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)));
    known && header.crit.is_none()
}

fn refused(why: &ErrorKind) -> Refused {
    match why {
        ErrorKind::ExpiredSignature => Refused::Expired,
        ErrorKind::ImmatureSignature => Refused::TooEarly,
        ErrorKind::InvalidIssuer => Refused::Issuer,
        ErrorKind::InvalidAudience => Refused::Audience,
        // The payload is looked at only behind a good signature.
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::Json(_)
        | ErrorKind::Utf8(_) => Refused::Claims,
        _ => Refused::Signature,
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, 2.1).
pub fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return Err(Refused::NoToken);
    };
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refused::NoToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Refused::NoToken) }
}

fn now_s() -> u64 {
    // Before 1970 nothing has begun.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
