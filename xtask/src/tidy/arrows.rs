//! The arrows between crates, held to the table in docs/ARCHITECTURE.md.

use super::Finding;
use super::architecture::{self, PATH, Row};
use super::manifests::{self, Crate};
use super::repository::Repository;

/// Foreign families of crates that one crate alone may depend on, here `burn` and all `burn-*`.
const RESERVED: [(&str, &str); 1] = [("burn", "gradus-policy-burn")];

/// Families that need more than a Rust toolchain, or minutes to build: behind features that are off by default.
const HEAVY: [&str; 6] = ["burn", "wgpu", "mujoco", "pyo3", "mpi", "gradus-policy-burn"];

/// The crate that is heavy by its nature, and optional for all others.
const HEAVY_ITSELF: &str = "gradus-policy-burn";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let (crates, mut findings) = manifests::read(repository);
    for one in &crates {
        findings.extend(check_manifest(one));
    }
    match architecture::read(repository) {
        Err(finding) => findings.push(finding),
        Ok(rows) => {
            findings.extend(check_rows(&rows, &crates));
            for one in &crates {
                findings.extend(check_crate(repository, one, &rows, &crates));
            }
        }
    }
    findings
}

/// What a crate's manifest must have, whatever the table says.
fn check_manifest(one: &Crate) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !one.inherits_lints {
        let message = "takes no lints from the workspace; add `[lints]` with `workspace = true`";
        findings.push(Finding::new(&one.manifest, 1, message));
    }
    for dependency in &one.dependencies {
        let mut found = |message| findings.push(Finding::new(&one.manifest, dependency.line, message));
        for (family, holder) in RESERVED {
            if is_of(&dependency.package, family) && one.package != holder {
                found(format!("depends on `{}`; only `{holder}` may", dependency.package));
            }
        }
        let is_heavy = HEAVY.iter().any(|family| is_of(&dependency.package, family));
        if is_heavy && dependency.is_in_default_build && one.package != HEAVY_ITSELF {
            let message =
                "is in the default build; make it optional, behind a feature that is off by default";
            found(format!("`{}` {message}", dependency.package));
        }
    }
    findings
}

/// Rows about crates that are not there, and names that the table cannot mean.
fn check_rows(rows: &[Row], crates: &[Crate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let mut found = |message| findings.push(Finding::new(PATH, row.line, message));
        if !crates.iter().any(|one| one.directory == row.directory) {
            found(format!("`{}` has no Cargo.toml; take the row out, or correct the name", row.directory));
        }
        if rows[..i].iter().any(|before| before.directory == row.directory) {
            found(format!("`{}` has a row already; keep one", row.directory));
        }
        for name in row.may_depend_on.iter().chain(&row.must_not_know) {
            if name.starts_with("crates/") {
                found(format!("`{name}` is a directory; name the package"));
            }
        }
        for name in row.may_depend_on.iter().filter(|name| row.must_not_know.contains(name)) {
            found(format!("`{name}` is both allowed and forbidden; decide"));
        }
    }
    findings
}

/// A crate against its row.
fn check_crate(repository: &Repository, one: &Crate, rows: &[Row], crates: &[Crate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(row) = rows.iter().find(|row| row.directory == one.directory) else {
        let message = format!("`{}` has no row in the table of {PATH}; add one", one.directory);
        return vec![Finding::new(&one.manifest, 1, message)];
    };
    if !architecture::has_section(repository, &one.directory) {
        let message = format!("`{0}` has no section; write one under a heading with `{0}`", one.directory);
        findings.push(Finding::new(PATH, row.line, message));
    }
    for dependency in &one.dependencies {
        let mut found = |message| findings.push(Finding::new(&one.manifest, dependency.line, message));
        if !row.may_depend_on.contains(&dependency.package) {
            found(format!(
                "`{}` depends on `{}`; remove it, or allow it in {PATH}:{} and say why there",
                one.package, dependency.package, row.line
            ));
        }
        for forbidden in &row.must_not_know {
            if let Some(way) = way_to(&dependency.package, forbidden, crates, &mut Vec::new()) {
                let message = format!("must not know `{forbidden}` ({PATH}:{})", row.line);
                found(format!("`{}` {message}, but reaches it: {}", one.package, way.join(" → ")));
            }
        }
    }
    findings
}

/// The arrows from a package to a forbidden one, itself included. A foreign package leads nowhere: what it depends
/// on is its own affair. `seen` holds the packages that were tried.
fn way_to(from: &str, forbidden: &str, crates: &[Crate], seen: &mut Vec<String>) -> Option<Vec<String>> {
    if is_of(from, forbidden) {
        return Some(vec![from.to_owned()]);
    }
    if seen.iter().any(|x| x == from) {
        return None;
    }
    seen.push(from.to_owned());
    let own = crates.iter().find(|one| one.package == from)?;
    let is_ours = |package: &str| crates.iter().any(|one| one.package == package);
    // Foreign packages that another of our crates uses stay behind its interface.
    let next = own.dependencies.iter().map(|x| x.package.as_str()).filter(|package| is_ours(package));
    let rest = next.into_iter().find_map(|package| way_to(package, forbidden, crates, seen))?;
    Some(std::iter::once(from.to_owned()).chain(rest).collect())
}

/// Whether a package is `family` or one of its parts, `family-…`. Our own packages are no families.
fn is_of(package: &str, family: &str) -> bool {
    let part = package.strip_prefix(family);
    part.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && !family.starts_with("gradus")))
}
