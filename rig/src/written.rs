//! Command lines that the pages of this repository print, so that tests can hold them against the
//! programs that they call: a page that names an option which is gone misleads whoever is in a hurry.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::stack::repository_root;

/// Pages, and folders of pages.
const PAGES: [&str; 3] = ["README.md", "docs", "ops/runbooks"];

/// A command as a page prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// Whether it is to be called within a container.
    pub inside: bool,
    /// What is to be called with, the program's name left out.
    pub words: Vec<String>,
}

/// Every command that calls `program`, such as `persister` or `./dev`: from lines that begin with `$`.
pub fn commands(program: &str) -> io::Result<Vec<Written>> {
    let mut found = Vec::new();
    for page in PAGES {
        for page in pages(&repository_root().join(page))? {
            let text = fs::read_to_string(&page)?;
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix("$ "));
            let of_page = lines.filter_map(|line| called(line, program));
            let written = |(words, inside)| Written { page: page.clone(), inside, words };
            found.extend(of_page.map(written));
        }
    }
    Ok(found)
}

/// The text of a page, by its path from the repository's root.
pub fn page(path: &str) -> io::Result<String> {
    fs::read_to_string(repository_root().join(path))
}

fn pages(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut pages = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    Ok(pages)
}

/// What a line calls a program with, and whether in a container; None: it calls another.
fn called(line: &str, program: &str) -> Option<(Vec<String>, bool)> {
    let mut words = words(line);
    let inside = words.starts_with(&["docker", "compose", "exec"].map(str::to_owned));
    // docker compose exec CONTAINER PROGRAM
    let at = if inside { 4 } else { 0 };
    (words.get(at)? == program).then(|| (words.split_off(at + 1), inside))
}

/// The words of a line as a shell takes them, up to a pipe, a redirection or a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            (None, '|' | '>' | '<') => break,
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_a_shell_does() {
        let line = "persister dlt discard 5/1 --why \"a test\" > out  # because";
        assert_eq!(words(line), ["persister", "dlt", "discard", "5/1", "--why", "a test"]);
        assert_eq!(
            words("./dev faults --kind help   # a line each"),
            ["./dev", "faults", "--kind", "help"]
        );
        assert_eq!(words("echo '' | persister"), ["echo", ""]);
    }

    #[test]
    fn a_program_is_called_by_itself_or_in_its_container() {
        let listed = |inside| Some((["event", "list"].map(str::to_owned).to_vec(), inside));
        assert_eq!(called("persister event list", "persister"), listed(false));
        let inside = "docker compose exec persister-1 persister event list";
        assert_eq!(called(inside, "persister"), listed(true));
        assert_eq!(called("curl persister", "persister"), None);
        assert_eq!(called("docker compose up", "persister"), None);
    }
}
