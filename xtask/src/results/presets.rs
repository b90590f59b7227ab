//! What the shipped presets reach.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use gradus_runner::presets::PRESETS;

use super::measured::Measured;
use super::runs::Job;
use super::{Options, curves, page};

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
    let measured = Measured::of(root, options, &jobs, set.features)?;
    let pictures = measured.draw(&jobs, set.name, curves::picture)?;
    let origin = measured.origin(options);
    measured.files.write(&format!("{}.csv", set.name), &page::csv(&measured.results))?;
    measured.files.write(set.page, &page::presets(set, &measured.results, &origin, &pictures))?;
    Ok(measured.files.told())
}

/// One job for each seed of each preset of the set that is asked for.
pub(super) fn jobs(options: &Options, set: &Set) -> anyhow::Result<Vec<Job>> {
    let presets = PRESETS.iter().filter(|it| it.table().contains_key("device") == set.on_device);
    let presets = presets.filter(|it| options.asks_for(&[it.algo], it.env));
    let seeds = 1..=options.seeds.get() as u64;
    let jobs: Vec<Job> = presets
        .flat_map(|preset| seeds.clone().map(|seed| Job::preset(preset.algo, preset.env, seed)))
        .collect();
    if jobs.is_empty() {
        bail!(
            "there is no such preset in this experiment; `cargo run --release --bin gradus -- presets` lists all"
        );
    }
    Ok(jobs)
}
