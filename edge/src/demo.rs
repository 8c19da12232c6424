//! The demo page, and the client that it is made with: in the open mode alone.

use hyper::header::HeaderValue;

use crate::identity::Identity;

/// Whether the page is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demo {
    /// Whoever names a user is believed, so a page that asks for a name is of use.
    Shown,
    /// Users are somebody else's to know.
    Absent,
}

/// A file of the page, as it was when the edge was built.
#[derive(Debug)]
pub struct File {
    path: &'static str,
    /// Its media type.
    pub kind: HeaderValue,
    /// Its content.
    pub text: &'static str,
}

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const STYLE: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const IMAGE: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// By what follows `/demo` in the address. `client/` is compiled by npm and kept in the repository:
/// the edge is built without npm.
static FILES: [File; 16] = [
    file("", HTML, include_str!("../demo/index.html")),
    file("/style.css", STYLE, include_str!("../demo/style.css")),
    file("/icon.svg", IMAGE, include_str!("../demo/icon.svg")),
    file("/app.js", SCRIPT, include_str!("../demo/app.js")),
    file("/view.js", SCRIPT, include_str!("../demo/view.js")),
    file("/texts.js", SCRIPT, include_str!("../demo/texts.js")),
    file("/client/index.js", SCRIPT, include_str!("../../client/dist/index.js")),
    file("/client/client.js", SCRIPT, include_str!("../../client/dist/client.js")),
    file("/client/answer.js", SCRIPT, include_str!("../../client/dist/answer.js")),
    file("/client/members.js", SCRIPT, include_str!("../../client/dist/members.js")),
    file("/client/retry_after.js", SCRIPT, include_str!("../../client/dist/retry_after.js")),
    file("/client/pursue.js", SCRIPT, include_str!("../../client/dist/pursue.js")),
    file("/client/exchange.js", SCRIPT, include_str!("../../client/dist/exchange.js")),
    file("/client/plan.js", SCRIPT, include_str!("../../client/dist/plan.js")),
    file("/client/settle.js", SCRIPT, include_str!("../../client/dist/settle.js")),
    file("/client/wishes.js", SCRIPT, include_str!("../../client/dist/wishes.js")),
];

const fn file(path: &'static str, kind: HeaderValue, text: &'static str) -> File {
    File { path, kind, text }
}

impl Demo {
    /// What there is, by how users are known.
    pub fn of(identity: &Identity) -> Self {
        match identity {
            Identity::Open => Self::Shown,
            Identity::Header(_) | Identity::Jwt(_) => Self::Absent,
        }
    }

    /// The file at what follows `/demo`.
    pub fn find(self, path: &str) -> Option<&'static File> {
        match self {
            Self::Shown => FILES.iter().find(|file| file.path == path),
            Self::Absent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_file_asks_for_is_there() {
        let mut asked = 0;
        for file in &FILES {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            for text in file.text.split('"').skip(1).step_by(2) {
                let path = match (text.strip_prefix("/demo"), text.strip_prefix("./")) {
                    (Some(path), _) => path.to_owned(),
                    (None, Some(name)) => format!("{folder}/{name}"),
                    (None, None) => continue,
                };
                assert!(Demo::Shown.find(&path).is_some(), "{} asks for {path}", file.path);
                asked += 1;
            }
        }
        assert!(asked > FILES.len(), "only {asked} were found");
    }

    #[test]
    fn the_page_is_there_or_nothing_of_it() {
        assert!(Demo::Shown.find("").is_some());
        for path in ["", "/app.js", "/client/index.js"] {
            assert!(Demo::Absent.find(path).is_none(), "{path}");
        }
        for path in ["/", "/app.mjs", "app.js", "/client/"] {
            assert!(Demo::Shown.find(path).is_none(), "{path}");
        }
    }
}
