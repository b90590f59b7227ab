//! `gradus train` and `gradus resume`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::Context;
use clap::Args;

use super::progress::{Progress, short};
use super::several;
use super::{Outcome, Output, make, print};
use crate::config::{Config, LookUp, layered, nearest};
use crate::presets;
use crate::run_folder::{default_folder, shell_quoted};
use crate::settings::CPU;
use crate::{Algorithm, Session, Summary};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// The environment; `gradus envs` lists them
    #[arg(long)]
    env: Option<String>,
    /// The algorithm [default: ppo]
    #[arg(long)]
    algo: Option<String>,
    /// The seed of everything random [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<String>,
    /// Train with so many seeds, from --seed on, one run each in a folder below --out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: Option<u64>,
    /// Environment steps to train for
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    total_steps: Option<String>,
    /// Threads to compute on; the result does not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    threads: Option<String>,
    /// Where networks are evaluated [default: cpu]
    #[arg(long)]
    device: Option<String>,
    /// A new folder for the run [default: runs/ENV-ALGO-sSEED-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A setting such as gamma=0.9, any number of times; all: `gradus presets --keys`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The folder of the run
    run_dir: PathBuf,
    /// A checkpoint to go on from, instead of the newest; later ones are set aside
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Environment steps to train for in all, to train a finished run further
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    total_steps: Option<String>,
    /// Threads to compute on; the result does not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    threads: Option<String>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn train(args: &TrainArgs) -> anyhow::Result<Outcome> {
    let config = configure(args, None)?;
    let env = gradus_envs::find(config.text("env"))?;
    let folder = args.out.clone().unwrap_or_else(|| {
        let base = Path::new("");
        default_folder(base, env.name, config.text("algo"), config.unsigned("seed"), SystemTime::now())
    });
    if presets::find(config.text("algo"), env.name).is_none() && !args.output.quiet {
        eprintln!("there is no preset for {} on {}: the defaults are used", config.text("algo"), env.name);
    }
    let stop = stop_on_interrupt()?;
    let make = |n: usize, seed: u64, first: usize| env.make_vector(n, seed, first);
    let Some(count) = args.seeds else {
        let session = Session::start(config, &make, &folder)?;
        return run(session.with_reward_threshold(env.reward_threshold), &stop, args.output);
    };
    let first = config.unsigned("seed");
    let mut summaries = Vec::new();
    for seed in first..first + count {
        let config = configure(args, Some(seed))?;
        let session = Session::start(config, &make, &folder.join(format!("seed-{seed}")))?;
        let quiet = Output { json: false, ..args.output };
        let (_, summary) = progress_of(session.with_reward_threshold(env.reward_threshold), &stop, quiet)?;
        let finished = summary.finished;
        summaries.push(summary);
        if !finished {
            break;
        }
    }
    several::report(&folder, &summaries, args.output)
}

pub(super) fn resume(args: &ResumeArgs) -> anyhow::Result<Outcome> {
    let mut changes = Vec::new();
    for (flag, key, value) in
        [("--total-steps", "total_steps", &args.total_steps), ("--threads", "threads", &args.threads)]
    {
        if let Some(value) = value {
            changes.push((flag, key, number(value)));
        }
    }
    let stop = stop_on_interrupt()?;
    let session = Session::resume(&args.run_dir, args.checkpoint.as_deref(), &make, &changes)?;
    let env = gradus_envs::find(session.config().text("env"))?;
    run(session.with_reward_threshold(env.reward_threshold), &stop, args.output)
}

/// Puts the configuration together, with another seed if one is given, and checks the names in it.
fn configure(args: &TrainArgs, seed: Option<u64>) -> anyhow::Result<Config> {
    let mut flags = Vec::new();
    let seed = seed.map(|seed| seed.to_string()).or_else(|| args.seed.clone());
    let texts =
        [("--env", "env", &args.env), ("--algo", "algo", &args.algo), ("--device", "device", &args.device)];
    for (flag, key, value) in texts {
        if let Some(value) = value {
            flags.push((flag, key, toml::Value::from(value.as_str())));
        }
    }
    let numbers = [
        ("--seed", "seed", &seed),
        ("--total-steps", "total_steps", &args.total_steps),
        ("--threads", "threads", &args.threads),
    ];
    for (flag, key, value) in numbers {
        if let Some(value) = value {
            flags.push((flag, key, number(value)));
        }
    }
    Ok(layered(look_up, args.config.as_deref(), &args.assignments, &flags)?)
}

/// The preset for these names, or what is wrong with them.
fn look_up(algo: &str, env: &str) -> LookUp {
    let mut wrong = Vec::new();
    if env.is_empty() {
        wrong.push(("env", "missing, give one by --env; `gradus envs` lists them".to_owned()));
    } else if gradus_envs::find(env).is_err() {
        wrong.push(("env", unknown("environment", env, gradus_envs::ENVIRONMENTS.iter().map(|it| it.name))));
    }
    if !Algorithm::NAMES.contains(&algo) {
        wrong.push(("algo", unknown("algorithm", algo, Algorithm::NAMES.iter().copied())));
    }
    if wrong.is_empty() { Ok(presets::find(algo, env).map(presets::Preset::table)) } else { Err(wrong) }
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str> + Clone) -> String {
    let meant = nearest(name, known.clone()).map(|meant| format!("; did you mean {meant}?"));
    let known = known.collect::<Vec<_>>().join(", ");
    format!("unknown {what}{} (there are: {known})", meant.unwrap_or_default())
}

/// A number as `--set` reads it, 1e6 for example; what is none is told with all else that is wrong.
fn number(text: &str) -> toml::Value {
    text.parse().unwrap_or_else(|_| text.into())
}

/// Trains, and prints what came of it.
fn run(session: Session, stop: &AtomicBool, output: Output) -> anyhow::Result<Outcome> {
    let (session, summary) = progress_of(session, stop, output)?;
    if output.json {
        print(&serde_json::to_string(&summary)?)?;
    }
    if !output.quiet {
        let text = describe(&session, &summary);
        if output.json {
            eprintln!("{text}");
        } else {
            print(&text)?;
        }
    }
    Ok(if summary.finished { Outcome::Done } else { Outcome::Interrupted })
}

/// Trains, with a progress bar.
fn progress_of(
    mut session: Session,
    stop: &AtomicBool,
    output: Output,
) -> anyhow::Result<(Session, Summary)> {
    let total = session.training().settings().total_steps;
    if !output.quiet {
        introduce(&session);
    }
    let mut progress = Progress::new(total, session.training().progress().steps(), output.quiet);
    let env = session.config().text("env").to_owned();
    let make = |n: usize, seed: u64, first: usize| make(&env, n, seed, first);
    let summary = session.run(&make, stop, &mut |status| progress.show(status));
    progress.finish();
    Ok((session, summary?))
}

/// The first Ctrl-C asks for a stop, the second one ends the process.
fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this update; once more ends at once, without saving");
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

fn introduce(session: &Session) {
    let training = session.training();
    let settings = training.settings();
    let place = match settings.device.as_str() {
        CPU => String::new(),
        device => format!(", networks on {device}"),
    };
    eprintln!(
        "{} on {}, seed {}: {} steps, {}, {} parameters, {}{}{place}",
        settings.algorithm.name(),
        session.config().text("env"),
        settings.seed,
        settings.total_steps,
        training.experience(),
        training.parameter_count(),
        if settings.threads.is_none() && training.threads() > 1 { "up to " } else { "" },
        counted_threads(training.threads()),
    );
}

fn counted_threads(count: usize) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}

fn describe(session: &Session, summary: &Summary) -> String {
    let folder = session.folder();
    let run_dir = shell_quoted(&summary.run_dir);
    let mut lines = Vec::new();
    lines.push(format!(
        "{} steps in {:.2} s ({} steps/s, {}){}",
        summary.total_steps,
        summary.wall_seconds,
        short(summary.steps_per_second),
        counted_threads(summary.threads),
        summary.mean_return.map(|r| format!(", mean return of the last episodes {r:.1}")).unwrap_or_default(),
    ));
    if let (Some(mean_return), Some(episodes)) = (summary.eval_mean_return, summary.eval_episodes) {
        lines.push(format!(
            "mean return {mean_return:.1} over {episodes} fresh episodes, without exploration"
        ));
    } else if !summary.finished {
        lines.push(format!("stopped; go on with: gradus resume {run_dir}"));
    }
    lines.push(format!("run             {}", summary.run_dir.display()));
    lines.push(format!("policy          {}", summary.policy.display()));
    lines.push(format!("checkpoint      {}", summary.checkpoint.display()));
    lines.push(format!("learning curve  {}", folder.learning_curve().display()));
    lines
        .push(format!("metrics         {} (or: tensorboard --logdir {run_dir})", folder.metrics().display()));
    if summary.finished {
        lines.push(format!("evaluate it     gradus eval {run_dir}"));
    }
    lines.join("\n")
}
