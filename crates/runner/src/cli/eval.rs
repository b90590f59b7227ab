//! `gradus eval`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use gradus_checkpoint::Checkpoint;
use gradus_policy::{Policy, PolicyError};
use serde::Serialize;

use super::{Outcome, make, print};
use crate::config::{KEYS, Layers};
use crate::run_folder::RunPaths;
use crate::settings::CPU;
use crate::{TrainError, evaluate, load_policy, newest_checkpoint, policy_of};

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// The folder of a run, or the file of a checkpoint or a policy
    run_dir: PathBuf,
    /// How many episodes to play
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    episodes: u64,
    /// The seed of the episodes
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Draw actions from the policy, rather than take the most probable ones
    #[arg(long)]
    sampled: bool,
    /// Where the policy is evaluated [default: the device of the run, or cpu for a file]
    #[arg(long)]
    device: Option<String>,
    /// Print the result as one JSON line on standard output
    #[arg(long)]
    json: bool,
}

/// The result, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    env: &'a str,
    episodes: usize,
    seed: u64,
    sampled: bool,
    mean_return: f64,
    std_return: f64,
    min_return: f64,
    max_return: f64,
    mean_length: f64,
    run_dir: &'a Path,
    checkpoint: &'a Path,
}

pub(super) fn eval(args: &EvalArgs) -> anyhow::Result<Outcome> {
    let (mut policy, file) = load(&args.run_dir, args.device.as_deref())?;
    let env = policy.spec().env.clone();
    let make = |n: usize, seed: u64, first: usize| make(&env, n, seed, first);
    let evaluation = evaluate(&mut policy, &make, usize::try_from(args.episodes)?, args.seed, args.sampled)?;
    let extreme =
        |pick: fn(f64, f64) -> f64| evaluation.returns.iter().copied().reduce(pick).unwrap_or(f64::NAN);
    let report = Report {
        env: &env,
        episodes: evaluation.returns.len(),
        seed: args.seed,
        sampled: args.sampled,
        mean_return: evaluation.mean_return(),
        std_return: evaluation.std_return(),
        min_return: extreme(f64::min),
        max_return: extreme(f64::max),
        mean_length: evaluation.mean_length(),
        run_dir: &args.run_dir,
        checkpoint: &file,
    };
    if args.json {
        print(&serde_json::to_string(&report)?)?;
    } else {
        print(&format!(
            "{} on {}: mean return {:.2} ± {:.2} over {} episodes (from {:.2} to {:.2}), mean length {:.1}",
            file.display(),
            env,
            report.mean_return,
            report.std_return,
            report.episodes,
            report.min_return,
            report.max_return,
            report.mean_length
        ))?;
    }
    Ok(Outcome::Done)
}

/// The policy of a run's newest checkpoint, or of a file, and the file it came from.
fn load(path: &Path, device: Option<&str>) -> anyhow::Result<(Policy, PathBuf)> {
    if !path.is_file() {
        let found = newest_checkpoint(path)?;
        let of_run = device.is_none().then(|| device_of_run(path)).flatten();
        let device = device.or(of_run.as_deref()).unwrap_or(CPU);
        let policy =
            policy_of(&found.checkpoint, device).with_context(|| found.path.display().to_string())?;
        return Ok((policy, found.path));
    }
    let device = device.unwrap_or(CPU);
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let policy = match load_policy(&bytes, device) {
        Err(TrainError::Policy(PolicyError::NotAPolicy { .. })) => {
            Checkpoint::from_bytes(&bytes).map_err(TrainError::from).and_then(|it| policy_of(&it, device))
        }
        policy => policy,
    };
    Ok((policy.with_context(|| path.display().to_string())?, path.to_owned()))
}

/// The device in the configuration of a run.
fn device_of_run(folder: &Path) -> Option<String> {
    let config = Layers::new(KEYS).file(&RunPaths::new(folder).config()).resolve().ok()?;
    Some(config.text("device").to_owned())
}
