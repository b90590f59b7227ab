//! Rules for every text file: no tab, no white space at a line's end, no note of unfinished work.

use super::Finding;
use super::repository::Repository;

/// Words that say that something is left to be done. Put together here, so that this file holds none.
const UNFINISHED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &repository.files {
        for (number, line) in (1..).zip(file.text.split('\n')) {
            let mut found = |message: String| findings.push(Finding::new(&file.path, number, message));
            if line.contains('\t') {
                found("a tab; indent and align with spaces".to_owned());
            }
            if line.ends_with(char::is_whitespace) {
                found("white space at the end of the line; remove it".to_owned());
            }
            for word in UNFINISHED {
                if has_word(line, word) {
                    found(format!("{word}; do it now, or write an issue and drop the note"));
                }
            }
        }
    }
    findings
}

/// Whether `line` has `word` with no letter, digit or underscore next to it.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part))
}
