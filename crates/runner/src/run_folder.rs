//! The folder of a run: its name, the files in it, and who may write to it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use gradus_checkpoint::atomic_file;

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.csv";
const TENSORBOARD: &str = "tensorboard";
const CHECKPOINTS: &str = "checkpoints";
const LEARNING_CURVE: &str = "learning_curve.svg";
const SUMMARY: &str = "summary.json";
const POLICY: &str = "policy.safetensors";
const BEST_POLICY: &str = "best_policy.safetensors";
const LOCK: &str = ".lock";

/// Where everything lies in the folder of a run. Whoever only reads needs no more than this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPaths {
    folder: PathBuf,
}

impl RunPaths {
    /// The files of the run in `folder`, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The complete configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.join(CONFIG)
    }

    /// The table of metrics.
    pub fn metrics(&self) -> PathBuf {
        self.folder.join(METRICS)
    }

    /// The folder of event files.
    pub fn tensorboard(&self) -> PathBuf {
        self.folder.join(TENSORBOARD)
    }

    /// The folder of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.join(CHECKPOINTS)
    }

    /// The picture of the learning curve.
    pub fn learning_curve(&self) -> PathBuf {
        self.folder.join(LEARNING_CURVE)
    }

    /// The summary of a run that ended.
    pub fn summary(&self) -> PathBuf {
        self.folder.join(SUMMARY)
    }

    /// The policy, ready to be deployed.
    pub fn policy(&self) -> PathBuf {
        self.folder.join(POLICY)
    }

    /// The policy of the best evaluation during training.
    pub fn best_policy(&self) -> PathBuf {
        self.folder.join(BEST_POLICY)
    }

    /// Whether a process trains in the folder at this moment. Where locks cannot be read it is not known, and the
    /// answer is no.
    ///
    /// The look takes a shared lock for an instant.
    pub fn is_in_use(&self) -> bool {
        let Ok(file) = File::open(self.lock()) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    fn lock(&self) -> PathBuf {
        self.folder.join(LOCK)
    }
}

/// The folder of a run that this process, and no other, writes to.
///
/// The lock is the operating system's, on the file `.lock`: it ends with the process, however that ends.
#[derive(Debug)]
pub struct RunFolder {
    paths: RunPaths,
    /// Held for its lock.
    _lock: File,
}

/// Why the folder of a run cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFolderError {
    /// A new run would mix with what is there.
    #[error("the folder {} is not empty: choose another one with --out, go on with its run by \
             `gradus resume {}`, or remove it", folder.display(), shell_quoted(folder))]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The path is that of a file.
    #[error("{} is a file, and a run needs a folder: choose another place with --out", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// There is no run to go on with.
    #[error("there is no run in {}: {}", folder.display(),
            if folder.exists() { format!("it has no {CONFIG}") } else { "it does not exist".to_owned() })]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process trains in the folder.
    #[error("another process{} is training in {}: wait until it ends, or choose another folder with --out",
            owner.map(|pid| format!(" ({pid})")).unwrap_or_default(), folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The number of the process, if it can be read.
        owner: Option<u32>,
    },
    /// The system refused.
    #[error("cannot write to {}: {source}; choose another folder with --out", path.display())]
    Unwritable {
        /// What could not be created, opened or listed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RunFolder {
    /// Creates the folder of a new run, with the folders above it.
    ///
    /// # Errors
    /// [`RunFolderError::NotEmpty`], [`NotAFolder`](RunFolderError::NotAFolder),
    /// [`Locked`](RunFolderError::Locked), [`Unwritable`](RunFolderError::Unwritable). What is in the folder is
    /// never touched.
    pub fn create(folder: &Path) -> Result<Self, RunFolderError> {
        if folder.exists() && !folder.is_dir() {
            return Err(RunFolderError::NotAFolder { path: folder.to_owned() });
        }
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        refuse_content(folder)?;
        let created = Self::lock(folder)?;
        // Another process may have begun between the look and the lock.
        refuse_content(folder)?;
        Ok(created)
    }

    /// Opens the folder of a run to go on with.
    ///
    /// # Errors
    /// [`RunFolderError::NoRun`], [`Locked`](RunFolderError::Locked),
    /// [`Unwritable`](RunFolderError::Unwritable).
    pub fn open(folder: &Path) -> Result<Self, RunFolderError> {
        if !RunPaths::new(folder).config().is_file() {
            return Err(RunFolderError::NoRun { folder: folder.to_owned() });
        }
        Self::lock(folder)
    }

    fn lock(folder: &Path) -> Result<Self, RunFolderError> {
        let paths = RunPaths::new(folder);
        let path = paths.lock();
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(unwritable(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(RunFolderError::Locked { folder: folder.to_owned(), owner });
            }
            // Some network file systems have no locks; a run there goes without.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(unwritable(&path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(unwritable(&path))?;
        Ok(Self { paths, _lock: file })
    }
}

impl Deref for RunFolder {
    type Target = RunPaths;

    fn deref(&self) -> &RunPaths {
        &self.paths
    }
}

/// The folder for a run that was given none: `runs/<env>-<algo>-s<seed>-<time in UTC>` below `base`, with a
/// number appended if that exists. Characters that are not safe in a name become `-`.
pub fn default_folder(base: &Path, env: &str, algo: &str, seed: u64, now: SystemTime) -> PathBuf {
    let name = format!("{}-{}-s{seed}-{}", safe(env), safe(algo), utc(now));
    let runs = base.join("runs");
    let first = runs.join(&name);
    let later = (2_u32..).map(|number| runs.join(format!("{name}-{number}")));
    // Short of four thousand million runs in one second there is a free one.
    std::iter::once(first.clone()).chain(later).find(|path| !path.exists()).unwrap_or(first)
}

/// A path as it is typed into a shell.
pub(crate) fn shell_quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:=@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn safe(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || ['-', '_', '.'].contains(&c) { c } else { '-' };
    name.chars().map(safe).collect()
}

/// A time as 20260131T235959Z.
fn utc(time: SystemTime) -> String {
    // A clock before 1970 is wrong anyway.
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of a number of days after 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> (u64, usize, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// An attempt that failed at once leaves a lock file or half a file, which do not count.
fn refuse_content(folder: &Path) -> Result<(), RunFolderError> {
    for entry in fs::read_dir(folder).map_err(unwritable(folder))? {
        let name = entry.map_err(unwritable(folder))?.file_name();
        let is_ours = name == LOCK || atomic_file::is_partial(&name);
        if !is_ours {
            return Err(RunFolderError::NotEmpty { folder: folder.to_owned() });
        }
    }
    Ok(())
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> RunFolderError {
    let path = path.to_owned();
    move |source| RunFolderError::Unwritable { path, source }
}

#[cfg(test)]
#[path = "run_folder_tests.rs"]
mod tests;
