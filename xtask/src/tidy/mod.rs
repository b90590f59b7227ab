//! Checks what the compiler does not, and says for each finding where it is and what would be right.
//!
//! A rule is a function from the [`Repository`] to [`Finding`]s. Its own test is a small repository that breaks
//! it: a check that cannot fail is worth nothing.

mod architecture;
mod arrows;
mod exceptions;
mod links;
mod manifests;
mod repository;
mod sources;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use repository::Repository;

/// A breach of a rule, at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    file: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Prints what is to be tidied; fails if there is anything.
pub(crate) fn command(root: &Path) -> anyhow::Result<ExitCode> {
    let findings = check(root, &exceptions::OURS)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} to tidy", findings.len());
    Ok(ExitCode::FAILURE)
}

/// Applies every rule to the repository at `root`; findings come sorted by place.
fn check(root: &Path, exceptions: &exceptions::Exceptions) -> anyhow::Result<Vec<Finding>> {
    let repository = Repository::read(root)?;
    let mut findings = text::check(&repository);
    findings.extend(sources::check(&repository, exceptions));
    findings.extend(links::check(&repository));
    findings.extend(arrows::check(&repository));
    findings.sort();
    Ok(findings)
}
