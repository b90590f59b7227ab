//! The text files of a repository, in memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Directories that are never part of the repository.
const SKIPPED: [&str; 2] = [".git", "target"];

/// A text file.
pub(super) struct File {
    /// Path from the root, with `/` between the parts.
    pub(super) path: String,
    pub(super) text: String,
}

/// All text files below a root, sorted by path, without what `.gitignore` at the root names.
pub(super) struct Repository {
    root: PathBuf,
    pub(super) files: Vec<File>,
}

impl Repository {
    /// Reads the files below `root`; files that are not UTF-8 are left out.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let ignored = ignored_names(root);
        let mut files = Vec::new();
        let mut pending = vec![root.to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in
                fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))?
            {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let name = entry.file_name().to_string_lossy().into_owned();
                let relative = relative_path(root, &path);
                if SKIPPED.contains(&name.as_str()) || ignored.iter().any(|x| x.matches(&relative, &name)) {
                    continue;
                }
                if kind.is_dir() {
                    pending.push(path);
                } else if kind.is_file() {
                    let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                    if let Ok(text) = String::from_utf8(bytes) {
                        files.push(File { path: relative, text });
                    }
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { root: root.to_owned(), files })
    }

    /// The file at a path, if there is one.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Files whose name ends so.
    pub(super) fn ending(&self, suffix: &'static str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.path.ends_with(suffix))
    }

    /// Whether a path from the root exists on disk, text or not, file or directory.
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.root.join(path).exists()
    }
}

/// A line of `.gitignore`: a name, at the root only or anywhere, possibly a suffix behind a star.
struct Ignored {
    at_root: bool,
    pattern: String,
}

impl Ignored {
    fn matches(&self, relative: &str, name: &str) -> bool {
        let candidate = if self.at_root { relative } else { name };
        match self.pattern.strip_prefix('*') {
            Some(suffix) => candidate.ends_with(suffix),
            None => candidate == self.pattern,
        }
    }
}

fn ignored_names(root: &Path) -> Vec<Ignored> {
    let text = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let pattern = line.trim_end_matches('/');
            Ignored { at_root: pattern.contains('/'), pattern: pattern.trim_start_matches('/').to_owned() }
        })
        .collect()
}

fn relative_path(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
