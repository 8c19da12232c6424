//! Settings by name, as every binary reads them: a bad one says which, what was read and what is
//! wanted. Where they come from (the environment) is the binary's `config.rs`.

use std::str::FromStr;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}; it wants {wanted}")]
pub struct BadSetting {
    /// Its name.
    pub name: &'static str,
    /// What was read.
    pub problem: String,
    /// What it takes.
    pub wanted: &'static str,
}

/// Reads settings through a function from name to text.
#[derive(Clone, Copy)]
pub struct Settings<'a>(pub &'a dyn Fn(&'static str) -> Option<String>);

impl Settings<'_> {
    /// A setting that must be there.
    pub fn required<T>(
        &self,
        name: &'static str,
        wanted: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, BadSetting> {
        let bad = |problem| BadSetting { name, problem, wanted };
        let text = (self.0)(name).ok_or_else(|| bad("is not set".to_owned()))?;
        parse(text.trim()).ok_or_else(|| bad(format!("is {text:?}")))
    }

    /// A setting with a default.
    pub fn or<T>(
        &self,
        name: &'static str,
        default: fn() -> String,
        wanted: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, BadSetting> {
        let or_default = |name| Some((self.0)(name).unwrap_or_else(default));
        Settings(&or_default).required(name, wanted, parse)
    }

    /// What a setting says, for one that has no default and may be left out. One that is empty says
    /// nothing, since compose cannot leave one out.
    pub fn said(&self, name: &'static str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// What [`parse_hosts`] takes.
pub const HOSTS: &str = "a comma-separated list of host:port, such as 10.0.0.1:6379,10.0.0.2:6379";

/// Anything that reads itself from a text.
pub fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A whole number from 1 to `MOST`.
pub fn parse_up_to<const MOST: u32>(text: &str) -> Option<u32> {
    parse(text).filter(|number| (1..=MOST).contains(number))
}

/// `host:port` separated by commas, at least one.
pub fn parse_hosts(text: &str) -> Option<Vec<String>> {
    text.split(',').map(|host| parse_host(host.trim())).collect()
}

fn parse_host(host: &str) -> Option<String> {
    let (name, port) = host.rsplit_once(':')?;
    let port = parse::<u16>(port)?;
    (!name.is_empty() && port > 0).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_setting_says_what_was_read_and_what_is_wanted() {
        let get = |name| (name == "NODES").then(|| "a".to_owned());
        let settings = Settings(&get);
        let error = settings.required("NODES", HOSTS, parse_hosts).unwrap_err();
        assert_eq!(error.to_string(), format!("NODES is \"a\"; it wants {HOSTS}"));
        let error = settings.required("PORT", "a port", parse::<u16>).unwrap_err();
        assert_eq!(error.to_string(), "PORT is not set; it wants a port");
        assert_eq!(settings.or("PORT", || "80".to_owned(), "a port", parse::<u16>), Ok(80));
    }

    #[test]
    fn an_empty_setting_says_nothing() {
        let get = |name| match name {
            "EMPTY" => Some(" ".to_owned()),
            "SPACED" => Some(" a\n".to_owned()),
            _ => None,
        };
        let settings = Settings(&get);
        assert_eq!(settings.said("EMPTY"), None);
        assert_eq!(settings.said("ABSENT"), None);
        assert_eq!(settings.said("SPACED").as_deref(), Some("a"));
    }

    #[test]
    fn hosts_are_host_and_port_each() {
        let two = ["a:1".to_owned(), "[::1]:65535".to_owned()];
        assert_eq!(parse_hosts("a:1, [::1]:65535").as_deref(), Some(two.as_slice()));
        for bad in ["", "a", "a:", ":1", "a:0", "a:65536", "a:1,", "a:1,,b:2"] {
            assert_eq!(parse_hosts(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_from_one_to_the_most() {
        assert_eq!(parse_up_to::<5>("5"), Some(5));
        for bad in ["0", "6", "-1", "x"] {
            assert_eq!(parse_up_to::<5>(bad), None, "{bad}");
        }
    }
}
