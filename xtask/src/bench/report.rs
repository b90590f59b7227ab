//! The JSON file.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::estimates::Estimate;
use super::machine::Machine;

/// Everything that a figure needs to be read later.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) machine: &'a Machine,
    /// Whether times were short and samples few.
    pub(super) quick: bool,
    pub(super) filter: Option<&'a str>,
    pub(super) results: &'a [Estimate],
}

impl Report<'_> {
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("figures as JSON")?;
        text.push('\n');
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        }
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}
