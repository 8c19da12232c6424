//! All that rig reads from the environment.

use std::env;
use std::path::PathBuf;

/// Directory of a running stack, for tests; `./dev test` sets it.
pub const STACK_VARIABLE: &str = "FIRSTCOME_STACK";

/// The directory that [`STACK_VARIABLE`] names, if it is set.
pub fn stack_directory() -> Option<PathBuf> {
    env::var_os(STACK_VARIABLE).map(PathBuf::from)
}

/// Where programs are looked for.
pub fn program_folders() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// Where downloads are kept between runs: `$XDG_CACHE_HOME/firstcome` or `~/.cache/firstcome`.
pub fn cache_directory() -> PathBuf {
    env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("firstcome")
}
