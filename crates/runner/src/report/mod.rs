//! One HTML page that shows runs side by side: what came of them, their curves, and their configurations.
//!
//! The page is whole in itself: no script, nothing to load, light or dark as the reader's system is. It is XHTML as
//! well, so that tools for XML read it too. The same runs give the same page, byte for byte.

mod error;
mod html;
mod labels;
mod page;
mod pictures;
mod run;
mod tables;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gradus_checkpoint::atomic_file;

use crate::run_folder::RunPaths;

pub use error::ReportError;
use run::Run;

/// What a report is known by, near its beginning.
const MARK: &str = "<meta name=\"generator\" content=\"gradus report ";

/// Runs to be shown on one page.
///
/// ```no_run
/// use gradus_runner::report::Report;
///
/// Report::read(&["runs/ppo", "runs/trpo"])?.write("report.html".as_ref())?;
/// # Ok::<(), gradus_runner::report::ReportError>(())
/// ```
#[derive(Debug)]
pub struct Report {
    runs: Vec<Run>,
}

impl Report {
    /// Reads the runs in `folders`, in that order. A folder that is none but holds runs stands for them, sorted by
    /// name; a run that is given twice counts once. Nothing is changed, and a run may be in progress.
    ///
    /// # Errors
    /// When there is no run in a folder, a run has no metrics yet, or one of its files cannot be read.
    pub fn read(folders: &[impl AsRef<Path>]) -> Result<Self, ReportError> {
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in folders {
            found.extend(runs_of(folder.as_ref())?);
        }
        let mut runs: Vec<Run> = Vec::new();
        for folder in found {
            let run = Run::read(&folder)?;
            if runs.iter().all(|other| other.location != run.location) {
                runs.push(run);
            }
        }
        if runs.is_empty() {
            return Err(ReportError::NoFolders);
        }
        let locations: Vec<&Path> = runs.iter().map(|run| run.location.as_path()).collect();
        let labels = labels::labels(&locations);
        for (run, label) in runs.iter_mut().zip(labels) {
            run.label = label;
        }
        Ok(Self { runs })
    }

    /// The names that the page calls the runs: those of their folders, with folders above where that is needed to
    /// tell them apart.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|run| run.label.as_str())
    }

    /// The page.
    pub fn render(&self) -> String {
        page::page(&self.runs)
    }

    /// Writes the page to a file, as a whole or not at all. An earlier report is replaced, any other file is not.
    ///
    /// # Errors
    /// [`ReportError::NotAReport`], [`ReportError::Write`]; what was at `path` is then still there.
    pub fn write(&self, path: &Path) -> Result<(), ReportError> {
        let failed = |source| ReportError::Write { path: path.to_owned(), source };
        if path.exists() && !is_report(path).map_err(failed)? {
            return Err(ReportError::NotAReport { path: path.to_owned() });
        }
        atomic_file::write(path, self.render().as_bytes()).map_err(failed)
    }
}

/// Whether a report may be lost in favour of a newer one: it begins as ours do.
fn is_report(path: &Path) -> std::io::Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    let mut beginning = Vec::new();
    File::open(path)?.take(1024).read_to_end(&mut beginning)?;
    Ok(String::from_utf8_lossy(&beginning).contains(MARK))
}

/// The folder itself if it has a run, otherwise the folders in it that have one.
fn runs_of(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let is_run = |folder: &Path| RunPaths::new(folder).config().is_file();
    if is_run(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = |source| ReportError::Read { path: folder.to_owned(), source };
    let mut runs = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if is_run(&path) {
                runs.push(path);
            }
        }
    }
    if runs.is_empty() {
        return Err(ReportError::NoRun { folder: folder.to_owned() });
    }
    runs.sort_by_cached_key(|path| labels::counting_key(path));
    Ok(runs)
}

#[cfg(test)]
mod tests;
