//! What stands before a request, or goes beside it: the PROXY protocol and `traceparent`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge::proxy_protocol::{end, source};
use fuzz::{bytes, holds};
use links::trace::Parent;
use proptest::prelude::Strategy;

/// How version 2 of the PROXY protocol begins.
const SIGNATURE: &str = "\r\n\r\n\0\r\nQUIT\n";
/// Where its addresses begin.
const ADDRESSES_AT: usize = 16;
/// The longest header that is read.
const LONGEST: usize = 536;
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Headers of both versions, with a request behind some.
fn headers() -> impl Strategy<Value = Vec<u8>> {
    let v4 = "\x0a\0\0\x07\x0a\0\0\x01\x50\x50\x1f\x50";
    let right = [
        "PROXY TCP4 192.0.2.7 10.0.0.1 50000 8080\r\n".to_owned(),
        "PROXY TCP6 2001:db8::7 2001:db8::1 50000 8080\r\nGET / HTTP/1.1\r\n".to_owned(),
        "PROXY UNKNOWN\r\n".to_owned(),
        format!("{SIGNATURE}\x21\x11\0\x0c{v4}"),
        format!("{SIGNATURE}\x21\x11\0\x0f{v4}\x04\0\0GET / HTTP/1.1\r\n"),
        format!("{SIGNATURE}\x21\x21\0\x24{}{}", "\x20\x01\x0d".repeat(5), "\x01".repeat(21)),
        format!("{SIGNATURE}\x20\0\0\0"),
    ];
    bytes(right.into())
}

#[test]
fn a_proxy_header_ends_at_one_place_in_whatever_pieces_it_comes() {
    holds(headers(), |bytes| {
        let ends: Vec<_> = (1..=bytes.len()).map(|seen| (seen, end(&bytes[..seen]))).collect();
        // Once it is known, or refused, more bytes change nothing; before, all bytes are its own.
        let (_, last) = ends.last().copied().unwrap_or((0, Ok(None)));
        ends.iter().all(|&(seen, found)| match found {
            Ok(Some(length)) => length <= seen && length <= LONGEST && last == Ok(Some(length)),
            Ok(None) => last.is_err() || last.is_ok_and(|end| end.is_none_or(|end| end > seen)),
            Err(refused) => last == Err(refused),
        })
    });
}

#[test]
fn a_proxy_header_names_the_address_that_stands_in_it() {
    let named = std::cell::Cell::new(0);
    holds(headers(), |bytes| {
        let Ok(Some(length)) = end(&bytes) else { return true };
        let header = &bytes[..length];
        let Ok(Some(client)) = source(header) else { return true };
        named.set(named.get() + 1);
        stands(header) == Some(client)
    });
    assert!(named.get() > 100, "nearly nothing was read");
}

/// The source's address, by the place where it stands.
fn stands(header: &[u8]) -> Option<IpAddr> {
    if let Some(line) = header.strip_prefix(b"PROXY ") {
        let words = std::str::from_utf8(line).ok()?;
        return words.split(' ').nth(1)?.parse().ok();
    }
    let addresses = header.get(ADDRESSES_AT..)?;
    match header[13] >> 4 {
        1 => Some(Ipv4Addr::from(*addresses.first_chunk::<4>()?).into()),
        2 => Some(Ipv6Addr::from(*addresses.first_chunk::<16>()?).into()),
        _ => None,
    }
}

#[test]
fn a_traceparent_that_is_taken_is_gone_on_with_as_it_was_written() {
    let taken = std::cell::Cell::new(0);
    let right = [TRACEPARENT.to_owned(), format!("cc{}-more", &TRACEPARENT[2..])];
    holds(bytes(right.into()), |value| {
        let Some(parent) = Parent::parse(&value) else { return true };
        taken.set(taken.get() + 1);
        // Version and flags are ours; trace and span are whoever's sent them.
        let ours = parent.context.to_string();
        let flags = u8::from_str_radix(std::str::from_utf8(&value[53..55]).unwrap(), 16).unwrap();
        let zeros = |digits: &[u8]| digits.iter().all(|&digit| digit == b'0');
        ours.as_bytes()[2..53] == value[2..53]
            && !zeros(&value[3..35])
            && !zeros(&value[36..52])
            && parent.sampled == (flags & 1 == 1)
            && !value.starts_with(b"ff")
    });
    assert!(taken.get() > 100, "nearly nothing was read");
}
