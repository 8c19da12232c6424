//! A key that signs tokens.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::TokenError;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Alg {
    /// HMAC with SHA-256: issuer and edge share a secret.
    #[value(name = "HS256")]
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA with SHA-256, 2048 bits.
    #[value(name = "RS256")]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[value(name = "ES256")]
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[value(name = "EdDSA")]
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Alg {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in headers and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Bytes of a secret of HS256.
const SECRET_BYTES: usize = 32;

/// A key and its name. Its `Debug` shows the name alone.
pub struct Key {
    kid: String,
    pair: Pair,
}

enum Pair {
    Hs256([u8; SECRET_BYTES]),
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// How a key is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    alg: Alg,
    kid: String,
    /// PKCS #8, or the secret itself; base64url.
    private: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({} {})", self.alg().as_str(), self.kid)
    }
}

impl Key {
    /// A new one, with a name that no other has.
    pub fn generate(alg: Alg) -> Result<Self, TokenError> {
        let pair = match alg {
            Alg::Hs256 => {
                let mut secret = [0; SECRET_BYTES];
                rand::fill(&mut secret)?;
                Pair::Hs256(secret)
            }
            Alg::Rs256 => Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048)?),
            Alg::Es256 => Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            Alg::EdDsa => Pair::EdDsa(Ed25519KeyPair::generate()?),
        };
        Ok(Self { kid: uuid::Uuid::now_v7().simple().to_string(), pair })
    }

    /// The key that [`Key::to_file`] wrote.
    pub fn from_file(text: &str) -> Result<Self, TokenError> {
        let Kept { alg, kid, private } = serde_json::from_str(text)?;
        let private = URL_SAFE_NO_PAD.decode(private)?;
        let pair = match alg {
            Alg::Hs256 => {
                let secret = private.try_into().map_err(|_| aws_lc_rs::error::Unspecified)?;
                Pair::Hs256(secret)
            }
            Alg::Rs256 => Pair::Rs256(RsaKeyPair::from_pkcs8(&private)?),
            Alg::Es256 => {
                let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::Es256(EcdsaKeyPair::from_pkcs8(alg, &private)?)
            }
            Alg::EdDsa => Pair::EdDsa(Ed25519KeyPair::from_pkcs8(&private)?),
        };
        Ok(Self { kid, pair })
    }

    /// All of it, to be kept where nobody else reads it.
    pub fn to_file(&self) -> Result<String, TokenError> {
        let private = match &self.pair {
            Pair::Hs256(secret) => secret.to_vec(),
            Pair::Rs256(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?.as_ref().to_vec(),
            Pair::Es256(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.to_pkcs8()?.as_ref().to_vec(),
        };
        let private = URL_SAFE_NO_PAD.encode(private);
        Ok(serde_json::to_string(&Kept { alg: self.alg(), kid: self.kid.clone(), private })?)
    }

    /// How it signs.
    pub fn alg(&self) -> Alg {
        match &self.pair {
            Pair::Hs256(_) => Alg::Hs256,
            Pair::Rs256(_) => Alg::Rs256,
            Pair::Es256(_) => Alg::Es256,
            Pair::EdDsa(_) => Alg::EdDsa,
        }
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, as a member of a JSON Web Key Set; of HS256 the secret.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Hs256(secret) => json!({"kty": "oct", "k": text(secret)}),
            Pair::Rs256(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": text(&public.n), "e": text(&public.e)})
            }
            Pair::Es256(pair) => {
                // One byte, which says that both coordinates follow.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Pair::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
        };
        jwk["alg"] = self.alg().as_str().into();
        jwk["kid"] = self.kid.as_str().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token with this key's header.
    pub fn token(&self, claims: &Value) -> Result<String, TokenError> {
        let header = json!({"typ": "JWT", "alg": self.alg().as_str(), "kid": self.kid});
        self.sign(&header, claims)
    }

    /// A token with any header, whatever it says.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String, TokenError> {
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes())?);
        Ok(format!("{message}.{signature}"))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        Ok(match &self.pair {
            Pair::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
                signature
            }
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_the_same_key() {
        for alg in Alg::ALL {
            let key = Key::generate(alg).unwrap();
            let kept = Key::from_file(&key.to_file().unwrap()).unwrap();
            assert_eq!(kept.jwk(), key.jwk());
            assert_eq!(kept.jwk()["alg"], alg.as_str());
            let claims = json!({"sub": "ann"});
            if alg != Alg::Es256 {
                // The others sign the same in the same way.
                assert_eq!(kept.token(&claims).unwrap(), key.token(&claims).unwrap());
            }
        }
        assert!(Key::from_file("{}").is_err());
    }

    #[test]
    fn a_public_half_has_nothing_private() {
        for alg in [Alg::Rs256, Alg::Es256, Alg::EdDsa] {
            let key = Key::generate(alg).unwrap();
            let members = key.jwk();
            let private = ["d", "p", "q", "dp", "dq", "qi", "k"];
            assert!(private.iter().all(|name| members.get(name).is_none()), "{members}");
            assert_eq!(format!("{key:?}"), format!("Key({} {})", alg.as_str(), key.kid()));
        }
    }
}
