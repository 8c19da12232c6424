//! A disk of its own, a small one, under one part's directory: it can be filled, and it can stall.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::command::output;
use super::error::FaultError;
use super::scene::Scene;
use crate::stack::{Action, system_program};

const MIB: u64 = 1024 * 1024;
/// What a part has may be there twice for a while: a replica writes a whole copy beside its own.
const COPIES: u64 = 2;
/// What a file's blocks are counted in, whatever the disk's own are.
const BLOCK_BYTES: u64 = 512;
/// What fills a disk, within the part's directory.
const FILLER: &str = "filler";
/// Written at once while a disk is filled; then less and less, to the last byte.
const FILL_BYTES: usize = 1024 * 1024;

/// An ext4 image that is mounted over a part's directory, from [`SmallDisk::under`] to
/// [`SmallDisk::end`]. Where a round fails between them, the stack's end unmounts it.
#[derive(Debug)]
pub(super) struct SmallDisk {
    part: String,
    home: PathBuf,
    /// The directory as it was, and as it will be again.
    aside: PathBuf,
    image: PathBuf,
}

impl SmallDisk {
    /// Stops a part, moves what it has to a disk with room for so many MiB besides, and starts it
    /// there.
    pub(super) async fn under(
        scene: &mut Scene,
        part: &str,
        room_mib: u64,
    ) -> Result<Self, FaultError> {
        let stack = scene.stack.status().directory.clone();
        let disk = Self {
            part: part.to_owned(),
            home: stack.join(part),
            aside: stack.join(format!("{part}-aside")),
            image: stack.join(format!("{part}-disk")),
        };
        scene.quietly(part, Action::Stop).await?;
        // A stack that has played many rounds holds more than one that has just begun.
        let held = held_bytes(&disk.home).map_err(FaultError::io(part))?;
        let bytes = COPIES * held + room_mib * MIB;
        let made = File::create(&disk.image).and_then(|image| image.set_len(bytes));
        made.map_err(FaultError::io(disk.image.display().to_string()))?;
        run("mkfs.ext4", &["-q", "-F", "-m", "0"], &[&disk.image]).await?;
        let moved = fs::rename(&disk.home, &disk.aside).and_then(|()| fs::create_dir(&disk.home));
        moved.map_err(FaultError::io(disk.home.display().to_string()))?;
        run("mount", &["-o", "loop"], &[&disk.image, &disk.home]).await?;
        copy(&disk.aside, &disk.home).await?;
        scene.quietly(part, Action::Start).await?;
        scene.ready(part).await?;
        Ok(disk)
    }

    /// Fills it to the last byte.
    pub(super) async fn fill(&self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.strikes(format!("the disk of {} is full", self.part));
        let filler = self.home.join(FILLER);
        let filled = tokio::task::spawn_blocking(move || fill(&filler)).await;
        let filled = filled.unwrap_or_else(|error| Err(error.into()));
        filled.map_err(FaultError::io("fill a disk"))
    }

    /// There is room again.
    pub(super) fn clear(&self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.strikes(format!("the disk of {} has room", self.part));
        fs::remove_file(self.home.join(FILLER)).map_err(FaultError::io("clear a disk"))
    }

    /// From now on whoever writes or syncs waits.
    pub(super) async fn stall(&self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.strikes(format!("the disk of {} stalls", self.part));
        run("fsfreeze", &["--freeze"], &[&self.home]).await
    }

    /// The disk goes on.
    pub(super) async fn go_on(&self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.strikes(format!("the disk of {} goes on", self.part));
        run("fsfreeze", &["--unfreeze"], &[&self.home]).await
    }

    /// Stops the part once more and gives it its usual disk, with all that it has written.
    pub(super) async fn end(self, scene: &mut Scene) -> Result<(), FaultError> {
        scene.quietly(&self.part, Action::Stop).await?;
        let failed = || FaultError::io(self.aside.display().to_string());
        fs::remove_dir_all(&self.aside)
            .and_then(|()| fs::create_dir(&self.aside))
            .map_err(failed())?;
        copy(&self.home, &self.aside).await?;
        run("umount", &[], &[&self.home]).await?;
        let moved = fs::remove_dir(&self.home).and_then(|()| fs::rename(&self.aside, &self.home));
        moved.map_err(failed())?;
        fs::remove_file(&self.image).map_err(failed())?;
        scene.quietly(&self.part, Action::Start).await?;
        scene.ready(&self.part).await
    }
}

/// What the files below a directory take of a disk; holes take nothing.
fn held_bytes(directory: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() {
            held_bytes(&entry.path())?
        } else {
            metadata.blocks() * BLOCK_BYTES
        };
    }
    Ok(sum)
}

/// All within a directory, with owners and holes.
async fn copy(from: &Path, to: &Path) -> Result<(), FaultError> {
    run("cp", &["--archive"], &[&from.join("."), to]).await
}

async fn run(program: &str, options: &[&str], paths: &[&Path]) -> Result<(), FaultError> {
    let mut command = Command::new(system_program(program));
    command.args(options).args(paths);
    output(command, program).await?;
    Ok(())
}

fn fill(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let zeros = vec![0; FILL_BYTES];
    let mut next = FILL_BYTES;
    while next > 0 {
        match file.write(&zeros[..next]).and_then(|_| file.sync_data()) {
            Ok(()) => {}
            Err(full) if full.kind() == io::ErrorKind::StorageFull => next /= 2,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_hold_is_counted_at_any_depth_and_holes_are_not() {
        let directory = std::env::temp_dir().join(format!("rig-held-{}", std::process::id()));
        let below = directory.join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(directory.join("one"), vec![1; 3 * FILL_BYTES]).unwrap();
        fs::write(below.join("two"), vec![1; 2 * FILL_BYTES]).unwrap();
        File::create(below.join("hole")).unwrap().set_len(64 * MIB).unwrap();
        // Blocks are given when they are written out.
        for file in [directory.join("one"), below.join("two")] {
            File::open(file).unwrap().sync_all().unwrap();
        }
        let held = held_bytes(&directory).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        assert!((5 * MIB..6 * MIB).contains(&held), "{held}");
    }
}
