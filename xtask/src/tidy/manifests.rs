//! The crates of the workspace and what they depend on, from their `Cargo.toml` files.

use toml::{Table, Value};

use super::Finding;
use super::repository::{File, Repository};

/// A crate of the workspace.
pub(super) struct Crate {
    /// Its directory from the root.
    pub(super) directory: String,
    /// The name of its package.
    pub(super) package: String,
    /// The path of its manifest.
    pub(super) manifest: String,
    pub(super) inherits_lints: bool,
    /// Normal and build dependencies, on any target; those for tests are free.
    pub(super) dependencies: Vec<Dependency>,
}

/// An arrow from a crate to a package.
pub(super) struct Dependency {
    pub(super) package: String,
    pub(super) line: usize,
    /// Whether a build without any feature named by the user has it.
    pub(super) is_in_default_build: bool,
}

/// The crates of the workspace, and what is wrong with the list of them.
pub(super) fn read(repository: &Repository) -> (Vec<Crate>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut crates = Vec::new();
    let mut tables = Vec::new();
    for file in repository.ending("Cargo.toml") {
        match file.text.parse::<Table>() {
            Ok(table) => tables.push((file, table)),
            Err(error) => {
                findings.push(Finding::new(&file.path, 1, format!("is no TOML: {}", error.message())))
            }
        }
    }
    let root = tables.iter().find(|(file, _)| file.path == "Cargo.toml");
    let workspace = root.and_then(|(_, table)| table.get("workspace")?.as_table());
    let members = workspace.and_then(|workspace| workspace.get("members")?.as_array());
    let members: Vec<&str> = members.into_iter().flatten().filter_map(Value::as_str).collect();
    for (file, table) in &tables {
        let Some(directory) = file.path.strip_suffix("/Cargo.toml") else { continue };
        if !members.contains(&directory) {
            let message =
                format!("`{directory}` is no member; add it to `members` in Cargo.toml, or remove it");
            findings.push(Finding::new(&file.path, 1, message));
        }
        crates.push(read_crate(directory, file, table, workspace));
    }
    (crates, findings)
}

fn read_crate(directory: &str, file: &File, table: &Table, workspace: Option<&Table>) -> Crate {
    let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
    let package = table.get("package").and_then(|package| package.get("name")?.as_str());
    let default_features = default_features(table);
    let targets = table.get("target").and_then(Value::as_table);
    let sections =
        std::iter::once(table).chain(targets.into_iter().flatten().filter_map(|(_, x)| x.as_table()));
    let mut dependencies = Vec::new();
    for section in sections {
        for kind in ["dependencies", "build-dependencies"] {
            for (key, value) in section.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let is_optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
                let enabled = |feature: &String| *feature == format!("dep:{key}") || feature == key;
                dependencies.push(Dependency {
                    package: package_of(key, value, workspace),
                    line: line_of(&file.text, key),
                    is_in_default_build: !is_optional || default_features.iter().any(enabled),
                });
            }
        }
    }
    Crate {
        directory: directory.to_owned(),
        package: package.unwrap_or(directory).to_owned(),
        manifest: file.path.clone(),
        inherits_lints: lints.and_then(Value::as_bool) == Some(true),
        dependencies,
    }
}

/// The package behind a dependency's key, which may be a name of its own.
fn package_of(key: &str, value: &Value, workspace: Option<&Table>) -> String {
    let inherited = workspace.and_then(|x| x.get("dependencies")?.get(key)?.get("package")?.as_str());
    let own = value.get("package").and_then(Value::as_str);
    own.or(inherited).unwrap_or(key).to_owned()
}

/// All features that the default ones switch on, with `dep:` entries; `name/feature` counts as `name`.
fn default_features(table: &Table) -> Vec<String> {
    let features = table.get("features").and_then(Value::as_table);
    let mut enabled = Vec::new();
    let mut pending = vec!["default".to_owned()];
    while let Some(name) = pending.pop() {
        let entries = features.and_then(|features| features.get(&name)?.as_array());
        for entry in entries.into_iter().flatten().filter_map(Value::as_str) {
            // `name?/feature` does not switch `name` on.
            let switched_on = match entry.split_once('/') {
                Some((name, _)) if name.ends_with('?') => continue,
                Some((name, _)) => name,
                None => entry,
            };
            if !enabled.iter().any(|x| x == switched_on) {
                enabled.push(switched_on.to_owned());
                pending.push(switched_on.to_owned());
            }
        }
    }
    enabled
}

/// The line on which a dependency begins: `key = …`, `key.workspace = …` or `[dependencies.key]`.
fn line_of(manifest: &str, key: &str) -> usize {
    let mut in_dependencies = false;
    for (number, line) in (1..).zip(manifest.lines()) {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            if section.ends_with(&format!("dependencies.{key}")) && !section.contains("dev-dependencies") {
                return number;
            }
        } else if in_dependencies
            && line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
        {
            return number;
        }
    }
    1
}
