//! This repository is tidy; and for every rule, a small repository that breaks it.

mod arrows;
mod files;

use std::fs;

use super::exceptions::{Exceptions, OURS};

#[test]
fn this_repository_is_tidy() {
    let findings = super::check(crate::repository_root(), &OURS).expect("a readable repository");
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} to tidy:\n{}", list.len(), list.join("\n"));
}

const NO_EXCEPTIONS: Exceptions = Exceptions { may_be_unsafe: &[], may_be_long: &[] };

/// A tidy repository of two crates, `one` ← `two`.
const TIDY: [(&str, &str); 6] = [
    ("Cargo.toml", "[workspace]\nmembers = [\"crates/one\", \"crates/two\"]\n"),
    (
        "crates/one/Cargo.toml",
        "[package]\nname = \"gradus-one\"\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n",
    ),
    ("crates/one/src/lib.rs", "//! One.\n"),
    (
        "crates/two/Cargo.toml",
        "[package]\nname = \"gradus-two\"\n[lints]\nworkspace = true\n[dependencies]\ngradus-one = \"1\"\n\
         [dev-dependencies]\nrand = \"1\"\n",
    ),
    ("crates/two/src/lib.rs", "//! Two.\n"),
    ("docs/ARCHITECTURE.md", ARCHITECTURE),
];

const ARCHITECTURE: &str = "# Architecture

| crate | owns | may depend on | must not know |
|---|---|---|---|
| `crates/one` | things | `serde` | `gradus-two`, `rand` |
| `crates/two` | more | `gradus-one` | files |

## `crates/one`
## `crates/two`
";

/// Applies `changes` to the tidy repository and compares what is found, in order, with `expected`.
fn check_with(exceptions: &Exceptions, changes: &[(&str, &str)], expected: &[&str]) {
    let root = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in TIDY.iter().chain(changes) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a path in the directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    let findings = super::check(root.path(), exceptions).expect("a readable repository");
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

fn check(changes: &[(&str, &str)], expected: &[&str]) {
    check_with(&NO_EXCEPTIONS, changes, expected);
}

/// The table with one part replaced.
fn architecture_with(old: &str, new: &str) -> String {
    assert!(ARCHITECTURE.contains(old), "{old}");
    ARCHITECTURE.replacen(old, new, 1)
}

#[test]
fn a_tidy_repository_has_no_findings() {
    check(&[], &[]);
}
