//! Edge and persister with failpoints: built beside the programs of a release, from the same built
//! dependencies, and never in their place.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::stack::StackError;

/// Features that only these builds have.
pub const FEATURES: &str = "edge/failpoints,persister/failpoints";
/// Their folder within the target directory.
const FOLDER: &str = "failpoints";

/// A program with failpoints, `edge` or `persister`.
pub fn program(name: &str) -> Result<PathBuf, StackError> {
    let path = target_directory()?.join(FOLDER).join("release").join(name);
    if path.exists() {
        return Ok(path);
    }
    Err(StackError::Missing {
        program: path.display().to_string(),
        advice: "./dev faults and ./dev test build it",
    })
}

/// What cargo is to be told to build them. The intermediate files are shared with the other builds,
/// and the whole workspace is named, so that no dependency is built for other features.
pub fn cargo_arguments() -> Result<Vec<OsString>, StackError> {
    let target = target_directory()?;
    let words = ["build", "--release", "--workspace", "--bin", "edge", "--bin", "persister"];
    let mut arguments: Vec<OsString> = words.map(OsString::from).into();
    arguments.extend(["--features".into(), FEATURES.into()]);
    arguments.extend(["--target-dir".into(), target.join(FOLDER).into_os_string()]);
    let shared = format!("build.build-dir={:?}", target.display().to_string());
    arguments.extend(["--config".into(), shared.into()]);
    Ok(arguments)
}

/// Where this rig was built into.
fn target_directory() -> Result<PathBuf, StackError> {
    let rig = std::env::current_exe().map_err(StackError::io("where rig itself is"))?;
    // A test stands in release/deps.
    let release = rig.ancestors().find(|path| path.ends_with("release"));
    let target = release.and_then(|release| release.parent());
    target.map(PathBuf::from).ok_or_else(|| StackError::Missing {
        program: "the release profile".to_owned(),
        advice: "build rig with cargo build --release",
    })
}
