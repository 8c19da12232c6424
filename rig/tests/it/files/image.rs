//! The Dockerfile: linted, and whether what it is given is enough to build from.

use std::fs;
use std::path::{Path, PathBuf};

use rig::stack::repository_root;

use super::{file, read, run, tool};

#[tokio::test]
async fn the_linter_has_nothing_to_say() {
    run(tool("hadolint").await, &["Dockerfile"]).await;
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_repository() {
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let from = format!("FROM rust:{}-", channel.trim_matches('"'));
    assert!(read("Dockerfile").contains(&from), "{from}");
}

#[test]
fn whatever_the_programs_are_built_from_gets_into_the_image() {
    let ignored = read(".dockerignore");
    let given: Vec<PathBuf> =
        ignored.lines().filter_map(|line| line.strip_prefix('!')).map(file).collect();
    let is_given = |path: &Path| given.iter().any(|given| path.starts_with(given));
    for given in &given {
        assert!(fs::exists(given).unwrap(), "{}", given.display());
    }

    let members = read("Cargo.toml");
    let members = members.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
    for member in members.trim_end_matches(']').split(", ") {
        assert!(is_given(&file(member.trim_matches('"'))), "{member} is a member of the workspace");
    }
    let mut included = 0;
    for source in ["contract/src", "links/src", "edge/src", "persister/src"] {
        for (source, path) in inclusions(&file(source)) {
            assert!(is_given(&path), "{} includes {}", source.display(), path.display());
            included += 1;
        }
    }
    assert!(included > 10, "scripts and migrations are part of the programs");
    let copied = read("Dockerfile");
    let copied = copied.lines().filter(|line| line.starts_with("COPY --chmod"));
    for line in copied {
        assert!(is_given(&file(line.split(' ').nth(2).unwrap())), "{line}");
    }
}

/// Every `include_str!` below a folder: the source that has it, and what it names.
fn inclusions(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(inclusions(&path));
            continue;
        }
        let text = read(&path);
        for rest in text.split("include_str!(\"").skip(1) {
            let named = path.parent().unwrap().join(rest.split('"').next().unwrap());
            let named = named.canonicalize().unwrap_or(named);
            let named =
                named.strip_prefix(repository_root().canonicalize().unwrap()).unwrap().to_owned();
            found.push((path.clone(), file(named.to_str().unwrap())));
        }
    }
    found
}
