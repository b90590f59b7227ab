//! The checkpoints of one run: numbered files of which the last few are kept.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::{Checkpoint, FileError, atomic_file};

const BEST: &str = "best.safetensors";
const SET_ASIDE_SUFFIX: &str = ".set-aside";

/// A folder with files `step_000000051200.safetensors`, named by the environment steps done, and possibly
/// `best.safetensors`.
#[derive(Clone, Debug)]
pub struct CheckpointFolder {
    folder: PathBuf,
    keep: NonZeroUsize,
}

/// A checkpoint that loaded, and the newer ones that did not.
#[derive(Debug)]
pub struct Found {
    /// The environment steps done when it was saved.
    pub step: u64,
    /// Its file.
    pub path: PathBuf,
    /// Its content.
    pub checkpoint: Checkpoint,
    /// Why each newer one was passed over, newest first; tell the user.
    pub passed_over: Vec<FileError>,
}

impl CheckpointFolder {
    /// The folder at `folder`, of which the last `keep` checkpoints are kept. Nothing is touched yet.
    pub fn new(folder: impl Into<PathBuf>, keep: NonZeroUsize) -> Self {
        Self { folder: folder.into(), keep }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The file of the checkpoint saved after `step` environment steps.
    pub fn path_of(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step_{step:012}.safetensors"))
    }

    /// The file of the best checkpoint; it may not exist.
    pub fn path_of_best(&self) -> PathBuf {
        self.folder.join(BEST)
    }

    /// Saves a checkpoint, creating the folder if need be, then removes all but the last few. The best one and
    /// any from later steps stay.
    ///
    /// # Errors
    /// [`FileError::Unwritable`]; nothing is removed before the new checkpoint is safely on the disk.
    pub fn save(&self, step: u64, checkpoint: &Checkpoint) -> Result<PathBuf, FileError> {
        let path = self.path_of(step);
        self.write(&path, checkpoint)?;
        let mut earlier = self.list()?;
        earlier.retain(|(other, _)| *other <= step);
        let surplus = earlier.len().saturating_sub(self.keep.get());
        for (_, old) in &earlier[..surplus] {
            fs::remove_file(old).map_err(unwritable(old))?;
        }
        Ok(path)
    }

    /// Saves a checkpoint as the best one so far.
    ///
    /// # Errors
    /// [`FileError::Unwritable`]; the best one before is then unchanged.
    pub fn save_best(&self, checkpoint: &Checkpoint) -> Result<PathBuf, FileError> {
        let path = self.path_of_best();
        self.write(&path, checkpoint)?;
        Ok(path)
    }

    /// The steps and files of the numbered checkpoints, oldest first; empty where there is no folder yet.
    ///
    /// # Errors
    /// [`FileError::Unreadable`].
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>, FileError> {
        let unreadable = |source: io::Error| FileError::Unreadable { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if let Some(step) = step_of(&path) {
                found.push((step, path));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The newest checkpoint, refusing to pass over a damaged one.
    ///
    /// # Errors
    /// [`FileError::NoneInFolder`]; [`FileError::NewestDamaged`], which says which earlier one
    /// still loads.
    pub fn newest(&self) -> Result<Found, FileError> {
        let mut found = self.latest()?;
        if found.passed_over.is_empty() {
            return Ok(found);
        }
        let source = Box::new(found.passed_over.swap_remove(0));
        Err(FileError::NewestDamaged { source, usable: Some(found.path) })
    }

    /// The newest checkpoint that loads, and what was wrong with the newer ones.
    ///
    /// # Errors
    /// [`FileError::NoneInFolder`]; [`FileError::NewestDamaged`] if none loads.
    pub fn latest(&self) -> Result<Found, FileError> {
        let mut passed_over = Vec::new();
        for (step, path) in self.list()?.into_iter().rev() {
            match Checkpoint::load(&path) {
                Ok(checkpoint) => return Ok(Found { step, path, checkpoint, passed_over }),
                Err(error) => passed_over.push(error),
            }
        }
        Err(match passed_over.into_iter().next() {
            Some(newest) => FileError::NewestDamaged { source: Box::new(newest), usable: None },
            None => FileError::NoneInFolder { folder: self.folder.clone() },
        })
    }

    /// Renames the checkpoints from after `step` by adding `.set-aside`, and clears what an interrupted write
    /// left behind. A run that goes on from an earlier checkpoint than its newest calls this, or the newest
    /// would still be the one from the future.
    ///
    /// # Errors
    /// [`FileError::Unreadable`], [`FileError::Unwritable`].
    pub fn set_aside_after(&self, step: u64) -> Result<Vec<PathBuf>, FileError> {
        let mut set_aside = Vec::new();
        for (_, path) in self.list()?.into_iter().filter(|(other, _)| *other > step) {
            let mut name = path.clone().into_os_string();
            name.push(SET_ASIDE_SUFFIX);
            fs::rename(&path, &name).map_err(unwritable(&path))?;
            set_aside.push(PathBuf::from(name));
        }
        self.remove_partial_files();
        Ok(set_aside)
    }

    fn write(&self, path: &Path, checkpoint: &Checkpoint) -> Result<(), FileError> {
        fs::create_dir_all(&self.folder).map_err(unwritable(&self.folder))?;
        checkpoint.save(path)
    }

    /// They are never read, so it does no harm if one cannot be removed.
    fn remove_partial_files(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if atomic_file::is_partial(&entry.file_name()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Unwritable { path, source }
}

/// The step in a file's name, if it is the name of a numbered checkpoint.
fn step_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_prefix("step_")?.strip_suffix(".safetensors")?;
    let all_digits = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        Checkpoint { metadata: step.into(), ..Checkpoint::default() }
    }

    fn folder_with(root: &Path, keep: usize, steps: &[u64]) -> CheckpointFolder {
        let keep = NonZeroUsize::new(keep).expect("at least one");
        let folder = CheckpointFolder::new(root.join("checkpoints"), keep);
        for &step in steps {
            folder.save(step, &checkpoint(step)).expect("writable");
        }
        folder
    }

    fn damage(path: &Path) {
        let mut bytes = fs::read(path).expect("readable");
        *bytes.last_mut().expect("not empty") ^= 1;
        fs::write(path, bytes).expect("writable");
    }

    fn steps(folder: &CheckpointFolder) -> Vec<u64> {
        folder.list().expect("listable").into_iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn the_last_few_and_the_best_are_kept() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = folder_with(root.path(), 2, &[512]);
        folder.save_best(&checkpoint(512)).expect("writable");
        for step in [1024, 2048, 51_200] {
            folder.save(step, &checkpoint(step)).expect("writable");
        }
        assert_eq!(steps(&folder), [2048, 51_200]);
        assert!(folder.path_of(51_200).ends_with("checkpoints/step_000000051200.safetensors"));
        assert_eq!(Checkpoint::load(&folder.path_of_best()).expect("intact").metadata, 512);
        let found = folder.newest().expect("intact");
        assert_eq!((found.step, found.checkpoint.metadata), (51_200, 51_200.into()));
    }

    #[test]
    fn a_damaged_newest_is_named_and_the_one_before_still_loads() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = folder_with(root.path(), 3, &[1, 2, 3]);
        damage(&folder.path_of(3));
        let message = folder.newest().expect_err("damaged").to_string();
        assert!(message.contains("step_000000000003.safetensors: the checkpoint is damaged"), "{message}");
        assert!(message.contains("step_000000000002.safetensors is earlier and still loads"), "{message}");
        let found = folder.latest().expect("an earlier one");
        assert_eq!((found.step, found.passed_over.len()), (2, 1));

        damage(&folder.path_of(2));
        damage(&folder.path_of(1));
        let none = folder.latest().expect_err("all damaged");
        assert!(matches!(none, FileError::NewestDamaged { usable: None, .. }));
    }

    #[test]
    fn an_empty_folder_has_no_newest() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = folder_with(root.path(), 1, &[]);
        assert!(matches!(folder.newest(), Err(FileError::NoneInFolder { .. })));
    }

    #[test]
    fn other_files_are_left_alone() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = folder_with(root.path(), 1, &[5]);
        for name in ["step_7.safetensors", "step_-00000000007.safetensors", "notes.txt"] {
            fs::write(folder.path().join(name), b"").expect("writable");
        }
        fs::write(folder.path().join(".step_000000000009.safetensors.partial"), b"half").expect("writable");
        assert_eq!(steps(&folder), [5]);
        folder.save(6, &checkpoint(6)).expect("writable");
        assert_eq!(fs::read_dir(folder.path()).expect("listable").count(), 5);
    }

    #[test]
    fn going_on_from_an_earlier_one_sets_later_ones_aside() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = folder_with(root.path(), 2, &[1, 2]);
        fs::write(folder.path().join(".step_000000000003.safetensors.partial"), b"half").expect("writable");
        assert_eq!(folder.set_aside_after(1).expect("renamed").len(), 1);
        assert_eq!(steps(&folder), [1]);
        assert_eq!(fs::read_dir(folder.path()).expect("listable").count(), 2);
    }

    #[test]
    fn a_new_checkpoint_is_never_removed_in_favour_of_later_ones() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = folder_with(root.path(), 1, &[8, 9]);
        folder.save(3, &checkpoint(3)).expect("writable");
        assert_eq!(steps(&folder), [3, 9]);
    }
}
