//! Why a run on disk cannot begin or go on.

use std::path::{Path, PathBuf};

use gradus_checkpoint::FileError;
use thiserror::Error;

use crate::config::ConfigError;
use crate::log::MetricsError;
use crate::run_folder::{RunFolderError, shell_quoted};
use crate::trainer::TrainError;

/// Why a run on disk cannot begin or go on. What was saved before is untouched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// The settings do not fit the task, or it cannot be started.
    #[error(transparent)]
    Setup(TrainError),
    /// A checkpoint cannot be written or read.
    #[error("{error}{}", advice(.error, .folder))]
    Checkpoint {
        /// What is wrong with it.
        error: FileError,
        /// The folder of the run.
        folder: PathBuf,
    },
    /// A checkpoint is of another run, or of this one before its configuration was edited.
    #[error("{}: {error}; if {} was edited, put back what it said", checkpoint.display(), config.display())]
    Restore {
        /// What does not fit.
        error: Box<TrainError>,
        /// The checkpoint.
        checkpoint: PathBuf,
        /// The configuration of the run.
        config: PathBuf,
    },
    /// There is nothing left to train.
    #[error(
        "the run in {} has done {steps} steps, and {total} are asked for; to train it further, ask for more: \
         gradus resume {} --total-steps {}",
        folder.display(), shell_quoted(.folder), 2 * steps
    )]
    Finished {
        /// The folder of the run.
        folder: PathBuf,
        /// The steps done.
        steps: u64,
        /// The steps asked for.
        total: u64,
    },
    /// The log cannot be written or read.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Training failed before anything was saved.
    #[error("{0}\nno checkpoint was written yet")]
    Train(TrainError),
    /// Training failed, and can go on from where it was last saved.
    #[error(
        "{error}\nthe last checkpoint is {}; `gradus resume {}` goes on from it, and comes to the same end unless \
         its config.toml is changed",
        checkpoint.display(), shell_quoted(.folder)
    )]
    TrainSaved {
        /// What happened.
        error: Box<TrainError>,
        /// The last checkpoint.
        checkpoint: PathBuf,
        /// The folder of the run.
        folder: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What to do about a checkpoint that cannot be used.
fn advice(error: &FileError, folder: &Path) -> String {
    let run = shell_quoted(folder);
    match error {
        FileError::NewestDamaged { usable: Some(usable), .. } => {
            let usable = shell_quoted(usable);
            format!(
                "\nto go on from that one: gradus resume {run} --checkpoint {usable}\n\
                 to evaluate it: gradus eval {usable}"
            )
        }
        FileError::NoneInFolder { .. } => {
            let config = shell_quoted(&folder.join("config.toml"));
            format!("\nto begin anew: gradus train --config {config} --out NEW_FOLDER")
        }
        _ => String::new(),
    }
}
