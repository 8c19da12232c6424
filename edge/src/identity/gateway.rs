//! A gateway in front of the edge has verified who asks, and says so in a header. It is believed
//! only where it comes from a listed address and knows the secret.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use contract::ids::UserId;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Refused;

/// Who asks. NGINX's configuration takes both headers away from what the public sends.
pub const USER: HeaderName = HeaderName::from_static("x-firstcome-user");
/// The secret that a gateway shares with the edges.
pub const SECRET: HeaderName = HeaderName::from_static("x-firstcome-gateway");

/// The shortest secret, in bytes: 24 random letters are beyond guessing.
const MIN_SECRET_BYTES: usize = 24;
/// The most secrets: the old one and the new one while they change, and some more.
const MAX_SECRETS: usize = 4;
/// The most addresses and networks.
const MAX_PEERS: usize = 64;

/// How gateways are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where they are.
    pub peers: Peers,
    /// What they show.
    pub secrets: Secrets,
}

/// Addresses and networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers(Vec<Network>);

/// Secrets, as hashes. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<[u8; 32]>);

/// An address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

/// Tells who asks by what a gateway says.
pub struct Gateway(Setting);

impl Gateway {
    /// Believes the gateways that the setting names.
    pub fn new(setting: Setting) -> Self {
        Self(setting)
    }

    /// The user that the gateway at that address names.
    pub fn user(&self, headers: &HeaderMap, peer: IpAddr) -> Result<UserId, Refused> {
        let shown = only(headers, &SECRET).map(HeaderValue::as_bytes).unwrap_or_default();
        // Both are looked at always, and which of them was wrong is not said.
        let knows = self.0.secrets.has(shown);
        if !(self.0.peers.has(peer) && knows) {
            return Err(Refused::NoGateway);
        }
        let named = only(headers, &USER).and_then(|user| user.to_str().ok());
        named.and_then(|user| user.parse().ok()).ok_or(Refused::NoUser)
    }
}

/// A header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

impl Peers {
    /// Reads addresses and networks, `10.0.0.7` or `10.1.0.0/16`, separated by commas. None where
    /// there is none, too many, or one that is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let networks: Option<Vec<Network>> =
            text.split(',').map(|part| part.trim().parse().ok()).collect();
        networks.filter(|networks| networks.len() <= MAX_PEERS).map(Self)
    }

    /// Whether an address is one of them.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.has(address))
    }
}

impl Secrets {
    /// Reads secrets, separated by commas or the ends of lines. None where there is none, a short
    /// one, too many, or one of other than visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let secrets = text.lines().flat_map(|line| line.split(',')).map(str::trim);
        let secrets: Vec<&str> = secrets.filter(|secret| !secret.is_empty()).collect();
        let good = |secret: &&str| {
            secret.len() >= MIN_SECRET_BYTES && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let all_good = (1..=MAX_SECRETS).contains(&secrets.len()) && secrets.iter().all(good);
        all_good.then(|| Self(secrets.iter().map(|secret| hash(secret.as_bytes())).collect()))
    }

    /// Whether this is one of them. It takes the same time whichever it is and wherever it differs:
    /// hashes are compared, all of them, to their ends.
    fn has(&self, shown: &[u8]) -> bool {
        let shown = hash(shown);
        let known = |found: Choice, secret: &[u8; 32]| found | secret.ct_eq(&shown);
        self.0.iter().fold(Choice::from(0), known).into()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} not shown)", self.0.len())
    }
}

fn hash(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        let differ = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differ >= self.bits
    }
}

/// Neither an address nor a network.
struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;
    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| NoNetwork)?;
        if bits <= most { Ok(Self { address, bits }) } else { Err(NoNetwork) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";
    const TWO: &str = "bbbbbbbbbbbbbbbbbbbbbbbbb";

    fn gateway() -> Gateway {
        let peers = Peers::parse("10.0.0.7, 10.1.0.0/16, fd00::/8").unwrap();
        let secrets = Secrets::parse(&format!("{ONE}\n{TWO}\n")).unwrap();
        Gateway::new(Setting { peers, secrets })
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn user(pairs: &[(HeaderName, &str)], peer: &str) -> Result<UserId, Refused> {
        gateway().user(&headers(pairs), peer.parse().unwrap())
    }

    #[test]
    fn a_listed_gateway_that_knows_a_secret_is_believed() {
        for (secret, peer) in
            [(ONE, "10.0.0.7"), (TWO, "10.1.255.1"), (ONE, "fdaa::1"), (ONE, "::ffff:10.0.0.7")]
        {
            let named = user(&[(SECRET, secret), (USER, "ann")], peer);
            assert_eq!(named, Ok("ann".parse().unwrap()), "{peer}");
        }
    }

    #[test]
    fn nobody_else_is_believed_and_is_not_told_why() {
        let longer = format!("{ONE}a");
        let cases: [(&[(HeaderName, &str)], &str); 8] = [
            (&[(SECRET, ONE), (USER, "ann")], "10.0.0.8"),
            (&[(SECRET, ONE), (USER, "ann")], "10.2.0.1"),
            (&[(SECRET, ONE), (USER, "ann")], "fe80::1"),
            (&[(SECRET, &longer), (USER, "ann")], "10.0.0.7"),
            (&[(SECRET, &ONE[1..]), (USER, "ann")], "10.0.0.7"),
            (&[(SECRET, ONE), (SECRET, ONE), (USER, "ann")], "10.0.0.7"),
            (&[(SECRET, ""), (USER, "ann")], "10.0.0.7"),
            (&[(USER, "ann")], "10.0.0.7"),
        ];
        for (pairs, peer) in cases {
            assert_eq!(user(pairs, peer), Err(Refused::NoGateway), "{pairs:?} {peer}");
        }
    }

    #[test]
    fn a_gateway_names_one_user() {
        for pairs in [
            &[(SECRET, ONE)][..],
            &[(SECRET, ONE), (USER, "")],
            &[(SECRET, ONE), (USER, "an n")],
            &[(SECRET, ONE), (USER, "ann"), (USER, "bob")],
        ] {
            assert_eq!(user(pairs, "10.0.0.7"), Err(Refused::NoUser), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_peers_or_secrets_is_none() {
        for bad in ["", "10.0.0", "10.0.0.0/33", "::1/129", "10.0.0.1,", "all", "10.0.0.1/x"] {
            assert_eq!(Peers::parse(bad), None, "{bad}");
        }
        assert!(Peers::parse("0.0.0.0/0").unwrap().has("203.0.113.9".parse().unwrap()));
        let many = [ONE; MAX_SECRETS + 1].join(",");
        for bad in ["", "short", &ONE[1..], &format!("{ONE} {ONE}"), &many] {
            assert_eq!(Secrets::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", gateway().0.secrets), "Secrets(2 not shown)");
    }
}
