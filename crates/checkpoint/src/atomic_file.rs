//! Replacing a file as a whole, so that a crash or a full disk never leaves half of one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the name of a file ends in while it is being written.
const PARTIAL_SUFFIX: &str = ".partial";

/// Replaces the file at `path` by `bytes`; see [`replace`].
///
/// # Errors
/// Whatever the file system refuses; the old file is then still there, unchanged.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, |file| file.write_all(bytes))
}

/// Replaces the file at `path` by what `fill` writes, completely or not at all.
///
/// The new content goes to a file beside it (`.NAME.partial`), is forced to the disk, and then takes the name
/// `path`; last the folder is forced to the disk, for the new name lives there. Whoever opens `path` at any
/// moment, also after a power cut, finds the old content or the new, never a mixture. Only one writer at a
/// time may replace the same file.
///
/// # Errors
/// Whatever `fill` returns or the file system refuses; the old file is then still there, unchanged, and the
/// partial one is removed.
pub fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let partial = partial_path(path)?;
    let written = write_synced(&partial, fill).and_then(|()| fs::rename(&partial, path));
    if let Err(error) = written {
        // The first error is the one to report; a partial file that stays behind is never read.
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    sync_folder_of(path)
}

/// Whether `name` is that of a file that [`replace`] was writing: half of one, where no writer is at work.
pub fn is_partial(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(PARTIAL_SUFFIX.as_bytes())
}

fn write_synced(partial: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::create(partial)?;
    fill(&mut file)?;
    file.sync_all()
}

fn partial_path(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file name"))?;
    let mut partial = OsString::from(".");
    partial.push(name);
    partial.push(PARTIAL_SUFFIX);
    Ok(path.with_file_name(partial))
}

/// Forces the folder that holds `path` to the disk, where the system has such an operation.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_takes_the_place_of_the_old() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.txt");
        write(&path, b"old").expect("first write");
        write(&path, b"new").expect("second write");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("listable").count(), 1);
    }

    #[test]
    fn a_write_that_fails_halfway_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.txt");
        write(&path, b"old").expect("first write");
        let failed = replace(&path, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::new(io::ErrorKind::StorageFull, "disk full"))
        });
        assert_eq!(failed.expect_err("refused").kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).expect("readable"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("listable").count(), 1);
    }

    #[test]
    fn partial_files_are_known_by_their_names() {
        let partial = partial_path(Path::new("folder/a.txt")).expect("it has a name");
        assert!(is_partial(partial.file_name().expect("it has a name")));
        for name in ["a.txt", "a.partial", ".a"] {
            assert!(!is_partial(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        assert!(write(Path::new("/"), b"").is_err());
    }
}
