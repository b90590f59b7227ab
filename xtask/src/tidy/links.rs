//! Relative links in Markdown point at files that exist.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::repository::Repository;

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.ending(".md") {
        let directory = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        let mut in_code = false;
        for (number, line) in (1..).zip(file.text.lines()) {
            in_code ^= line.trim_start().starts_with("```");
            if in_code {
                continue;
            }
            for target in targets(line) {
                let path = target.split(['#', '?']).next().unwrap_or_default();
                let is_there = match path.strip_prefix('/') {
                    Some(_) => false,
                    None => {
                        path.is_empty()
                            || normal(&directory.join(path)).is_some_and(|x| repository.exists(&x))
                    }
                };
                if !is_there {
                    let message =
                        format!("the link to `{target}` leads nowhere; links are relative to the file");
                    findings.push(Finding::new(&file.path, number, message));
                }
            }
        }
    }
    findings
}

/// What the links of a line point at, `[text](target)` and `[label]: target`, without addresses of the web.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
    let definition = definition.and_then(|(_, rest)| rest.split_whitespace().next());
    let is_address = |target: &str| target.contains("://") || target.starts_with("mailto:");
    inline.chain(definition).filter(|target| !is_address(target)).collect()
}

/// The path without `.` and `..`; none if it leaves the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::Normal(name) => normal.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(normal)
}
