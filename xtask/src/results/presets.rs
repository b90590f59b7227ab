//! What the shipped presets reach.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use gradus_runner::log::Table;
use gradus_runner::presets::PRESETS;

use super::Options;
use super::curves::{self, Curves};
use super::page::{self, Origin};
use super::runs::{Job, Store};
use crate::bench::{Machine, cargo, target_directory};

/// Some of the presets, and the page that shows them.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) title: &'static str,
    page: &'static str,
    /// The table of all runs is `NAME.csv`, and the pictures are in a folder `NAME`.
    pub(super) name: &'static str,
    /// The features of the command `gradus` that they need.
    features: &'static [&'static str],
    /// Whether they ask for a device beside the fused kernels.
    on_device: bool,
}

/// The presets that the command trains as it is built by default.
pub(super) const FUSED: Set = Set {
    title: "Results of the presets",
    page: "README.md",
    name: "presets",
    features: &[],
    on_device: false,
};

/// The presets with convolutions or a memory.
pub(super) const BURN: Set = Set {
    title: "Results of convolutions and memories",
    page: "networks.md",
    name: "networks",
    features: &["--features", "flex"],
    on_device: true,
};

/// Trains every preset of the set with every seed, evaluates the policies, and writes table, page and pictures.
pub(super) fn run(root: &Path, options: &Options, set: &Set) -> anyhow::Result<ExitCode> {
    let jobs = jobs(options, set)?;
    let machine = Machine::here(root)?;
    build(root, set)?;
    let target = target_directory(root)?;
    let gradus = target.join("release").join(format!("gradus{}", std::env::consts::EXE_SUFFIX));
    let store = Store::open(gradus, &target.join("results"), options.fresh)?;
    let side_by_side = options.jobs.map_or(machine.cores, NonZeroUsize::get);
    let results = store.all(&jobs, side_by_side)?;

    let out = options.out.clone().unwrap_or_else(|| root.join("docs/results"));
    let pictures = draw(&store, &jobs, &out, set.name)?;
    let origin = Origin { command: options.as_typed(), side_by_side, machine: &machine };
    write(&out.join(format!("{}.csv", set.name)), &page::csv(&results))?;
    write(&out.join(set.page), &page::presets(set, &results, &origin, &pictures))?;
    println!("written to {}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// One job for each seed of each preset of the set that is asked for.
pub(super) fn jobs(options: &Options, set: &Set) -> anyhow::Result<Vec<Job>> {
    let asked = |names: &[String], name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let presets = PRESETS.iter().filter(|it| it.table().contains_key("device") == set.on_device);
    let presets = presets.filter(|it| asked(&options.algo, it.algo) && asked(&options.env, it.env));
    let seeds = 1..=options.seeds.get() as u64;
    let jobs: Vec<Job> = presets
        .flat_map(|preset| {
            seeds.clone().map(|seed| Job { algo: preset.algo.into(), env: preset.env.into(), seed })
        })
        .collect();
    if jobs.is_empty() {
        bail!(
            "there is no such preset in this experiment; `cargo run --release --bin gradus -- presets` lists all"
        );
    }
    Ok(jobs)
}

fn build(root: &Path, set: &Set) -> anyhow::Result<()> {
    let package = ["--release", "--package", "gradus-runner", "--bin", "gradus"];
    let status = cargo(root, "build").args(package).args(set.features).status();
    let status = status.context("starting cargo build")?;
    if !status.success() {
        bail!("cargo build has failed ({status})");
    }
    Ok(())
}

/// One picture a task, in `folder` below `out`; gives each task with its file, relative to `out`.
fn draw(store: &Store, jobs: &[Job], out: &Path, folder: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut envs: Vec<&str> = Vec::new();
    for job in jobs {
        if !envs.contains(&job.env.as_str()) {
            envs.push(&job.env);
        }
    }
    let mut pictures = Vec::new();
    for env in envs {
        let mut algorithms: Vec<Curves> = Vec::new();
        for job in jobs.iter().filter(|job| job.env == env) {
            let points = Table::read(&store.metrics(job))?.points("step", "mean_return");
            match algorithms.last_mut().filter(|curves| curves.algo == job.algo) {
                Some(curves) => curves.seeds.push(points),
                None => algorithms.push(Curves { algo: job.algo.clone(), seeds: vec![points] }),
            }
        }
        let file = format!("{folder}/{}.svg", env.replace('/', "-"));
        write(&out.join(&file), &curves::picture(env, &algorithms))?;
        pictures.push((env.to_owned(), file));
    }
    Ok(pictures)
}

fn write(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
