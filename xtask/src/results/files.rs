//! The files of an experiment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::Options;

/// The folder that page, tables and pictures go to.
pub(super) struct Files {
    out: PathBuf,
}

impl Files {
    /// Where the options say, and else in the results of the repository at `root`.
    pub(super) fn of(root: &Path, options: &Options) -> Self {
        Self { out: options.out.clone().unwrap_or_else(|| root.join("docs/results")) }
    }

    /// What the file `name` holds; nothing where there is none.
    pub(super) fn before(&self, name: &str) -> String {
        fs::read_to_string(self.out.join(name)).unwrap_or_default()
    }

    /// Writes the file `name`.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.out.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Says where the files are.
    pub(super) fn told(&self) -> ExitCode {
        println!("written to {}", self.out.display());
        ExitCode::SUCCESS
    }
}
