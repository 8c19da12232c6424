//! The PROXY protocol: a forwarder that reads no HTTP says, before the first request, from where a
//! connection comes. Versions 1 and 2 of haproxy's specification; NGINX sends version 1.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use ppp::{HeaderResult, v1, v2};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::identity::gateway::Peers;

/// For the whole header to arrive: a forwarder sends it as soon as it has connected.
const HEADER_WITHIN: Duration = Duration::from_secs(2);
/// The longest header of version 1, in bytes, its CRLF among them.
const MAX_LINE_BYTES: usize = 107;
/// The longest header of version 2, in bytes: what the specification has every receiver take.
const MAX_HEADER_BYTES: usize = 536;
/// How version 1 begins.
const LINE_PREFIX: &[u8] = b"PROXY ";
/// Where a header of version 2 says how long the rest is.
const LENGTH_AT: Range<usize> = 14..16;

/// Who says from where their connections come. All others are clients themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarders(Option<Peers>);

/// Why a forwarder's connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The header did not come in time.
    Late,
    /// The connection ended before it.
    CutOff,
    /// Something else came.
    Malformed,
}

impl Forwarders {
    /// Reads `off`, or addresses and networks, separated by commas. None where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self(None));
        }
        Peers::parse(text).map(|peers| Self(Some(peers)))
    }

    /// Whether this is one of them.
    pub fn has(&self, peer: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|forwarders| forwarders.has(peer))
    }
}

impl Refused {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Late, Self::CutOff, Self::Malformed];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::CutOff => "cut_off",
            Self::Malformed => "malformed",
        }
    }
}

/// Reads the header and nothing beyond it. The client's address; the forwarder's own, where it says
/// that the connection is its own, as for a health check, or does not know whose it is.
pub async fn client(stream: &mut TcpStream, forwarder: IpAddr) -> Result<IpAddr, Refused> {
    let mut header = [0; MAX_HEADER_BYTES];
    let read = timeout(HEADER_WITHIN, read(stream, &mut header)).await;
    let length = read.unwrap_or(Err(Refused::Late))?;
    source(&header[..length]).map(|client| client.unwrap_or(forwarder))
}

/// The length of the header that was read.
async fn read(stream: &mut TcpStream, header: &mut [u8]) -> Result<usize, Refused> {
    let mut read = 0;
    loop {
        // Looked at before it is taken: what follows the header is the first request's.
        let seen = stream.peek(&mut header[read..]).await.map_err(|_| Refused::CutOff)?;
        if seen == 0 {
            return Err(Refused::CutOff);
        }
        let end = end(&header[..read + seen])?;
        let next = end.unwrap_or(read + seen);
        stream.read_exact(&mut header[read..next]).await.map_err(|_| Refused::CutOff)?;
        read = next;
        if end.is_some() {
            return Ok(read);
        }
    }
}

/// Where the header ends that begins with these bytes; none where all of them are its own, and more
/// are to come.
pub fn end(seen: &[u8]) -> Result<Option<usize>, Refused> {
    if begins(seen, LINE_PREFIX) {
        let line = &seen[..seen.len().min(MAX_LINE_BYTES)];
        let end = line.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        return if end.is_none() && line.len() == MAX_LINE_BYTES {
            Err(Refused::Malformed)
        } else {
            Ok(end)
        };
    }
    if !begins(seen, v2::PROTOCOL_PREFIX) {
        return Err(Refused::Malformed);
    }
    let Some(&[high, low]) = seen.get(LENGTH_AT) else {
        return Ok(None);
    };
    let end = LENGTH_AT.end + usize::from(u16::from_be_bytes([high, low]));
    if end > MAX_HEADER_BYTES {
        return Err(Refused::Malformed);
    }
    Ok((seen.len() >= end).then_some(end))
}

/// Whether bytes begin as this does, as far as they go.
fn begins(seen: &[u8], prefix: &[u8]) -> bool {
    let length = seen.len().min(prefix.len());
    seen[..length] == prefix[..length]
}

/// Whose connection it is, by a whole header; none: the forwarder's own, or it does not know.
pub fn source(header: &[u8]) -> Result<Option<IpAddr>, Refused> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Unknown => None,
            v1::Addresses::Tcp4(of) => Some(of.source_address.into()),
            v1::Addresses::Tcp6(of) => Some(of.source_address.into()),
        }),
        HeaderResult::V2(Ok(header)) => match (header.command, header.addresses) {
            (v2::Command::Local, _) | (_, v2::Addresses::Unspecified) => Ok(None),
            (_, v2::Addresses::IPv4(of)) => Ok(Some(of.source_address.into())),
            (_, v2::Addresses::IPv6(of)) => Ok(Some(of.source_address.into())),
            (_, v2::Addresses::Unix(_)) => Err(Refused::Malformed),
        },
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(Refused::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 8080\r\n";
    const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: edge\r\n\r\n";

    /// A header of version 2: its command, its family and what follows.
    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[0x20 | command, family], &length, rest].concat()
    }

    fn of_ann() -> Vec<u8> {
        binary(1, 0x11, &[192, 0, 2, 7, 10, 0, 0, 1, 0xc3, 0x50, 0x1f, 0x90])
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_header_says_whose_connection_it_is() {
        let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 8080\r\n";
        assert_eq!(source(LINE), Ok(address("192.0.2.7")));
        assert_eq!(source(v6), Ok(address("2001:db8::7")));
        assert_eq!(source(&of_ann()), Ok(address("192.0.2.7")));
        let mut addresses = [0; 36];
        addresses[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        addresses[15] = 7;
        assert_eq!(source(&binary(1, 0x21, &addresses)), Ok(address("2001:db8::7")));
    }

    #[test]
    fn a_forwarder_may_speak_for_itself() {
        assert_eq!(source(b"PROXY UNKNOWN\r\n"), Ok(None));
        assert_eq!(source(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), Ok(None));
        assert_eq!(source(&binary(0, 0, &[])), Ok(None));
        assert_eq!(source(&binary(1, 0, &[])), Ok(None));
    }

    #[test]
    fn nonsense_is_refused() {
        let long = [LINE_PREFIX, &[b'x'; MAX_LINE_BYTES]].concat();
        let huge = binary(1, 0x11, &[0; MAX_HEADER_BYTES]);
        for bad in [REQUEST, b"proxy TCP4 ", b"PROXY\r\n", b"\r\n\r\nGET", &long, &huge] {
            assert_eq!(end(bad), Err(Refused::Malformed), "{bad:?}");
        }
        let lines: [&[u8]; 7] = [
            b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 8080\n",
            b"PROXY TCP4 192.0.2.256 10.0.0.1 50000 8080\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 50000 8080\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 80800\r\n",
            b"PROXY TCP4 192.0.2.7\r\n",
            b"PROXY UDP4 192.0.2.7 10.0.0.1 50000 8080\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 8080 more\r\n",
        ];
        for bad in lines {
            assert_eq!(source(bad), Err(Refused::Malformed), "{bad:?}");
        }
        // No address of the family that it names; one of a socket in a file; another version.
        for bad in [binary(1, 0x11, &[1, 2, 3]), binary(1, 0x31, &[0; 216]), binary(0x10, 0, &[])] {
            assert_eq!(source(&bad), Err(Refused::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_header_ends_where_it_ends_in_whatever_pieces_it_comes() {
        for header in [LINE, &of_ann(), b"PROXY UNKNOWN\r\n", &binary(0, 0, &[0; 300])] {
            let all = [header, REQUEST].concat();
            for seen in 1..all.len() {
                let whole = seen >= header.len();
                assert_eq!(end(&all[..seen]), Ok(whole.then_some(header.len())), "{seen}");
            }
        }
    }

    #[test]
    fn forwarders_are_off_or_listed() {
        let peer = "10.0.0.7".parse().unwrap();
        assert!(!Forwarders::parse("off").unwrap().has(peer));
        assert!(!Forwarders::default().has(peer));
        let some = Forwarders::parse("10.0.0.0/24, fd00::1").unwrap();
        assert!(some.has(peer) && !some.has("10.0.1.7".parse().unwrap()));
        for bad in ["", "on", "10.0.0.0/33", "10.0.0.7,"] {
            assert_eq!(Forwarders::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn all_are_listed_in_their_order() {
        for (index, refused) in Refused::ALL.into_iter().enumerate() {
            assert_eq!(refused as usize, index);
        }
    }
}
