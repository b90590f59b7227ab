//! Runs the experiments behind `docs/results`, and writes their tables, pages and pictures.

mod classic;
mod clipping;
mod curves;
mod estimators;
mod files;
mod levels;
mod measured;
mod page;
mod presets;
mod profiles;
mod runs;
mod scores;
mod searches;
mod study;
mod study_page;
mod summary;
mod trust_region;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

/// Which experiment is run, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// The experiment.
    #[arg(value_enum, default_value = "presets")]
    experiment: Experiment,
    /// Seeds of each setting, counted from 1.
    #[arg(long, value_name = "N", default_value = "10")]
    seeds: NonZeroUsize,
    /// Runs side by side, each on one thread [default: the number of processors].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// This algorithm alone, or this variant of one; several times for several.
    #[arg(long)]
    algo: Vec<String>,
    /// This environment alone; several times for several.
    #[arg(long)]
    env: Vec<String>,
    /// Where page, tables and pictures go [default: docs/results].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Train again what the same program has trained before.
    #[arg(long)]
    fresh: bool,
}

/// What can be asked. Each experiment is a module with a function `run`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// Every shipped preset for the fused kernels, trained and evaluated.
    Presets,
    /// Every shipped preset for a device of Burn's, likewise: convolutions and memories.
    Networks,
    /// Every algorithm with presets for the five classic tasks.
    Classic,
    /// PPO's ways to keep a policy near the old one: clipping, penalties that adapt or are fixed, nothing.
    Clipping,
    /// Natural gradients: with and without a line search, by other bounds and matrices, and beside them REINFORCE
    /// with a grid of learning rates.
    TrustRegion,
    /// Estimators of the advantage on finite processes: bias and variance, beside what they are exactly.
    Estimators,
}

/// Runs an experiment of the repository at `root`.
pub(crate) fn command(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    match options.experiment {
        Experiment::Presets => presets::run(root, options, &presets::FUSED),
        Experiment::Networks => presets::run(root, options, &presets::BURN),
        Experiment::Classic => study::run(root, options, &classic::study()),
        Experiment::Clipping => study::run(root, options, &clipping::study()),
        Experiment::TrustRegion => study::run(root, options, &trust_region::study()),
        Experiment::Estimators => estimators::run(root, options),
    }
}

impl Options {
    /// Whether a variant with one of these names is asked for on this task.
    fn asks_for(&self, names: &[&str], env: &str) -> bool {
        let any = |asked: &[String], names: &[&str]| {
            asked.is_empty() || asked.iter().any(|it| names.contains(&it.as_str()))
        };
        any(&self.algo, names) && any(&self.env, &[env])
    }

    /// The command that asks for this, as it is told to readers: where the files go is no part of it.
    fn as_typed(&self) -> String {
        let name = self.experiment.to_possible_value().map(|value| value.get_name().to_owned());
        let mut text = format!("cargo xtask results {} --seeds {}", name.unwrap_or_default(), self.seeds);
        for (flag, values) in [("--algo", &self.algo), ("--env", &self.env)] {
            values.iter().for_each(|value| text += &format!(" {flag} {value}"));
        }
        if let Some(jobs) = self.jobs {
            text += &format!(" --jobs {jobs}");
        }
        text
    }
}

#[cfg(test)]
mod study_tests;
#[cfg(test)]
mod tests;
