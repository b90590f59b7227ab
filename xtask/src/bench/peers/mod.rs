//! Runs the workloads in turn with other libraries, and tells how many times as fast ours is.

mod commands;
mod install;
mod process;
mod report;
mod summary;
mod workloads;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{Machine, Options, busy_warning, cargo, target_directory};
use commands::{Programs, QUICK, scaled};
use process::Run;
use report::Results;
use summary::{Measured, Round};
use workloads::{Library, STEPPED_ENVS, Task, WORKLOADS, Workload};

/// For how long the peak is measured in each round, in seconds.
const PEAK_SECONDS: &str = "0.5";

/// Builds ours, installs the peers, runs all in turn, and writes table, file, page and pictures.
pub(crate) fn command(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    // Before building and installing, which are a load themselves.
    let machine = Machine::here(root)?;
    let wanted: Vec<Workload> = WORKLOADS.into_iter().filter(|it| is_wanted(it, options)).collect();
    if wanted.is_empty() {
        let names = WORKLOADS.map(|workload| workload.name).join(", ");
        bail!("no workload's name contains {:?}; there are: {names}", options.filter.as_deref());
    }
    let target = target_directory(root)?;
    let folder = target.join("peers");
    build(root, "gradus-runner", "gradus")?;
    build(root, "gradus-benches", "measure")?;
    let program = |name: &str| target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Bench {
        programs: Programs {
            gradus: program("gradus"),
            measure: program("measure"),
            scripts: root.join("benches/peers"),
            run: folder.join("run"),
        },
        scale: if options.quick { QUICK } else { 1.0 },
        cores: machine.cores,
        pythons: BTreeMap::new(),
        left_out: Vec::new(),
    };
    bench.install(&folder, &wanted);
    println!("{}", machine.summary());
    busy_warning(&machine).inspect(|warning| eprintln!("{warning}"));
    let mut measured = Vec::new();
    for workload in wanted {
        measured.push(bench.measure(workload, options.repeats.get())?);
    }
    let results = Results {
        command: &options.as_typed(),
        machine: &machine,
        repeats: options.repeats.get(),
        measured: &measured,
        rows: &measured.iter().flat_map(summary::rows).collect::<Vec<_>>(),
        left_out: &bench.left_out,
    };
    println!("\n{}", results.table());
    bench.left_out.iter().for_each(|it| println!("left out: {it}"));
    results.busy_warning().inspect(|warning| eprintln!("warning: {warning}"));
    let whole = !options.quick && options.filter.is_none();
    let out = options.out.clone().unwrap_or_else(|| {
        // What is not whole does not take the place of what is.
        if whole { root.join("docs/results") } else { folder.join("results") }
    });
    write(&results, &out)?;
    println!("written to {}", out.display());
    Ok(ExitCode::SUCCESS)
}

fn is_wanted(workload: &Workload, options: &Options) -> bool {
    options.filter.as_ref().is_none_or(|filter| workload.name.contains(filter.as_str()))
}

/// Apart from one another, so that neither gets features that only the other asks for.
fn build(root: &Path, package: &str, program: &str) -> anyhow::Result<()> {
    let status = cargo(root, "build").args(["--release", "--package", package, "--bin", program]).status();
    let status = status.context("starting cargo build")?;
    if !status.success() {
        bail!("cargo build has failed ({status})");
    }
    Ok(())
}

/// What measures, and what it could not.
struct Bench {
    programs: Programs,
    scale: f64,
    cores: usize,
    /// The Python of each group of peers that is installed.
    pythons: BTreeMap<&'static str, PathBuf>,
    left_out: Vec<String>,
}

impl Bench {
    /// Installs what the workloads need; what cannot be is told and left out.
    fn install(&mut self, folder: &Path, wanted: &[Workload]) {
        let mut groups: Vec<&str> =
            wanted.iter().flat_map(Workload::libraries).filter_map(|(it, _)| it.group()).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            match install::python(&self.programs.scripts, folder, group) {
                Ok(python) => {
                    self.pythons.insert(group, python);
                }
                Err(error) => self.leave_out(format!("{group} could not be installed: {error:#}")),
            }
        }
    }

    fn leave_out(&mut self, what: String) {
        eprintln!("{what}");
        self.left_out.push(what);
    }

    /// All rounds of a workload. A peer that fails is not run again; if ours fails, that is an error.
    fn measure(&mut self, workload: Workload, repeats: usize) -> anyhow::Result<Measured> {
        let mut failed: Vec<Library> = Vec::new();
        let mut rounds = Vec::new();
        for seed in 1..=workload.rounds(repeats) as u64 {
            let mut round = Round::default();
            if matches!(workload.task, Task::Ppo(_)) {
                let cores = self.cores.to_string();
                let peak = self.programs.measure(&["peak", &cores, PEAK_SECONDS]);
                round.peak = Some(process::run(peak, false)?);
            }
            for (library, amount) in workload.libraries() {
                let amount = self.amount_of(&workload, library, amount);
                let run = match library.group() {
                    None => Some(self.ours(&workload, amount, seed)?),
                    Some(_) if failed.contains(&library) => None,
                    Some(group) => self.peer(group, library, &workload, amount, seed),
                };
                match run {
                    Some(run) => {
                        eprintln!("{}", report::told(workload.name, library, &run));
                        round.runs.push((library, run));
                    }
                    None => failed.push(library),
                }
            }
            rounds.push(round);
        }
        Ok(Measured { workload, rounds })
    }

    /// A run of a peer; none where it is not installed or fails, which is told.
    fn peer(
        &mut self,
        group: &str,
        library: Library,
        workload: &Workload,
        amount: u64,
        seed: u64,
    ) -> Option<Run> {
        let command = self.programs.peer(self.pythons.get(group)?, library, workload, amount, seed);
        match process::run(command, matches!(workload.task, Task::Memory)) {
            Ok(run) => Some(run),
            Err(error) => {
                self.leave_out(format!("{} has failed on {}: {error:#}", library.name(), workload.name));
                None
            }
        }
    }

    /// The whole amount where a run ends by itself.
    fn amount_of(&self, workload: &Workload, library: Library, amount: u64) -> u64 {
        match workload.task {
            Task::Solve => amount,
            // Whatever is trained, a peer has to do some rollouts.
            Task::Ppo(ppo) if library != Library::Gradus => {
                scaled(amount, self.scale).max(2 * (ppo.n_envs * ppo.n_steps) as u64)
            }
            _ => scaled(amount, self.scale),
        }
    }

    fn ours(&self, workload: &Workload, amount: u64, seed: u64) -> anyhow::Result<Run> {
        let amount_text = amount.to_string();
        match workload.task {
            Task::Steps { env } => {
                let (n_envs, seconds) = (STEPPED_ENVS.to_string(), commands::workload_seconds(&amount_text));
                process::run(self.programs.measure(&["steps", env, &n_envs, &seconds.to_string()]), false)
            }
            Task::Trpo { env } => {
                let update = process::run(self.programs.measure(&["trpo", env, &amount_text]), false)?;
                let threads = update.figures.threads;
                let mut run = self.train(workload, amount, seed, threads)?;
                run.figures.update_seconds = update.figures.update_seconds;
                run.others = run.others.zip(update.others).map(|(a, b)| a.max(b));
                Ok(run)
            }
            Task::Ppo(_) | Task::Solve | Task::Memory => self.train(workload, amount, seed, None),
        }
    }

    fn train(
        &self,
        workload: &Workload,
        amount: u64,
        seed: u64,
        threads: Option<u64>,
    ) -> anyhow::Result<Run> {
        let clear = || match fs::remove_dir_all(&self.programs.run) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        clear().with_context(|| format!("cannot empty {}", self.programs.run.display()))?;
        let command = self.programs.train(workload, amount, seed, threads);
        let run = process::run(command, matches!(workload.task, Task::Memory))?;
        clear().with_context(|| format!("cannot empty {}", self.programs.run.display()))?;
        Ok(run)
    }
}

/// `peers.json`, `peers.md` and the pictures in `peers/`.
fn write(results: &Results<'_>, out: &Path) -> anyhow::Result<()> {
    let pictures = out.join("peers");
    fs::create_dir_all(&pictures).with_context(|| format!("cannot create {}", pictures.display()))?;
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let mut links = Vec::new();
    for (title, file, picture) in results.pictures() {
        write(pictures.join(file), &picture)?;
        links.push((title, format!("peers/{file}")));
    }
    let page = out.join("peers.md");
    let before = fs::read_to_string(&page).unwrap_or_default();
    write(out.join("peers.json"), &results.json()?)?;
    write(page, &results.page(&links, &before))
}

#[cfg(test)]
mod tests;
