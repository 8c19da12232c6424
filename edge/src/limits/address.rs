//! Where a request comes from, behind proxies that can be believed.

use std::net::IpAddr;

use hyper::header::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies in front.
pub const MAX_HOPS: usize = 8;

/// The address that the outermost of so many trusted proxies saw. Each adds the address it was asked
/// from at the end, so what stands further left anybody could have written. Where there is none, the
/// one that asks us.
pub fn client(headers: &HeaderMap, peer: IpAddr, trusted_hops: usize) -> IpAddr {
    let Some(nth) = trusted_hops.checked_sub(1) else {
        return peer;
    };
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut addresses = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    addresses.nth(nth).and_then(|address| address.trim().parse().ok()).unwrap_or(peer)
}

/// What is limited together: an IPv4 address, or the /64 that a household has of IPv6.
pub fn limited(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let from = |lines: &[&str], hops| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            client(&headers, peer, hops).to_string()
        };
        let forged = "1.1.1.1, 192.0.2.7, 10.0.0.2";
        assert_eq!(from(&[forged], 0), "10.0.0.1");
        assert_eq!(from(&[forged], 1), "10.0.0.2");
        assert_eq!(from(&[forged], 2), "192.0.2.7");
        assert_eq!(from(&["1.1.1.1, 192.0.2.7", "10.0.0.2"], 2), "192.0.2.7");
        assert_eq!(from(&["2001:db8::7"], 1), "2001:db8::7");
        // Fewer than proxies, or none.
        for (lines, hops) in [(&[][..], 1), (&["10.0.0.2"], 2), (&["unknown"], 1), (&[""], 1)] {
            assert_eq!(from(lines, hops), "10.0.0.1", "{lines:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one() {
        let of = |text: &str| limited(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
