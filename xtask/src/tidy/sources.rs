//! Rules for Rust sources: their length, `unsafe`, and reasons of ignored tests.

use super::Finding;
use super::exceptions::{Excepted, Exceptions};
use super::repository::{File, Repository};
use super::text::has_word;

/// Files with more lines are to be split.
const MOST_LINES: usize = 600;

pub(super) fn check(repository: &Repository, exceptions: &Exceptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut long, mut with_unsafe) = (Vec::new(), Vec::new());
    for file in repository.ending(".rs") {
        let code = blank_comments_and_strings(&file.text);
        let n_lines = file.text.lines().count();
        if n_lines > MOST_LINES {
            long.push(file.path.as_str());
            if !is_excepted(exceptions.may_be_long, &file.path) {
                let message = format!("{n_lines} lines; split it, at most {MOST_LINES} are allowed");
                findings.push(Finding::new(&file.path, n_lines, message));
            }
        }
        let lines_with_unsafe: Vec<usize> =
            (1..).zip(code.lines()).filter(|(_, line)| has_word(line, "unsafe")).map(|(i, _)| i).collect();
        if let Some(&line) = lines_with_unsafe.first() {
            with_unsafe.push(file.path.as_str());
            if !is_excepted(exceptions.may_be_unsafe, &file.path) {
                let message = "`unsafe`; write it in safe Rust, or list the file with a reason in \
                               xtask/src/tidy/exceptions.rs";
                findings.push(Finding::new(&file.path, line, message));
            }
        }
        findings.extend(ignored_tests_without_reason(file, &code));
    }
    findings.extend(unused(exceptions.may_be_long, &long, "is not long"));
    findings.extend(unused(exceptions.may_be_unsafe, &with_unsafe, "has no `unsafe`"));
    findings
}

fn is_excepted(exceptions: Excepted, path: &str) -> bool {
    exceptions.iter().any(|(excepted, _)| *excepted == path)
}

/// Exceptions that nothing needs.
fn unused(exceptions: Excepted, needed: &[&str], state: &str) -> Vec<Finding> {
    let stale = exceptions.iter().filter(|(path, _)| !needed.contains(path));
    stale
        .map(|(path, _)| {
            let message = format!("{state}; take it out of xtask/src/tidy/exceptions.rs");
            Finding::new(path, 1, message)
        })
        .collect()
}

/// `ignore` as an attribute, or inside `cfg_attr`, with no reason behind it.
fn ignored_tests_without_reason(file: &File, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((number, line), original) in (1..).zip(code.lines()).zip(file.text.lines()) {
        let squeezed: String = line.split_whitespace().collect();
        let bare = squeezed.starts_with("#[ignore]")
            || (squeezed.starts_with("#[cfg_attr(") && squeezed.ends_with(",ignore)]"));
        let empty = squeezed.starts_with("#[ignore=") && original.contains("\"\"");
        if bare || empty {
            let message = "an ignored test without a reason; write #[ignore = \"why, and what runs it\"]";
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    findings
}

/// The source with everything inside comments, string and character literals turned into spaces, and every line
/// break where it was.
///
/// Literals end as in the language: at an unescaped quote, for raw strings at a quote and as many `#` as they
/// began with. A quote that begins no character literal is a lifetime's.
pub(super) fn blank_comments_and_strings(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after_name = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let hidden = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment_length(rest)
        } else if let Some(length) = raw_string_length(rest).filter(|_| !after_name) {
            length
        } else if first == '"' {
            quoted_length(rest, '"')
        } else if first == '\'' && is_character_literal(rest) {
            quoted_length(rest, '\'')
        } else {
            0
        };
        if hidden == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..hidden].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[hidden..];
        }
    }
    code
}

/// Length of the block comment at the start, with those nested in it.
fn block_comment_length(source: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    source.len()
}

/// Length of the raw string (`r"…"`, `br#"…"#`, `cr"…"`) at the start, if there is one.
fn raw_string_length(source: &str) -> Option<usize> {
    let body = source.strip_prefix(['b', 'c']).unwrap_or(source).strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let content = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = source.len() - content.len();
    Some(content.find(&end).map_or(source.len(), |at| start + at + end.len()))
}

/// Length of the literal at the start, up to the next unescaped `quote`.
fn quoted_length(source: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in source.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    source.len()
}

/// Whether the quote at the start begins a character and not a lifetime.
fn is_character_literal(source: &str) -> bool {
    let mut characters = source.chars().skip(1);
    matches!((characters.next(), characters.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}
