//! Where spans go and of how many claims, as the environment says it.

use hyper::Uri;

/// Whether and how a program traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where spans are sent.
    pub endpoint: Endpoint,
    /// Of how many requests.
    pub ratio: Ratio,
}

/// A collector, `http://host:port`. What it is sent is not encrypted: it stands beside the program, or
/// on its private network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `host:port`.
    pub(super) authority: String,
}

impl Endpoint {
    /// Reads `http://host:port`. A path is refused: OTLP has its own.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let plain = uri.scheme_str() == Some("http") && !authority.as_str().contains('@');
        let bare = uri.path() == "/" && uri.query().is_none();
        let port = authority.port_u16().filter(|&port| port > 0);
        (plain && bare && port.is_some() && !authority.host().is_empty())
            .then(|| Self { authority: authority.as_str().to_owned() })
    }

    /// Where OTLP wants traces.
    pub(super) fn traces(&self) -> String {
        format!("http://{}/v1/traces", self.authority)
    }
}

/// A share of requests, from none to all: so many of 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u64);

/// Of how many a share is counted.
const WHOLE: u32 = u32::MAX;

impl Ratio {
    /// All requests.
    pub const ALL: Self = Self(WHOLE as u64 + 1);

    /// Reads a decimal number from 0 to 1.
    pub fn parse(text: &str) -> Option<Self> {
        let share: f64 = text.parse().ok().filter(|share| (0.0..=1.0).contains(share))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^32")]
        Some(Self((share * (f64::from(WHOLE) + 1.0)) as u64))
    }

    /// Draws once.
    pub(super) fn draws(self) -> bool {
        u64::from(rand::random::<u32>()) < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        let traces = |text| Endpoint::parse(text).map(|endpoint| endpoint.traces());
        let good = ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"];
        for text in good {
            assert_eq!(traces(text).as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        }
        assert_eq!(traces("http://[::1]:4318").as_deref(), Some("http://[::1]:4318/v1/traces"));
        let bad = [
            "",
            "127.0.0.1:4318",
            "http://collector",
            "http://collector:0",
            "http://collector:99999",
            "https://collector:4318",
            "grpc://collector:4317",
            "http://collector:4318/v1/traces",
            "http://collector:4318?x=1",
            "http://user:word@collector:4318",
        ];
        for text in bad {
            assert_eq!(traces(text), None, "{text}");
        }
    }

    #[test]
    fn a_ratio_is_a_share() {
        assert_eq!(Ratio::parse("1"), Some(Ratio::ALL));
        assert!((0..1_000).all(|_| Ratio::ALL.draws()));
        let none = Ratio::parse("0").unwrap();
        assert!((0..1_000).all(|_| !none.draws()));
        assert_eq!(Ratio::parse("0.5"), Some(Ratio(1 << 31)));
        for bad in ["", "-0.1", "1.1", "NaN", "inf", "1/2", "1%"] {
            assert_eq!(Ratio::parse(bad), None, "{bad}");
        }
    }
}
