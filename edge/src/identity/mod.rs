//! Who asks: what a request's credentials say, by the mode that the configuration names.
//!
//! Identified first, then looked up: what somebody without good credentials is told depends on them
//! alone, never on the event or on who has won.

pub mod fetch;
pub mod gateway;
pub mod jwk;
pub mod jwt;
pub mod keys;
pub mod verified;

use std::net::IpAddr;
use std::sync::Arc;

use contract::ids::UserId;
use hyper::header::HeaderMap;

use crate::metrics::IdentityMetrics;
use gateway::Gateway;
use jwt::Tokens;
use keys::Keys;

/// Who says which user a request is for, as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Whoever names a user is believed. For demos and tests.
    Open,
    /// A gateway in front of the edge, in a header.
    Header(gateway::Setting),
    /// A signed token that the client shows.
    Jwt(jwt::Setting),
}

/// Tells who asks. A clone shares keys and what is remembered of tokens.
#[derive(Clone)]
pub enum Identity {
    /// By what the request names.
    Open,
    /// By a gateway's header.
    Header(Arc<Gateway>),
    /// By a token.
    Jwt(Arc<Tokens>),
}

/// Why a request is not answered: it is not known, or not allowed, who asks. The texts are for
/// whoever asked, and repeat nothing of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The open mode, and no user.
    #[error("no user is named: in the open mode user_id is required")]
    NobodyNamed,
    /// No `Authorization: Bearer`, or more than one.
    #[error("one bearer token is required, in the Authorization header")]
    NoToken,
    /// Not a signed JWT of a kind that is taken here.
    #[error("the token is no JWT that is taken here")]
    NotAToken,
    /// No `kid`, or one that no key has.
    #[error("the token is signed by a key that is not known")]
    UnknownKey,
    /// The signature, or the algorithm that it was made by, is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet")]
    TooEarly,
    /// Another `iss`.
    #[error("the token is from another issuer")]
    Issuer,
    /// Another `aud`.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing, or has a wrong form.
    #[error("the token must have iss, aud, exp, nbf and sub")]
    Claims,
    /// `sub` is no user id.
    #[error("the token's sub is no user id: 1 to 64 letters, digits, '_' and '-'")]
    Subject,
    /// Not one of the gateways, or not with their secret.
    #[error("requests are taken from a known gateway only")]
    NoGateway,
    /// The gateway says nothing of a user, or names no user id.
    #[error("the gateway names no user")]
    NoUser,
    /// The request names another user than the one who asks.
    #[error("user_id is not the user that the credentials name")]
    NotYours,
    /// No keys were read yet. Not the client's doing.
    #[error("the keys of tokens have not been read yet")]
    NoKeys,
}

impl Refused {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 15] = [
        Self::NobodyNamed,
        Self::NoToken,
        Self::NotAToken,
        Self::UnknownKey,
        Self::Signature,
        Self::Expired,
        Self::TooEarly,
        Self::Issuer,
        Self::Audience,
        Self::Claims,
        Self::Subject,
        Self::NoGateway,
        Self::NoUser,
        Self::NotYours,
        Self::NoKeys,
    ];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NobodyNamed => "nobody_named",
            Self::NoToken => "no_token",
            Self::NotAToken => "not_a_token",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::TooEarly => "too_early",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claims => "claims",
            Self::Subject => "subject",
            Self::NoGateway => "no_gateway",
            Self::NoUser => "no_user",
            Self::NotYours => "not_yours",
            Self::NoKeys => "no_keys",
        }
    }
}

impl Identity {
    /// What tells who asks in a mode. Tokens are refused until their keys were read, which is
    /// somebody else's to do: [`Keys::follow`].
    pub fn new(mode: Mode) -> Self {
        match mode {
            Mode::Open => Self::Open,
            Mode::Header(setting) => Self::Header(Arc::new(Gateway::new(setting))),
            Mode::Jwt(setting) => {
                Self::Jwt(Arc::new(Tokens::new(setting, IdentityMetrics::register())))
            }
        }
    }

    /// The keys of tokens; None where there are no tokens.
    pub fn keys(&self) -> Option<&Keys> {
        match self {
            Self::Open | Self::Header(_) => None,
            Self::Jwt(tokens) => Some(tokens.keys()),
        }
    }

    /// The user that a request is for, given its headers, who sent it, and the user that it names.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
        named: Option<UserId>,
    ) -> Result<UserId, Refused> {
        match self {
            Self::Open => named.ok_or(Refused::NobodyNamed),
            Self::Header(gateway) => only_oneself(gateway.user(headers, peer)?, named),
            Self::Jwt(tokens) => only_oneself(tokens.user(headers).await?, named),
        }
    }
}

fn only_oneself(user: UserId, named: Option<UserId>) -> Result<UserId, Refused> {
    match named {
        Some(named) if named != user => Err(Refused::NotYours),
        _ => Ok(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> UserId {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn the_open_mode_believes_whoever_names_a_user() {
        let (headers, peer) = (HeaderMap::new(), "192.0.2.1".parse().unwrap());
        let named = Identity::Open.identify(&headers, peer, Some(id("ann"))).await;
        assert_eq!(named, Ok(id("ann")));
        let nobody = Identity::Open.identify(&headers, peer, None).await;
        assert_eq!(nobody, Err(Refused::NobodyNamed));
    }

    #[test]
    fn whoever_is_known_asks_for_nobody_else() {
        assert_eq!(only_oneself(id("ann"), None), Ok(id("ann")));
        assert_eq!(only_oneself(id("ann"), Some(id("ann"))), Ok(id("ann")));
        assert_eq!(only_oneself(id("ann"), Some(id("Ann"))), Err(Refused::NotYours));
    }

    #[test]
    fn all_refusals_are_listed_in_their_order_and_have_words_of_their_own() {
        for (index, refused) in Refused::ALL.into_iter().enumerate() {
            assert_eq!(refused as usize, index);
            let same = Refused::ALL.into_iter().filter(|other| other.as_str() == refused.as_str());
            assert_eq!(same.count(), 1, "{refused:?}");
        }
    }
}
