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

/// Trains every preset with every seed, evaluates the policies, and writes `presets.csv`, the page and the pictures.
pub(super) fn run(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    let jobs = jobs(options)?;
    let machine = Machine::here(root)?;
    build(root)?;
    let target = target_directory(root)?;
    let gradus = target.join("release").join(format!("gradus{}", std::env::consts::EXE_SUFFIX));
    let store = Store::open(gradus, &target.join("results"), options.fresh)?;
    let side_by_side = options.jobs.map_or(machine.cores, NonZeroUsize::get);
    let results = store.all(&jobs, side_by_side)?;

    let out = options.out.clone().unwrap_or_else(|| root.join("docs/results"));
    let pictures = draw(&store, &jobs, &out)?;
    let origin = Origin { command: options.as_typed(), side_by_side, machine: &machine };
    write(&out.join("presets.csv"), &page::csv(&results))?;
    write(&out.join("README.md"), &page::presets(&results, &origin, &pictures))?;
    println!("written to {}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// One job for each seed of each preset that is asked for.
pub(super) fn jobs(options: &Options) -> anyhow::Result<Vec<Job>> {
    let asked = |filter: &Option<String>, name: &str| filter.as_deref().is_none_or(|filter| filter == name);
    let presets = PRESETS.iter().filter(|it| asked(&options.algo, it.algo) && asked(&options.env, it.env));
    let seeds = 1..=options.seeds.get() as u64;
    let jobs: Vec<Job> = presets
        .flat_map(|preset| {
            seeds.clone().map(|seed| Job { algo: preset.algo.into(), env: preset.env.into(), seed })
        })
        .collect();
    if jobs.is_empty() {
        bail!("there is no such preset; `cargo run --release --bin gradus -- presets` lists them");
    }
    Ok(jobs)
}

fn build(root: &Path) -> anyhow::Result<()> {
    let status = cargo(root, "build").args(["--release", "--bin", "gradus"]).status();
    let status = status.context("starting cargo build")?;
    if !status.success() {
        bail!("cargo build has failed ({status})");
    }
    Ok(())
}

/// One picture a task, below `out`; gives each task with its file, relative to `out`.
fn draw(store: &Store, jobs: &[Job], out: &Path) -> anyhow::Result<Vec<(String, String)>> {
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
        let file = format!("presets/{env}.svg");
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
