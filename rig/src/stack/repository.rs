//! Where the repository's files and the built programs are.

use std::path::{Path, PathBuf};

use super::error::StackError;

/// The checkout that this rig was built from.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// A file of the checkout, by its path from the root.
pub(super) fn file(path: &str) -> PathBuf {
    root().join(path)
}

/// A program of this workspace: it is built into the same directory as rig.
pub(super) fn program(name: &str) -> Result<PathBuf, StackError> {
    let rig = std::env::current_exe().map_err(StackError::io("where rig itself is"))?;
    let path = rig.with_file_name(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(StackError::Missing {
            program: path.display().to_string(),
            advice: "build it with cargo build --release",
        })
    }
}

/// A server that Debian keeps in /usr/sbin, which is not in everybody's PATH.
pub fn system_program(name: &str) -> PathBuf {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { path } else { PathBuf::from(name) }
}

/// Fills `${NAME}`s of a template, as envsubst does for the names that it is given.
pub(super) fn fill(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    })
}

/// Reads a template of the checkout, fills it and writes the result.
pub(super) fn render(
    template: &str,
    to: &Path,
    values: &[(&str, String)],
) -> Result<(), StackError> {
    let template = file(template);
    let text = std::fs::read_to_string(&template)
        .map_err(StackError::io(format!("read {}", template.display())))?;
    std::fs::write(to, fill(&text, values))
        .map_err(StackError::io(format!("write {}", to.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_given_names_are_filled() {
        let filled = fill("listen ${PORT}; $uri ${OTHER}", &[("PORT", "80".to_owned())]);
        assert_eq!(filled, "listen 80; $uri ${OTHER}");
    }
}
