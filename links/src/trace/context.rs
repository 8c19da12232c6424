//! Which trace and which span, and how `traceparent` spells it: pure.

use std::fmt;

use opentelemetry::trace::{SpanId, TraceId};

/// `00-` and 32 digits, `-` and 16, `-` and 2.
const LENGTH: usize = 55;
/// The flag that says that the sender traces the request.
const SAMPLED: u8 = 1;

/// A span within its trace. Printed as the value of `traceparent`, which says that it is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
}

/// What somebody else says in `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The sender's span.
    pub context: Context,
    /// Whether the sender traces the request.
    pub sampled: bool,
}

impl Context {
    /// A span of a trace of its own.
    pub(super) fn new() -> Self {
        let trace = TraceId::from_bytes(rand::random::<u128>().max(1).to_be_bytes());
        Self { trace, span: new_span() }
    }

    /// Another span of the same trace.
    pub(super) fn next(self) -> Self {
        Self { span: new_span(), ..self }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{SAMPLED:02x}", self.trace, self.span)
    }
}

impl Parent {
    /// By version 00 of the W3C's rules, and by what they ask of whoever reads a later one: what
    /// follows the flags is passed over.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, more) = value.split_at_checked(LENGTH)?;
        let version = number(&known[..2])?;
        let whole = more.is_empty() || (version > 0 && more[0] == b'-');
        let parted = [known[2], known[35], known[52]] == [b'-'; 3];
        if version == 0xff || !whole || !parted {
            return None;
        }
        let trace = TraceId::from_bytes(number(&known[3..35])?.to_be_bytes());
        let span = u64::try_from(number(&known[36..52])?).ok()?;
        let span = SpanId::from_bytes(span.to_be_bytes());
        let flags = number(&known[53..])?;
        let named = trace != TraceId::INVALID && span != SpanId::INVALID;
        let sampled = flags & u128::from(SAMPLED) != 0;
        named.then_some(Self { context: Context { trace, span }, sampled })
    }
}

/// Hexadecimal digits, small letters only; 32 at most.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

fn new_span() -> SpanId {
    SpanId::from_bytes(rand::random::<u64>().max(1).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(text: &str) -> Option<Parent> {
        Parent::parse(text.as_bytes())
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let read = parse(GOOD).unwrap();
        assert!(read.sampled);
        assert_eq!(read.context.to_string(), GOOD);
        let own = Context::new();
        assert_eq!(parse(&own.to_string()), Some(Parent { context: own, sampled: true }));
        let next = own.next();
        assert!(next.trace == own.trace && next.span != own.span);
    }

    #[test]
    fn flags_say_whether_it_is_traced() {
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("03", true)] {
            let text = format!("{}{flags}", &GOOD[..53]);
            assert_eq!(parse(&text).map(|parent| parent.sampled), Some(sampled), "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("cc{}", &GOOD[2..]);
        assert_eq!(parse(&later), parse(GOOD));
        assert_eq!(parse(&format!("{later}-more")), parse(GOOD));
        assert_eq!(parse(&format!("{later}more")), None);
    }

    #[test]
    fn anything_else_is_no_parent() {
        let bad = [
            "",
            "00",
            &GOOD[..54],
            &format!("{GOOD}-more"),
            &format!("ff{}", &GOOD[2..]),
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        ];
        for text in bad {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
