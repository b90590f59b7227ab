//! Reading a table of metrics.

use std::path::Path;

use super::csv::{MetricsError, STEP};

/// The content of a `metrics.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<f64>>>,
}

impl Table {
    /// The names of the columns, `step` first; none if the file has no row yet.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, each as long as there are columns; a metric without a value is `None`, and the step is always
    /// there.
    pub fn rows(&self) -> &[Vec<Option<f64>>] {
        &self.rows
    }

    /// The values of a column, if there is such a column.
    pub fn column(&self, name: &str) -> Option<Vec<Option<f64>>> {
        let index = self.columns.iter().position(|column| column == name)?;
        Some(self.rows.iter().map(|row| row[index]).collect())
    }

    /// The pairs of two columns' values in the rows that have both; none if there is no such column.
    pub fn points(&self, x: &str, y: &str) -> Vec<(f64, f64)> {
        let (Some(x), Some(y)) = (self.column(x), self.column(y)) else {
            return Vec::new();
        };
        x.into_iter().zip(y).filter_map(|(x, y)| x.zip(y)).collect()
    }
}

/// Reads the text of the file at `path`, which is for the messages.
pub(super) fn parse(text: &str, path: &Path) -> Result<Table, MetricsError> {
    let malformed =
        |line: usize, reason: String| MetricsError::Malformed { path: path.to_owned(), line, reason };
    // What follows the last line break is a row that was not finished.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    if whole.is_empty() {
        return Ok(Table { columns: Vec::new(), rows: Vec::new() });
    }
    let mut lines = whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let columns: Vec<String> = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    if columns[0] != STEP {
        return Err(malformed(1, format!("the first column is {:?} and should be {STEP}", columns[0])));
    }
    let mut rows = Vec::new();
    for (index, line) in lines.enumerate() {
        let row = parse_row(line, columns.len()).map_err(|reason| malformed(index + 2, reason))?;
        rows.push(row);
    }
    Ok(Table { columns, rows })
}

fn parse_row(line: &str, columns: usize) -> Result<Vec<Option<f64>>, String> {
    let row: Vec<Option<f64>> = line
        .split(',')
        .map(|cell| match cell {
            "" => Ok(None),
            _ => cell.parse().map(Some).map_err(|_| format!("{cell:?} is not a number")),
        })
        .collect::<Result<_, _>>()?;
    if row.len() != columns {
        return Err(format!("there are {} cells and should be {columns}", row.len()));
    }
    if row[0].is_none() { Err("there is no step".to_owned()) } else { Ok(row) }
}
