//! How users are known: a mode and all that it wants, or an error. What is set for another mode is
//! one too, for somebody believes that it does something.

use std::path::Path;

use contract::settings::{BadSetting, Settings};
use links::login::Secret;
use links::tls::Authorities;

use crate::identity::Mode;
use crate::identity::fetch::KeysUrl;
use crate::identity::gateway::{self, Peers, Secrets};
use crate::identity::jwt;
use crate::identity::keys::{Source, check_file};

const IDENTITY: &str = "FIRSTCOME_IDENTITY";
const ISSUER: &str = "FIRSTCOME_JWT_ISSUER";
const AUDIENCE: &str = "FIRSTCOME_JWT_AUDIENCE";
const KEYS_URL: &str = "FIRSTCOME_JWT_KEYS_URL";
const KEYS_CA_FILE: &str = "FIRSTCOME_JWT_KEYS_CA_FILE";
const KEYS_FILE: &str = "FIRSTCOME_JWT_KEYS_FILE";
const PEERS: &str = "FIRSTCOME_GATEWAY_PEERS";
const SECRET: Secret = Secret {
    name: "FIRSTCOME_GATEWAY_SECRET",
    file: "FIRSTCOME_GATEWAY_SECRET_FILE",
    wanted: "what the gateways send as X-Firstcome-Gateway: at least 24 letters (openssl rand \
        -hex 24), two with a comma between them while it changes; FIRSTCOME_GATEWAY_SECRET_FILE may \
        name a file with it instead",
};

const OF_JWT: [&str; 5] = [ISSUER, AUDIENCE, KEYS_URL, KEYS_CA_FILE, KEYS_FILE];
const OF_HEADER: [&str; 3] = [PEERS, SECRET.name, SECRET.file];

const WANTS_MODE: &str = "'jwt' (a signed token names the user), 'header' (a gateway in front \
    does), or 'open' (whoever names a user is believed: for demos only)";
const WANTS_ISSUER: &str = "the iss of the tokens, such as https://id.example";
const WANTS_AUDIENCE: &str = "the aud of the tokens, or one of several, such as firstcome";
const WANTS_KEYS: &str = "https://... of a JSON Web Key Set, or http://... on this machine; or else \
    FIRSTCOME_JWT_KEYS_FILE is set";
const WANTS_CA: &str = "a PEM file with who signs for the https server of FIRSTCOME_JWT_KEYS_URL";
const WANTS_FILE: &str = "a file with a JSON Web Key Set, and FIRSTCOME_JWT_KEYS_URL not to be set";
const WANTS_PEERS: &str = "the gateways' addresses or networks, such as 10.0.0.7,10.1.0.0/16";

/// The longest `iss` and `aud`, in bytes.
const MAX_CLAIM_BYTES: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Open,
    Header,
    Jwt,
}

impl Choice {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "header" => Some(Self::Header),
            "jwt" => Some(Self::Jwt),
            _ => None,
        }
    }
}

/// The mode that the environment describes, whole.
pub(super) fn read(env: &Settings<'_>) -> Result<Mode, BadSetting> {
    let choice = env.required(IDENTITY, WANTS_MODE, Choice::parse)?;
    if choice != Choice::Jwt {
        refuse(env, &OF_JWT, "FIRSTCOME_IDENTITY=jwt beside it, or not to be set")?;
    }
    if choice != Choice::Header {
        refuse(env, &OF_HEADER, "FIRSTCOME_IDENTITY=header beside it, or not to be set")?;
    }
    match choice {
        Choice::Open => Ok(Mode::Open),
        Choice::Header => Ok(Mode::Header(gateway::Setting {
            peers: wanted(env, PEERS, WANTS_PEERS, Peers::parse)?,
            secrets: SECRET.required(env, Secrets::parse)?,
        })),
        Choice::Jwt => Ok(Mode::Jwt(jwt::Setting {
            issuer: wanted(env, ISSUER, WANTS_ISSUER, parse_claim)?,
            audience: wanted(env, AUDIENCE, WANTS_AUDIENCE, parse_claim)?,
            source: source(env)?,
        })),
    }
}

fn wanted<T>(
    env: &Settings<'_>,
    name: &'static str,
    wants: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, BadSetting> {
    Settings(&|name| env.said(name)).required(name, wants, parse)
}

/// Nothing of another mode may be set. What it says is not repeated: it may be a secret.
fn refuse(
    env: &Settings<'_>,
    names: &[&'static str],
    wants: &'static str,
) -> Result<(), BadSetting> {
    match names.iter().copied().find(|&name| env.said(name).is_some()) {
        Some(name) => Err(bad(name, wants, "is set".to_owned())),
        None => Ok(()),
    }
}

fn bad(name: &'static str, wanted: &'static str, problem: String) -> BadSetting {
    BadSetting { name, problem, wanted }
}

fn parse_claim(text: &str) -> Option<String> {
    (1..=MAX_CLAIM_BYTES).contains(&text.len()).then(|| text.to_owned())
}

/// Exactly one place, which a file must prove to be at once.
fn source(env: &Settings<'_>) -> Result<Source, BadSetting> {
    let ca = env.said(KEYS_CA_FILE);
    let (url, file) = (env.said(KEYS_URL), env.said(KEYS_FILE));
    match (url, file) {
        (Some(_), Some(_)) => {
            Err(bad(KEYS_FILE, WANTS_FILE, "is set beside FIRSTCOME_JWT_KEYS_URL".to_owned()))
        }
        (None, Some(_)) if ca.is_some() => {
            Err(bad(KEYS_CA_FILE, WANTS_CA, "is set beside FIRSTCOME_JWT_KEYS_FILE".to_owned()))
        }
        (None, Some(path)) => {
            let unusable = |error| format!("names {path:?}, which cannot be used: {error}");
            check_file(Path::new(&path)).map_err(|e| bad(KEYS_FILE, WANTS_FILE, unusable(e)))?;
            Ok(Source::File(path.into()))
        }
        (Some(text), None) => {
            let url = KeysUrl::parse(&text, authorities(ca)?);
            // A password in it is not repeated.
            let shown =
                if text.contains('@') { "something else".into() } else { format!("{text:?}") };
            Ok(Source::Url(url.ok_or_else(|| bad(KEYS_URL, WANTS_KEYS, format!("is {shown}")))?))
        }
        (None, None) => Err(bad(KEYS_URL, WANTS_KEYS, "is not set".to_owned())),
    }
}

/// Who signs for the server of the keys; a file must have somebody at once.
fn authorities(file: Option<String>) -> Result<Authorities, BadSetting> {
    let Some(path) = file else {
        return Ok(Authorities::Public);
    };
    let unusable = |error| format!("names {path:?}, which cannot be used: {error}");
    let authorities = Authorities::File(path.clone().into());
    let usable = authorities.client_config();
    usable.map_err(|error| bad(KEYS_CA_FILE, WANTS_CA, unusable(error)))?;
    Ok(authorities)
}

#[cfg(test)]
mod tests;
