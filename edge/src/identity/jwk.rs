//! Keys that verify tokens, read from a JSON Web Key Set (RFC 7517).
//!
//! A key has one algorithm, which its `alg` or else its kind says; what a token's header says never
//! chooses it (RFC 8725, 3.1).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The longest set, in bytes.
pub const MAX_SET_BYTES: usize = 256 * 1_024;
/// The most keys of a set.
const MAX_KEYS: usize = 64;
/// The longest name of a key, in bytes.
pub const MAX_KID_BYTES: usize = 256;
/// An RSA modulus, in bytes: 2048 to 8192 bits (RFC 7518, 3.3; and what the library takes).
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;
/// A coordinate on P-256, and a public key of Ed25519, in bytes.
const POINT_BYTES: usize = 32;
/// The shortest secret of HS256, in bytes (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Where a set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A file, which may hold secrets that are shared with the issuer.
    File,
    /// Somebody's server. A secret that it gives to whoever asks is none.
    Url,
}

/// A key and the only algorithm that it is used with.
pub struct Key {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key itself.
    pub decoding: DecodingKey,
}

/// The keys of a set that can be used, by name.
pub type Keys = HashMap<String, Key>;

/// Why a set is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSet {
    /// Not JSON, or not of that shape.
    #[error("it is no JSON Web Key Set: {0}")]
    Shape(String),
    /// More than [`MAX_SET_BYTES`].
    #[error("it has more than {} KiB", MAX_SET_BYTES / 1_024)]
    TooLong,
    /// More than [`MAX_KEYS`].
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
    /// One name, two keys: which is meant?
    #[error("two of its keys have the kid {0:?}")]
    Twice(String),
    /// Not one key is left.
    #[error("none of its keys can be used{}", because(.0))]
    Nothing(Vec<&'static str>),
}

fn because(why: &[&'static str]) -> String {
    if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// The members that are looked at. Others mean nothing here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

/// Reads a set. Keys that are for something else, or that nobody should trust, are passed over.
pub fn parse(text: &[u8], origin: Origin) -> Result<Keys, BadSet> {
    if text.len() > MAX_SET_BYTES {
        return Err(BadSet::TooLong);
    }
    let shape = |error: serde_json::Error| BadSet::Shape(error.to_string());
    let Set { keys } = serde_json::from_slice(text).map_err(shape)?;
    if keys.len() > MAX_KEYS {
        return Err(BadSet::TooMany);
    }
    let mut usable = Keys::new();
    let mut unusable = Vec::new();
    for jwk in keys {
        match Jwk::deserialize(jwk).map_err(|_| "a member has a wrong type").and_then(|jwk| {
            let key = jwk.key(origin)?;
            Ok((jwk.kid.unwrap_or_default(), key))
        }) {
            Ok((kid, _)) if usable.contains_key(&kid) => return Err(BadSet::Twice(kid)),
            Ok((kid, key)) => drop(usable.insert(kid, key)),
            Err(why) => unusable.push(why),
        }
    }
    if usable.is_empty() { Err(BadSet::Nothing(unusable)) } else { Ok(usable) }
}

impl Jwk {
    fn key(&self, origin: Origin) -> Result<Key, &'static str> {
        let named = self.kid.as_ref().is_some_and(|kid| (1..=MAX_KID_BYTES).contains(&kid.len()));
        if !named {
            return Err("a key has no kid of 1 to 256 bytes");
        }
        let others = |use_: &String| use_ != "sig";
        let no_verify = |ops: &Vec<String>| !ops.iter().any(|op| op == "verify");
        if self.r#use.as_ref().is_some_and(others) || self.key_ops.as_ref().is_some_and(no_verify) {
            return Err("a key is not for verifying");
        }
        let (algorithm, decoding) = self.material(origin)?;
        let name = format!("{algorithm:?}");
        if self.alg.as_ref().is_some_and(|alg| *alg != name) {
            return Err("a key is for an algorithm other than HS256, RS256, ES256 and EdDSA");
        }
        Ok(Key { algorithm, decoding })
    }

    /// The one algorithm that this kind of key is used with here, and the key.
    fn material(&self, origin: Origin) -> Result<(Algorithm, DecodingKey), &'static str> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
                let n = n.strip_prefix(&[0]).unwrap_or(&n);
                if !RSA_BYTES.contains(&n.len()) || e.is_empty() {
                    return Err("an RSA key has fewer than 2048 bits, or more than 8192");
                }
                Ok((Algorithm::RS256, DecodingKey::from_rsa_raw_components(n, &e)))
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (point(&self.x)?, point(&self.y)?);
                // An uncompressed point (SEC 1, 2.3.3), as the library keeps one.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                Ok((Algorithm::ES256, DecodingKey::from_ec_der(&point)))
            }
            ("OKP", Some("Ed25519")) => {
                Ok((Algorithm::EdDSA, DecodingKey::from_ed_der(&point(&self.x)?)))
            }
            ("oct", _) if origin == Origin::Url => {
                Err("a secret key came from a URL, where others can read it")
            }
            ("oct", _) => {
                let secret = bytes(&self.k)?;
                if secret.len() < MIN_SECRET_BYTES {
                    return Err("a secret key has fewer than 32 bytes");
                }
                Ok((Algorithm::HS256, DecodingKey::from_secret(&secret)))
            }
            _ => Err("a key is of a kind other than oct, RSA, P-256 and Ed25519"),
        }
    }
}

fn bytes(member: &Option<String>) -> Result<Vec<u8>, &'static str> {
    let text = member.as_ref().ok_or("a key lacks a member")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "a member of a key is not base64url")
}

fn point(member: &Option<String>) -> Result<Vec<u8>, &'static str> {
    let bytes = bytes(member)?;
    if bytes.len() == POINT_BYTES { Ok(bytes) } else { Err("a coordinate has not 32 bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0xa5; bytes])
    }

    fn rsa() -> Value {
        json!({"kty": "RSA", "kid": "r", "n": of(256), "e": "AQAB"})
    }

    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "e", "x": of(32), "y": of(32)})
    }

    fn ed() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": of(32)})
    }

    fn oct() -> Value {
        json!({"kty": "oct", "kid": "o", "k": of(32)})
    }

    fn read(keys: &[Value], origin: Origin) -> Result<Keys, BadSet> {
        parse(json!({ "keys": keys }).to_string().as_bytes(), origin)
    }

    fn with(mut key: Value, member: &str, value: Value) -> Value {
        key[member] = value;
        key
    }

    #[test]
    fn each_kind_of_key_has_one_algorithm() {
        let keys = read(&[rsa(), ec(), ed(), oct()], Origin::File).unwrap();
        let algorithm = |kid: &str| keys[kid].algorithm;
        assert_eq!(algorithm("r"), Algorithm::RS256);
        assert_eq!(algorithm("e"), Algorithm::ES256);
        assert_eq!(algorithm("d"), Algorithm::EdDSA);
        assert_eq!(algorithm("o"), Algorithm::HS256);
        let said = with(with(rsa(), "alg", json!("RS256")), "use", json!("sig"));
        assert!(read(&[said], Origin::Url).is_ok());
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        for other in [
            with(rsa(), "alg", json!("RS512")),
            with(rsa(), "alg", json!("HS256")),
            with(ec(), "alg", json!("RS256")),
            with(ec(), "crv", json!("P-384")),
            with(ed(), "crv", json!("Ed448")),
            with(ed(), "x", json!(of(31))),
            with(rsa(), "use", json!("enc")),
            with(rsa(), "key_ops", json!(["sign"])),
            with(rsa(), "kid", json!(null)),
            with(rsa(), "kid", json!("")),
            with(rsa(), "kid", json!("k".repeat(MAX_KID_BYTES + 1))),
            with(rsa(), "n", json!(of(128))),
            with(rsa(), "n", json!("not base64!")),
            with(rsa(), "e", json!(7)),
            with(oct(), "k", json!(of(31))),
            with(oct(), "kty", json!("oct2")),
            json!("a text"),
        ] {
            let alone = read(std::slice::from_ref(&other), Origin::File);
            assert!(matches!(alone, Err(BadSet::Nothing(_))), "{other}");
            let keys = read(&[other.clone(), with(ec(), "kid", json!("good"))], Origin::File);
            assert_eq!(keys.unwrap().into_keys().collect::<Vec<_>>(), ["good"], "{other}");
        }
    }

    #[test]
    fn a_url_gives_no_secrets() {
        let error = read(&[oct()], Origin::Url).err().unwrap();
        assert!(error.to_string().contains("came from a URL"), "{error}");
        assert!(!error.to_string().contains(&of(32)), "{error}");
    }

    #[test]
    fn what_is_no_set_is_told() {
        let text = |text: &str| parse(text.as_bytes(), Origin::File).err().unwrap();
        assert!(matches!(text("{"), BadSet::Shape(_)));
        assert!(matches!(text("[]"), BadSet::Shape(_)));
        assert_eq!(text(r#"{"keys":[]}"#), BadSet::Nothing(Vec::new()));
        assert_eq!(text(&" ".repeat(MAX_SET_BYTES + 1)), BadSet::TooLong);
        assert_eq!(read(&vec![ec(); MAX_KEYS + 1], Origin::File).err(), Some(BadSet::TooMany));
        let twice = read(&[rsa(), with(ec(), "kid", json!("r"))], Origin::File);
        assert_eq!(twice.err(), Some(BadSet::Twice("r".to_owned())));
    }
}
