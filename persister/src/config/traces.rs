//! Where spans of the records of traced claims go.

use contract::settings::{BadSetting, Settings};
use links::trace::{Endpoint, Ratio, Setting};

const ENDPOINT: &str = "FIRSTCOME_OTLP_ENDPOINT";
const WANTS_ENDPOINT: &str = "http://host:port of a collector that takes OTLP over HTTP, such as \
    http://127.0.0.1:4318";

/// What the environment says of traces; empty says nothing, since compose cannot leave one out. Of how
/// many claims there are some is the edges' choice: a record that names a span is gone on with.
pub(super) fn read(env: &Settings<'_>) -> Result<Option<Setting>, BadSetting> {
    if env.said(ENDPOINT).is_none() {
        return Ok(None);
    }
    let endpoint = env.required(ENDPOINT, WANTS_ENDPOINT, Endpoint::parse)?;
    Ok(Some(Setting { endpoint, ratio: Ratio::ALL }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_traced_unless_it_has_somewhere_to_go() {
        let read = |said: Option<&str>| read(&Settings(&|_| said.map(str::to_owned)));
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(Some(" ")), Ok(None));
        let endpoint = Endpoint::parse("http://127.0.0.1:4318").unwrap();
        let here = Setting { endpoint, ratio: Ratio::ALL };
        assert_eq!(read(Some("http://127.0.0.1:4318")), Ok(Some(here)));
        let error = read(Some("https://collector:4318")).unwrap_err().to_string();
        let said =
            "FIRSTCOME_OTLP_ENDPOINT is \"https://collector:4318\"; it wants http://host:port";
        assert!(error.starts_with(said), "{error}");
    }
}
