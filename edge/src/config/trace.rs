//! Where a few claims' traces go, and of how many.

use contract::settings::{BadSetting, Settings};
use links::trace::{Endpoint, Ratio, Setting};

const ENDPOINT: &str = "FIRSTCOME_OTLP_ENDPOINT";
const RATIO: &str = "FIRSTCOME_TRACE_RATIO";
/// One claim in a thousand.
const DEFAULT_RATIO: &str = "0.001";
const WANTS_ENDPOINT: &str = "http://host:port of a collector that takes OTLP over HTTP, such as \
    http://127.0.0.1:4318";
const WANTS_RATIO: &str =
    "a number from 0 to 1, the share of claims that are traced, such as 0.001";
const WANTS_BOTH: &str = "FIRSTCOME_OTLP_ENDPOINT beside it, or not to be set";

/// What the environment says of traces; None where it says nothing.
pub(super) fn read(env: &Settings<'_>) -> Result<Option<Setting>, BadSetting> {
    let get = |name| env.said(name);
    let said = Settings(&get);
    if env.said(ENDPOINT).is_none() {
        return match env.said(RATIO) {
            None => Ok(None),
            Some(text) => {
                let problem = format!("is {text:?}, and nothing says where traces go");
                Err(BadSetting { name: RATIO, problem, wanted: WANTS_BOTH })
            }
        };
    }
    Ok(Some(Setting {
        endpoint: said.required(ENDPOINT, WANTS_ENDPOINT, Endpoint::parse)?,
        ratio: said.or(RATIO, || DEFAULT_RATIO.into(), WANTS_RATIO, Ratio::parse)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(pairs: &[(&str, &str)]) -> Result<Option<Setting>, BadSetting> {
        read(&Settings(&|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn traces_are_off_unless_they_have_somewhere_to_go() {
        assert_eq!(setting(&[]), Ok(None));
        assert_eq!(setting(&[(ENDPOINT, ""), (RATIO, " ")]), Ok(None));
        let endpoint = Endpoint::parse("http://127.0.0.1:4318").unwrap();
        let few = Setting { endpoint, ratio: Ratio::parse(DEFAULT_RATIO).unwrap() };
        let here = (ENDPOINT, "http://127.0.0.1:4318");
        assert_eq!(setting(&[here]), Ok(Some(few.clone())));
        let all = Setting { ratio: Ratio::ALL, ..few };
        assert_eq!(setting(&[here, (RATIO, "1")]), Ok(Some(all)));
    }

    #[test]
    fn what_is_half_set_or_wrong_is_named() {
        let here = (ENDPOINT, "http://127.0.0.1:4318");
        let cases: [(&[(&str, &str)], &str); 3] = [
            (&[(RATIO, "0.5")], "FIRSTCOME_TRACE_RATIO is \"0.5\", and nothing says where"),
            (
                &[here, (RATIO, "2")],
                "FIRSTCOME_TRACE_RATIO is \"2\"; it wants a number from 0 to 1",
            ),
            (&[(ENDPOINT, "localhost")], "FIRSTCOME_OTLP_ENDPOINT is \"localhost\"; it wants http"),
        ];
        for (pairs, said) in cases {
            let error = setting(pairs).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
