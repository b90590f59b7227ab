//! Runs the benchmarks and tells their figures in one short table and a JSON file.

mod devices;
mod estimates;
mod growth;
mod machine;
mod peers;
mod report;
mod table;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use estimates::Estimate;
pub(crate) use machine::Machine;
use report::Report;

/// The package that holds the benchmarks.
const PACKAGE: &str = "gradus-benches";

/// What criterion is told for a quick look: a tenth of a second to warm up, three to measure.
const QUICK: [&str; 6] = ["--warm-up-time", "0.1", "--measurement-time", "0.3", "--sample-size", "10"];

/// A load from which on something else surely takes time from what is measured.
const BUSY_LOAD: f64 = 0.5;

/// Which benchmarks are run, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure each for 0.3 s with 10 samples: all in less than a minute, with wider intervals. Of the peers' workloads, do
    /// a tenth.
    #[arg(long)]
    quick: bool,
    /// Run only those whose name contains this (a regular expression, with --peers as it is), such as `kernels/vjp`,
    /// `train` or `ppo CartPole`.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Where the figures go, with facts about the machine [default: bench.json in the target directory].
    #[arg(long, value_name = "FILE", conflicts_with = "peers")]
    json: Option<PathBuf>,
    /// The devices of Burn's that minibatches are measured on beside the fused kernels. flex and ndarray add minutes to
    /// the first build, wgpu more than ten; `cpu` goes without any.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "flex,ndarray")]
    devices: Vec<DeviceName>,
    /// Where a page goes: of devices (`--filter devices`), such as docs/results/devices.md, or of growth (`--filter
    /// growth`), with its pictures in a folder beside it.
    #[arg(long, value_name = "FILE", conflicts_with = "peers")]
    page: Option<PathBuf>,
    /// Run whole workloads in turn with other libraries instead, which are installed for it.
    #[arg(long)]
    peers: bool,
    /// With --peers: runs of each library on each workload.
    #[arg(long, value_name = "N", default_value = "5", requires = "peers")]
    repeats: NonZeroUsize,
    /// With --peers: where figures, page and pictures go [default: docs/results; of a part or a quick look, peers/results
    /// in the target directory].
    #[arg(long, value_name = "DIR", requires = "peers")]
    out: Option<PathBuf>,
}

impl Options {
    /// The command that compares with peers, as it is told to readers: where the files go is no part of it.
    fn as_typed(&self) -> String {
        let mut text = format!("cargo xtask bench --peers --repeats {}", self.repeats);
        if let Some(filter) = &self.filter {
            text += &format!(" --filter '{filter}'");
        }
        text + if self.quick { " --quick" } else { "" }
    }
}

/// A device, and the feature of the benchmarks that brings it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeviceName {
    Cpu,
    Flex,
    Ndarray,
    Wgpu,
}

impl DeviceName {
    fn feature(self) -> Option<&'static str> {
        match self {
            DeviceName::Cpu => None,
            DeviceName::Flex => Some("flex"),
            DeviceName::Ndarray => Some("ndarray"),
            DeviceName::Wgpu => Some("wgpu"),
        }
    }
}

/// Builds and runs the benchmarks of the repository at `root`, prints the table, writes the file.
pub(crate) fn command(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    if options.peers {
        return peers::command(root, options);
    }
    // Before the build, which is a load itself.
    let machine = Machine::here(root)?;
    let target = target_directory(root)?;
    let criterion_home = target.join("criterion");
    run_cargo(root, &criterion_home, options, true)?;
    println!("{}", machine.summary());
    if let Some(warning) = busy_warning(&machine) {
        eprintln!("{warning}");
    }
    let started = SystemTime::now();
    run_cargo(root, &criterion_home, options, false)?;

    let results = estimates::read(&criterion_home, started)?;
    if results.is_empty() {
        match &options.filter {
            Some(filter) => bail!("no benchmark's name contains {filter:?}; without --filter all are run"),
            None => bail!("no benchmark has left figures in {}", criterion_home.display()),
        }
    }
    println!("\n{}", table::render(&results));
    if let Some(table) = devices::render(&results) {
        println!("{table}");
    }
    if let Some(path) = &options.page {
        write_page(path, &machine, &results)?;
    }
    if let Some(warning) = busy_warning(&machine) {
        eprintln!("{warning}");
    }
    let path = options.json.clone().unwrap_or_else(|| target.join("bench.json"));
    let report = Report {
        machine: &machine,
        quick: options.quick,
        filter: options.filter.as_deref(),
        results: &results,
    };
    report.write(&path)?;
    println!("written to {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the page of devices or that of growth, whichever was measured.
fn write_page(path: &Path, machine: &Machine, results: &[Estimate]) -> anyhow::Result<()> {
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    };
    let folder = path.with_extension("");
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let page = devices::page(machine, results).or_else(|| growth::page(machine, results, &name));
    write(path, &page.context("no benchmark of devices or growth was run for a page")?)?;
    for (file, picture) in growth::pictures(results) {
        std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        write(&folder.join(file), &picture)?;
    }
    Ok(())
}

/// Builds the benchmarks (`build_only`) or runs them.
fn run_cargo(root: &Path, criterion_home: &Path, options: &Options, build_only: bool) -> anyhow::Result<()> {
    let mut command = cargo(root, "bench");
    command.args(["--package", PACKAGE, "--benches"]);
    for feature in options.devices.iter().filter_map(|device| device.feature()) {
        command.args(["--features", feature]);
    }
    if build_only {
        command.arg("--no-run");
    } else {
        // Benchmarks run in their package's directory, where a relative CARGO_TARGET_DIR would mean another place.
        command.env("CRITERION_HOME", criterion_home).arg("--quiet").args(["--", "--quiet", "--noplot"]);
        command.args(QUICK.iter().filter(|_| options.quick)).args(&options.filter);
    }
    let status = command.status().context("starting cargo bench")?;
    if !status.success() {
        bail!("cargo bench has failed ({status})");
    }
    Ok(())
}

/// Where cargo builds, whatever environment and configuration say.
pub(crate) fn target_directory(root: &Path) -> anyhow::Result<PathBuf> {
    let output = cargo(root, "metadata")
        .args(["--format-version", "1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata has failed ({})", output.status);
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("reading cargo's metadata")?;
    let directory =
        metadata["target_directory"].as_str().context("cargo's metadata name no target directory")?;
    Ok(directory.into())
}

/// A chore of cargo's for this workspace, called from wherever we are.
pub(crate) fn cargo(root: &Path, chore: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.arg(chore).arg("--manifest-path").arg(root.join("Cargo.toml"));
    command
}

/// What is to be said where the machine was busy with something else.
fn busy_warning(machine: &Machine) -> Option<String> {
    let load = machine.load_average_before.filter(|&load| load >= BUSY_LOAD)?;
    Some(format!(
        "warning: the load average was {load:.2} before the benchmarks (0 on an idle machine): another process is \
         or was busy, and these figures may be too slow. Stop it, wait a minute, and run again."
    ))
}

#[cfg(test)]
mod tests;
