//! Virtual environments with the peers, one for each file of requirements: what one library needs cannot keep another
//! from being installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::process::last_lines;

/// The requirements that an environment was filled with, beside what is installed.
const STAMP: &str = "installed-requirements.txt";

/// The Python of the environment below `folder` for a group, which is made and filled if it is not there, or if other
/// requirements were installed.
pub(super) fn python(scripts: &Path, folder: &Path, group: &str) -> anyhow::Result<PathBuf> {
    let file = scripts.join(format!("requirements-{group}.txt"));
    let wanted = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let environment = folder.join(group);
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = environment.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("installing {} into {}", packages(&wanted).join(" "), environment.display());
    let made = Command::new(system_python()).args(["-m", "venv", "--clear"]).arg(&environment).output();
    let made = made.with_context(|| format!("starting {}; install Python 3", system_python()))?;
    if !made.status.success() {
        // Python writes what to install to its standard output.
        let told = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
        bail!(
            "`{} -m venv` has failed; on Debian and Ubuntu it needs the package python3-venv: {}",
            system_python(),
            last_lines(&told)
        );
    }
    let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"];
    let installed = Command::new(&python).args(pip).arg(&file).output().context("starting pip")?;
    if !installed.status.success() {
        bail!("pip has failed: {}", last_lines(&String::from_utf8_lossy(&installed.stderr)));
    }
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))?;
    Ok(python)
}

/// What the environments are made with.
fn system_python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// The lines of a file of requirements that name a package.
pub(super) fn packages(requirements: &str) -> Vec<&str> {
    requirements.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}
