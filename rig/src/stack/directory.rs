//! The stack's directory: `<tmp>/firstcome-<uid>/<name>`, held by a lock while its rig lives.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::getuid;

use super::error::StackError;
use super::{leftovers, mounts};

/// Longest name of a stack: it is part of the paths of sockets.
const NAME_MAX: usize = 24;
/// A unix socket's path has 107 bytes; the longest below a stack's directory has 24.
const PATH_MAX: usize = 80;
/// Logs of this many failed runs are kept.
const FAILED_KEPT: usize = 5;

/// A stack's directory that belongs to this process alone.
#[derive(Debug)]
pub(super) struct StackDirectory {
    name: String,
    path: PathBuf,
    // Released by the kernel when rig dies, however it dies.
    _lock: File,
}

impl StackDirectory {
    /// Takes the name, after cleaning what earlier rigs that were killed have left.
    pub(super) fn claim(name: &str) -> Result<Self, StackError> {
        if !is_name(name) {
            return Err(StackError::BadName(name.to_owned()));
        }
        let base = base()?;
        let _guard = lock_base(&base)?;
        clean(&base);
        let path = base.join(name);
        if path.as_os_str().len() > PATH_MAX {
            return Err(StackError::PathTooLong(path));
        }
        if path.exists() && !is_held(&path) {
            fs::remove_dir_all(&path).map_err(making(&path))?;
        }
        fs::create_dir_all(path.join("logs")).map_err(making(&path))?;
        let lock = File::create(path.join("lock")).map_err(making(&path))?;
        if lock.try_lock().is_err() {
            return Err(StackError::NameTaken { name: name.to_owned() });
        }
        Ok(Self { name: name.to_owned(), path, _lock: lock })
    }

    /// The stack's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The log of a part.
    pub(super) fn log(&self, part: &str) -> PathBuf {
        self.path.join("logs").join(format!("{part}.log"))
    }

    /// Makes the directory in which a part runs.
    pub(super) fn make(&self, part: &str) -> Result<PathBuf, StackError> {
        let path = self.path.join(part);
        fs::create_dir_all(&path).map_err(making(&path))?;
        Ok(path)
    }

    /// Keeps the logs where the next runs leave them alone, and says where.
    pub(super) fn keep_logs(&self) -> Result<PathBuf, StackError> {
        let failed = base()?.join("failed");
        fs::create_dir_all(&failed).map_err(making(&failed))?;
        forget_oldest(&failed);
        let to = failed.join(format!("{}-{}", self.name, std::process::id()));
        let _ = fs::remove_dir_all(&to);
        fs::create_dir(&to).map_err(making(&to))?;
        let logs = self.path.join("logs");
        for entry in fs::read_dir(&logs).map_err(making(&logs))?.flatten() {
            fs::copy(entry.path(), to.join(entry.file_name())).map_err(making(&to))?;
        }
        Ok(to)
    }

    /// Removes it; its parts have ended.
    pub(super) fn remove(&self) -> Result<(), StackError> {
        let _guard = lock_base(&base()?)?;
        mounts::release(&self.path);
        fs::remove_dir_all(&self.path).map_err(making(&self.path))
    }
}

/// Directories of the stacks that run now, with their names.
pub fn running() -> Result<Vec<(String, PathBuf)>, StackError> {
    let base = base()?;
    let _guard = lock_base(&base)?;
    Ok(stacks(&base)
        .filter(|path| is_held(path))
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .collect())
}

/// Where the locks of port blocks are.
pub(super) fn ports_directory() -> Result<PathBuf, StackError> {
    Ok(base()?.join("ports"))
}

fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && !["ports", "failed"].contains(&name)
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn making(path: &Path) -> impl Fn(io::Error) -> StackError + use<> {
    let path = path.to_owned();
    move |source| StackError::Io { what: path.display().to_string(), source }
}

/// The directory of all stacks of this user. Others must be able neither to read nor to plant.
fn base() -> Result<PathBuf, StackError> {
    let uid = getuid().as_raw();
    let path = std::env::temp_dir().join(format!("firstcome-{uid}"));
    DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(making(&path))?;
    let owner = fs::symlink_metadata(&path).map_err(making(&path))?.uid();
    if owner == uid {
        Ok(path)
    } else {
        Err(making(&path)(io::Error::other("belongs to another user; remove it or set TMPDIR")))
    }
}

/// Claiming, cleaning and removing happen one after another.
fn lock_base(base: &Path) -> Result<File, StackError> {
    let file = File::create(base.join("lock")).map_err(making(base))?;
    file.lock().map_err(making(base))?;
    Ok(file)
}

fn stacks(base: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("lock").is_file())
}

fn is_held(stack: &Path) -> bool {
    File::open(stack.join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
}

/// Ends what rigs that were killed may have left running, and removes their directories.
fn clean(base: &Path) {
    for stack in stacks(base).filter(|path| !is_held(path)) {
        leftovers::end(&stack);
        mounts::release(&stack);
        if let Err(error) = fs::remove_dir_all(&stack) {
            // A stack of another name can do without; one of this name says what is in its way.
            eprintln!("{} stays: {error}", stack.display());
        }
    }
}

fn forget_oldest(failed: &Path) {
    let mut kept: Vec<_> = fs::read_dir(failed)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(FAILED_KEPT - 1);
    for (_, path) in kept.into_iter().take(surplus) {
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_in_a_path() {
        assert!(is_name("dev") && is_name("test-12345"));
        for bad in ["", "..", "a/b", "Dev", "ports", "failed", &"a".repeat(25)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
