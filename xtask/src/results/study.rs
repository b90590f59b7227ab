//! An experiment that compares variants of algorithms on the classic tasks.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use gradus_runner::presets;

use super::measured::Measured;
use super::runs::Job;
use super::summary::groups;
use super::{Options, curves, profiles, scores, searches, study_page};

/// An algorithm with settings over those of its presets.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// In all experiments, one label stands for one algorithm with the same settings.
    pub(super) label: String,
    pub(super) algo: String,
    pub(super) sets: Vec<String>,
}

impl Variant {
    /// Settings are written as `gradus train --set` takes them.
    pub(super) fn new(label: impl Into<String>, algo: &str, sets: Vec<String>) -> Self {
        Self { label: label.into(), algo: algo.to_owned(), sets }
    }
}

/// Which variants are compared, and how the page tells of them.
#[derive(Debug)]
pub(super) struct Study {
    /// The page is `NAME.md`, the table of all runs `NAME.csv`, and the pictures are in a folder `NAME`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// The label of what all others are held against.
    pub(super) baseline: &'static str,
    pub(super) variants: Vec<Variant>,
    /// Whether the page tells of line searches.
    pub(super) has_searches: bool,
}

/// Trains every variant on every task with every seed, and writes table, page and pictures.
pub(super) fn run(root: &Path, options: &Options, study: &Study) -> anyhow::Result<ExitCode> {
    let jobs = jobs(options, study)?;
    let measured = Measured::of(root, options, &jobs, &[])?;
    let curves = measured.draw(&jobs, study.name, curves::banded_picture)?;
    let overall = scores::overall(&groups(&measured.results));
    let profile = format!("{}/profiles.svg", study.name);
    measured.files.write(&profile, &profiles::picture("Performance profiles", &overall)?)?;
    let searches =
        if study.has_searches { searches::of_jobs(&jobs, |job| measured.metrics(job))? } else { Vec::new() };
    let page = format!("{}.md", study.name);
    let pictures = study_page::Pictures { profile: &profile, curves: &curves };
    let before = measured.files.before(&page);
    let origin = measured.origin(options);
    let text = study_page::page(study, &measured.results, &origin, &pictures, &searches, &before)?;
    measured.files.write(&format!("{}.csv", study.name), &study_page::csv(&measured.results))?;
    measured.files.write(&page, &text)?;
    Ok(measured.files.told())
}

/// One job for each seed of each variant on each classic task that its algorithm has a preset for.
pub(super) fn jobs(options: &Options, study: &Study) -> anyhow::Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for Variant { label, algo, sets } in &study.variants {
        for env in scores::RANGES.iter().map(|range| range.env) {
            if presets::find(algo, env).is_none() || !options.asks_for(&[label, algo], env) {
                continue;
            }
            jobs.extend((1..=options.seeds.get() as u64).map(|seed| Job {
                label: label.clone(),
                algo: algo.clone(),
                env: env.to_owned(),
                seed,
                sets: sets.clone(),
            }));
        }
    }
    if jobs.is_empty() {
        let labels: Vec<&str> = study.variants.iter().map(|variant| variant.label.as_str()).collect();
        bail!("there is no such variant or task in this experiment, which has {}", labels.join(", "));
    }
    Ok(jobs)
}
