//! Why there is no report.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::log::MetricsError;
use crate::run_folder::shell_quoted;

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// No folder was given.
    #[error("a report needs the folder of at least one run")]
    NoFolders,
    /// A folder has no run.
    #[error("there is no run in {}: {}", folder.display(), what_is_missing(folder))]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// A run has not come to its first row of metrics.
    #[error("the run in {} has no metrics yet: its metrics.csv {}", folder.display(),
            if *is_there { "has no row" } else { "is not there" })]
    NoMetrics {
        /// The folder.
        folder: PathBuf,
        /// Whether there is a table at all.
        is_there: bool,
    },
    /// A run's table of metrics is damaged or cannot be read.
    #[error("the metrics of the run in {} cannot be read: {source}", folder.display())]
    Metrics {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        source: MetricsError,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of a run does not hold what it should.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else is where the page should go.
    #[error("{} is no report of gradus and is left as it is: choose another file with --out", path.display())]
    NotAReport {
        /// The file.
        path: PathBuf,
    },
    /// The page cannot be written.
    #[error("cannot write {}: {source}; choose another file with --out", path.display())]
    Write {
        /// The page.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn what_is_missing(folder: &Path) -> String {
    match folder.parent() {
        _ if !folder.exists() => "it does not exist".to_owned(),
        // Who names a file of a run means the run.
        Some(parent) if !folder.is_dir() => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            let hint = if parent.join("config.toml").is_file() {
                format!("; its folder is a run: gradus report {}", shell_quoted(parent))
            } else {
                String::new()
            };
            format!("it is a file{hint}")
        }
        _ => "it has no config.toml, nor has any folder in it".to_owned(),
    }
}
