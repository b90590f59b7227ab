//! A run as it is found on disk.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table as Toml, Value};

use super::ReportError;
use crate::log::{MetricsError, Table};
use crate::run_folder::RunPaths;

/// A run with all that the page shows of it.
#[derive(Debug)]
pub(super) struct Run {
    /// The name on the page.
    pub(super) label: String,
    /// The folder as it was given.
    pub(super) folder: PathBuf,
    /// The folder by its one absolute path.
    pub(super) location: PathBuf,
    pub(super) config: Toml,
    pub(super) metrics: Table,
    /// What it came to, if that covers all its metrics.
    pub(super) summary: Option<Summary>,
    pub(super) state: State,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Finished,
    /// By Ctrl-C, everything saved.
    Stopped,
    InProgress,
    /// Ended without a summary, by a failure or a crash.
    BrokenOff,
}

/// The part of a run's `summary.json` that is shown; a file may lack what later versions write.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) total_steps: u64,
    pub(super) wall_seconds: f64,
    pub(super) steps_per_second: f64,
    pub(super) mean_return: Option<f64>,
    pub(super) eval_mean_return: Option<f64>,
    pub(super) eval_episodes: Option<u64>,
    pub(super) best_mean_return: Option<f64>,
    finished: bool,
}

impl Run {
    /// Reads the run in a folder that has a configuration.
    pub(super) fn read(folder: &Path) -> Result<Self, ReportError> {
        let paths = RunPaths::new(folder);
        let unreadable = |source| ReportError::Read { path: folder.to_owned(), source };
        let location = folder.canonicalize().map_err(unreadable)?;
        let config = read_config(&paths.config())?;
        let metrics = read_metrics(&paths)?;
        // The lock before the summary: a run that ends in between is then rather called in progress than broken off.
        let is_in_use = paths.is_in_use();
        let last = metrics.rows().last().and_then(|row| row[0]).unwrap_or(0.0);
        let summary =
            read_summary(&paths.summary())?.filter(|it| it.total_steps as f64 >= last && !is_in_use);
        let state = match &summary {
            _ if is_in_use => State::InProgress,
            Some(summary) if summary.finished => State::Finished,
            Some(_) => State::Stopped,
            None => State::BrokenOff,
        };
        let (label, folder) = (String::new(), folder.to_owned());
        Ok(Self { label, folder, location, config, metrics, summary, state })
    }

    /// A setting as it is shown; texts without quotes.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        self.config.get(key).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// A setting that is a number.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.config.get(key)? {
            Value::Float(x) => Some(*x),
            Value::Integer(x) => Some(*x as f64),
            _ => None,
        }
    }

    /// The environment; empty if the configuration has none.
    pub(super) fn env(&self) -> String {
        self.setting("env").unwrap_or_default()
    }

    /// Environment steps done, as far as they are logged.
    pub(super) fn steps(&self) -> u64 {
        // Steps are whole numbers far below 2^53.
        self.summary.as_ref().map_or_else(|| self.last("step").unwrap_or(0.0) as u64, |it| it.total_steps)
    }

    /// The last value of a metric.
    pub(super) fn last(&self, column: &str) -> Option<f64> {
        self.metrics.column(column)?.last().copied().flatten()
    }

    /// Whether a metric has anything to show.
    pub(super) fn shows(&self, column: &str) -> bool {
        self.metrics.points("step", column).iter().any(|(_, y)| y.is_finite())
    }
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Finished => "finished",
            State::Stopped => "stopped",
            State::InProgress => "in progress",
            State::BrokenOff => "broken off",
        }
    }
}

/// Read as a plain table: a run of another version, with other keys, is shown as well.
fn read_config(path: &Path) -> Result<Toml, ReportError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    text.parse().map_err(|error: toml::de::Error| ReportError::Damaged {
        path: path.to_owned(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

fn read_metrics(paths: &RunPaths) -> Result<Table, ReportError> {
    let folder = paths.folder().to_owned();
    match Table::read(&paths.metrics()) {
        Ok(table) if table.rows().is_empty() => Err(ReportError::NoMetrics { folder, is_there: true }),
        Ok(table) => Ok(table),
        Err(MetricsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(ReportError::NoMetrics { folder, is_there: false })
        }
        Err(source) => Err(ReportError::Metrics { folder, source }),
    }
}

fn read_summary(path: &Path) -> Result<Option<Summary>, ReportError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ReportError::Read { path: path.to_owned(), source }),
    };
    let damaged =
        |error: serde_json::Error| ReportError::Damaged { path: path.to_owned(), reason: error.to_string() };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}
