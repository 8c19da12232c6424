//! How often somebody may ask.

use std::num::NonZeroU32;

use contract::settings::{BadSetting, Settings, parse};

use crate::limits::{MAX_HOPS, Rate, Setting};

const WANTS_RATE: &str = "'off', or requests a second and how many may come at once, such as 5/10";
const WANTS_HOPS: &str = "a whole number from 0 to 8: proxies in front that can be believed, each of \
    which adds to X-Forwarded-For";

/// What the environment says of limits; none where it says nothing.
pub(super) fn read(env: &Settings<'_>) -> Result<Setting, BadSetting> {
    let rate = |name| env.or(name, || "off".into(), WANTS_RATE, parse_rate);
    Ok(Setting {
        all: rate("FIRSTCOME_LIMIT_ALL")?,
        address: rate("FIRSTCOME_LIMIT_ADDRESS")?,
        user: rate("FIRSTCOME_LIMIT_USER")?,
        trusted_hops: env.or("FIRSTCOME_TRUSTED_HOPS", || "0".into(), WANTS_HOPS, parse_hops)?,
    })
}

fn parse_rate(text: &str) -> Option<Option<Rate>> {
    if text == "off" {
        return Some(None);
    }
    let (per_second, burst) = text.split_once('/')?;
    let number = |text: &str| text.trim().parse::<NonZeroU32>().ok();
    Some(Some(Rate { per_second: number(per_second)?, burst: number(burst)? }))
}

fn parse_hops(text: &str) -> Option<usize> {
    parse(text).filter(|hops| *hops <= MAX_HOPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_two_numbers_or_off() {
        let rate = |text| {
            parse_rate(text).map(|rate| rate.map(|rate| (rate.per_second.get(), rate.burst.get())))
        };
        assert_eq!(rate("5/10"), Some(Some((5, 10))));
        assert_eq!(rate("off"), Some(None));
        for bad in ["", "5", "0/1", "1/0", "5/10/20", "-1/1", "five/ten", "on"] {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }

    #[test]
    fn hops_are_few() {
        assert_eq!(parse_hops("0"), Some(0));
        assert_eq!(parse_hops("8"), Some(8));
        assert_eq!(parse_hops("9"), None);
        assert_eq!(parse_hops("-1"), None);
    }
}
