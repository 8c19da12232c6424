//! What the pages of the repository tell operators to type is what the command line takes.

use clap::Parser;
use persister::cli::Cli;
use rig::written::commands;

#[test]
fn every_line_that_a_page_prints_is_one_of_ours() {
    let written = commands("persister").unwrap();
    assert!(written.len() > 30, "{written:?}");
    for line in written {
        let words = std::iter::once("persister").chain(line.words.iter().map(String::as_str));
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{}: {:?}: {error}", line.page.display(), line.words);
        }
    }
}
