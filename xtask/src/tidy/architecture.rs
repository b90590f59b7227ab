//! The table of crates in docs/ARCHITECTURE.md, read as data.

use super::Finding;
use super::repository::Repository;

/// Where the table lies.
pub(super) const PATH: &str = "docs/ARCHITECTURE.md";

const COLUMNS: [&str; 4] = ["crate", "owns", "may depend on", "must not know"];

/// A row of the table.
pub(super) struct Row {
    /// The crate's directory, such as `crates/envs`.
    pub(super) directory: String,
    /// The packages, our own and foreign ones, that it may depend on.
    pub(super) may_depend_on: Vec<String>,
    /// The packages that it must not reach: foreign ones directly, our own over any number of arrows.
    pub(super) must_not_know: Vec<String>,
    pub(super) line: usize,
}

/// The table, and whether each of its crates has a section.
pub(super) fn read(repository: &Repository) -> Result<Vec<Row>, Finding> {
    let file = repository.file(PATH).ok_or_else(|| Finding::new(PATH, 1, "is missing; write it"))?;
    let lines = || (1..).zip(file.text.lines());
    let is_header = |line: &str| cells(line).iter().map(|cell| cell.as_str()).eq(COLUMNS);
    let Some((header, _)) = lines().find(|(_, line)| is_header(line)) else {
        let message = format!("has no table of crates; write one with the columns {}", COLUMNS.join(" | "));
        return Err(Finding::new(PATH, 1, message));
    };
    let rows = lines().skip(header + 1).take_while(|(_, line)| line.starts_with('|'));
    rows.map(|(line, text)| row(line, text)).collect()
}

/// Whether a heading names the directory in backticks.
pub(super) fn has_section(repository: &Repository, directory: &str) -> bool {
    let name = format!("`{directory}`");
    let file = repository.file(PATH);
    file.is_some_and(|file| file.text.lines().any(|line| line.starts_with('#') && line.contains(&name)))
}

fn row(line: usize, text: &str) -> Result<Row, Finding> {
    let cells = cells(text);
    let [name, _, may_depend_on, must_not_know] = cells.as_slice() else {
        let message = format!("a row of {} cells; the table has {}", cells.len(), COLUMNS.len());
        return Err(Finding::new(PATH, line, message));
    };
    let names = in_backticks(name);
    let [directory] = names.as_slice() else {
        let message = "the first cell names one directory in backticks, such as `crates/envs`";
        return Err(Finding::new(PATH, line, message));
    };
    Ok(Row {
        directory: directory.clone(),
        may_depend_on: in_backticks(may_depend_on),
        must_not_know: in_backticks(must_not_know),
        line,
    })
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    inner.map_or(Vec::new(), |inner| inner.split('|').map(|cell| cell.trim().to_owned()).collect())
}

fn in_backticks(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
