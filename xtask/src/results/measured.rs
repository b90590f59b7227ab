//! What experiments have in common: the command is built, the jobs are run, and files are written.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, bail};
use gradus_runner::log::Table;

use super::Options;
use super::curves::Curves;
use super::files::Files;
use super::page::Origin;
use super::runs::{Job, RunResult, Store};
use crate::bench::{Machine, cargo, target_directory};

/// The results of an experiment's jobs, and where its files go.
pub(super) struct Measured {
    pub(super) results: Vec<RunResult>,
    store: Store,
    machine: Machine,
    side_by_side: usize,
    pub(super) files: Files,
}

impl Measured {
    /// Builds the command `gradus` with such features, and runs the jobs that are not done yet.
    pub(super) fn of(
        root: &Path,
        options: &Options,
        jobs: &[Job],
        features: &[&str],
    ) -> anyhow::Result<Self> {
        let machine = Machine::here(root)?;
        build(root, features)?;
        let target = target_directory(root)?;
        let gradus = target.join("release").join(format!("gradus{}", std::env::consts::EXE_SUFFIX));
        let store = Store::open(gradus, &target.join("results"), options.fresh)?;
        let side_by_side = options.jobs.map_or(machine.cores, NonZeroUsize::get);
        let results = store.all(jobs, side_by_side)?;
        let files = Files::of(root, options);
        Ok(Self { results, store, machine, side_by_side, files })
    }

    /// How the results came about.
    pub(super) fn origin(&self, options: &Options) -> Origin<'_> {
        Origin { command: options.as_typed(), side_by_side: self.side_by_side, machine: &self.machine }
    }

    /// What a run wrote down while it trained.
    pub(super) fn metrics(&self, job: &Job) -> anyhow::Result<Table> {
        Ok(Table::read(&self.store.metrics(job))?)
    }

    /// One picture a task, in `folder`; gives each task with its file.
    pub(super) fn draw(
        &self,
        jobs: &[Job],
        folder: &str,
        picture: fn(&str, &[Curves]) -> String,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let mut envs: Vec<&str> = Vec::new();
        for job in jobs {
            if !envs.contains(&job.env.as_str()) {
                envs.push(&job.env);
            }
        }
        let mut pictures = Vec::new();
        for env in envs {
            let mut variants: Vec<Curves> = Vec::new();
            for job in jobs.iter().filter(|job| job.env == env) {
                let points = self.metrics(job)?.points("step", "mean_return");
                match variants.last_mut().filter(|curves| curves.label == job.label) {
                    Some(curves) => curves.seeds.push(points),
                    None => variants.push(Curves {
                        label: job.label.clone(),
                        algo: job.algo.clone(),
                        seeds: vec![points],
                    }),
                }
            }
            let file = format!("{folder}/{}.svg", env.replace('/', "-"));
            self.files.write(&file, &picture(env, &variants))?;
            pictures.push((env.to_owned(), file));
        }
        Ok(pictures)
    }
}

fn build(root: &Path, features: &[&str]) -> anyhow::Result<()> {
    let package = ["--release", "--package", "gradus-runner", "--bin", "gradus"];
    let status = cargo(root, "build").args(package).args(features).status();
    let status = status.context("starting cargo build")?;
    if !status.success() {
        bail!("cargo build has failed ({status})");
    }
    Ok(())
}
