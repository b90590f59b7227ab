//! Writing the table of metrics, `metrics.csv`.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::csv_table::{self, Table};

/// The name of the first column.
pub(super) const STEP: &str = "step";

/// A table of metrics that grows by a row at a time; every row is in the file when [`append`](Self::append)
/// returns.
///
/// The first row fixes the columns, of which the first is `step`. Numbers are decimal, with a point, and give
/// exactly the same `f64` when they are read; what is not finite is `NaN`, `inf` or `-inf`.
///
/// ```
/// use gradus_runner::log::{MetricsCsv, Table};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("metrics.csv");
/// let mut metrics = MetricsCsv::create(&path)?;
/// metrics.append(&[("step", 1024.0), ("mean_return", 21.5), ("kl_old_new", 0.01)])?;
/// metrics.append(&[("step", 2048.0), ("kl_old_new", 0.02)])?;
///
/// assert_eq!(std::fs::read_to_string(&path)?, "step,mean_return,kl_old_new\n1024,21.5,0.01\n2048,,0.02\n");
/// assert_eq!(Table::read(&path)?.points("step", "kl_old_new"), [(1024.0, 0.01), (2048.0, 0.02)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MetricsCsv {
    path: PathBuf,
    file: File,
    /// The length of the file up to the end of the last whole row.
    length: u64,
    /// Empty until the first row.
    columns: Vec<String>,
    last_step: f64,
}

/// Why a row could not be written or a table not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The system refused.
    #[error("cannot read or write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of that name is there already.
    #[error("{} exists already: metrics are appended to it when its run is resumed", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A row has a metric that the first row had not.
    #[error("the metric {column} is new: the columns of {} were fixed by its first row ({})",
            path.display(), columns.join(", "))]
    UnknownColumn {
        /// The metric.
        column: String,
        /// The columns there are.
        columns: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// A row has a metric twice.
    #[error("the metric {column} is given twice in one row")]
    Twice {
        /// The metric.
        column: String,
    },
    /// The name of a metric would break the table.
    #[error(
        "a metric cannot be called {column:?}: a name is not empty and has no comma, quote or line break"
    )]
    BadName {
        /// The name.
        column: String,
    },
    /// A row does not begin with the step.
    #[error("a row of metrics begins with `step`, not with {found:?}")]
    NoStep {
        /// The first name, if there is one.
        found: Option<String>,
    },
    /// The step of a row is not a number or before that of the row above.
    #[error("the row of step {step} cannot follow the one of step {last}")]
    StepOutOfOrder {
        /// The step of the row.
        step: f64,
        /// The step of the row above.
        last: f64,
    },
    /// The file is not a table of metrics.
    #[error("{}, line {line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl MetricsCsv {
    /// Begins a new table.
    ///
    /// # Errors
    /// [`MetricsError::Exists`] if there is one; [`MetricsError::Io`].
    pub fn create(path: &Path) -> Result<Self, MetricsError> {
        let file =
            OpenOptions::new().write(true).create_new(true).open(path).map_err(|source| {
                match source.kind() {
                    io::ErrorKind::AlreadyExists => MetricsError::Exists { path: path.to_owned() },
                    _ => MetricsError::Io { path: path.to_owned(), source },
                }
            })?;
        let (columns, last_step) = (Vec::new(), f64::NEG_INFINITY);
        Ok(Self { path: path.to_owned(), file, length: 0, columns, last_step })
    }

    /// Goes on with a table after `last_step`: later rows are removed, and a row that was being written when
    /// the run ended. Without a file, begins one.
    ///
    /// # Errors
    /// [`MetricsError::Malformed`] if the file is not a table of metrics, which is then unchanged;
    /// [`MetricsError::Io`].
    pub fn resume(path: &Path, last_step: u64) -> Result<Self, MetricsError> {
        let io_error = |source| MetricsError::Io { path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::create(path),
            Err(error) => return Err(io_error(error)),
        };
        let table = csv_table::parse(&text, path)?;
        let is_kept = |row: &&Vec<Option<f64>>| row[0].is_some_and(|step| step <= last_step as f64);
        let kept = table.rows().iter().take_while(is_kept).count();
        let lines = if table.columns().is_empty() { 0 } else { kept + 1 };
        let length = text.split_inclusive('\n').take(lines).map(str::len).sum::<usize>() as u64;
        let mut file = OpenOptions::new().write(true).open(path).map_err(io_error)?;
        file.set_len(length).map_err(io_error)?;
        file.seek(SeekFrom::End(0)).map_err(io_error)?;
        let last = table.rows()[..kept].last().and_then(|row| row[0]).unwrap_or(f64::NEG_INFINITY);
        let columns = table.columns().to_vec();
        Ok(Self { path: path.to_owned(), file, length, columns, last_step: last })
    }

    /// Appends a row: names and values, the step first. A metric of the first row that is not in this one
    /// leaves an empty cell.
    ///
    /// # Errors
    /// [`MetricsError`]; the file then has exactly the rows it had before.
    pub fn append(&mut self, row: &[(&str, f64)]) -> Result<(), MetricsError> {
        check(row, self.last_step)?;
        let mut text = String::new();
        if self.columns.is_empty() {
            let names: Vec<&str> = row.iter().map(|(name, _)| *name).collect();
            text = names.join(",") + "\n";
            text += &cells(row.iter().map(|(_, value)| Some(*value)));
        } else {
            if let Some((name, _)) = row.iter().find(|(name, _)| !self.columns.iter().any(|c| c == name)) {
                let (column, columns) = ((*name).to_owned(), self.columns.clone());
                return Err(MetricsError::UnknownColumn { column, columns, path: self.path.clone() });
            }
            let value_of =
                |column: &String| row.iter().find(|(name, _)| name == column).map(|(_, value)| *value);
            text += &cells(self.columns.iter().map(value_of));
        }
        self.write(text.as_bytes())?;
        if self.columns.is_empty() {
            self.columns = row.iter().map(|(name, _)| (*name).to_owned()).collect();
        }
        self.last_step = row[0].1;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), MetricsError> {
        if let Err(source) = self.file.write_all(bytes) {
            // Half a row must not stand before the next one; the error to report is the first.
            let _ =
                self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            return Err(MetricsError::Io { path: self.path.clone(), source });
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn check(row: &[(&str, f64)], last: f64) -> Result<(), MetricsError> {
    let (first, step) = match row.first() {
        Some((name, step)) => (Some(*name), *step),
        None => (None, f64::NAN),
    };
    if first != Some(STEP) {
        return Err(MetricsError::NoStep { found: first.map(str::to_owned) });
    }
    if !step.is_finite() || step < last {
        return Err(MetricsError::StepOutOfOrder { step, last });
    }
    for (index, (name, _)) in row.iter().enumerate() {
        if name.is_empty() || name.contains([',', '"', '\n', '\r']) {
            return Err(MetricsError::BadName { column: (*name).to_owned() });
        }
        if row[..index].iter().any(|(other, _)| other == name) {
            return Err(MetricsError::Twice { column: (*name).to_owned() });
        }
    }
    Ok(())
}

fn cells(values: impl Iterator<Item = Option<f64>>) -> String {
    let cells: Vec<String> = values.map(|value| value.map(number).unwrap_or_default()).collect();
    cells.join(",") + "\n"
}

/// The shortest decimal number that gives the same `f64` when it is read.
fn number(x: f64) -> String {
    // `Debug` turns to exponents where the digits would fill the line, `Display` writes 3.0 as 3.
    if x.abs() < 1e15 && x.fract().abs() <= 0.0 { format!("{x}") } else { format!("{x:?}") }
}

impl Table {
    /// Reads a table of metrics. A last row without its end, which another program may just be writing, is left
    /// out.
    ///
    /// # Errors
    /// [`MetricsError::Malformed`], [`MetricsError::Io`].
    pub fn read(path: &Path) -> Result<Self, MetricsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| MetricsError::Io { path: path.to_owned(), source })?;
        csv_table::parse(&text, path)
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
