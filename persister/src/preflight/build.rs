//! Whether another program and this one understand each other.

use super::line::Line;

/// A program's build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Build<'a> {
    pub(super) version: &'a str,
    /// The formats that it reads and writes, as `contract::formats` says them.
    pub(super) formats: &'a str,
}

impl Build<'_> {
    /// What there is to say of a program of this build by one of ours.
    pub(super) fn judge(self, check: &'static str, name: &str, ours: Build<'_>) -> Line {
        let Self { version, formats } = self;
        if formats.is_empty() {
            let says = "its build is too old to say what it understands: deploy this one";
            return Line::warning(check, name, says);
        }
        if formats != ours.formats {
            let says = format!(
                "it understands {formats}, this build {}: deploy the same everywhere",
                ours.formats
            );
            return Line::to_do(check, name, says);
        }
        if version != ours.version {
            let says =
                format!("version {version}, this build is {}; formats are the same", ours.version);
            return Line::warning(check, name, says);
        }
        Line::ok(check, name, format_args!("version {version}, {formats}"))
    }
}
