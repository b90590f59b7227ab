//! The command `gradus`: `train`, `eval`, `resume`, `report`, `solve`, `envs`, `check`, `presets`.
#![allow(clippy::print_stderr, reason = "this is what a command talks through")]

mod check;
mod eval;
mod lists;
mod progress;
mod report;
mod several;
mod solve;
mod train;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Trains agents by policy optimisation, and evaluates them.
#[derive(Debug, Parser)]
#[command(name = "gradus", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains an agent: `gradus train --env CartPole-v1 --algo ppo`
    #[command(after_help = "Settings come, each over the one before, from the defaults, the preset for the \
                            environment and\nthe algorithm, --config, --set, and the other flags.")]
    Train(train::TrainArgs),
    /// Plays episodes with a trained policy
    Eval(eval::EvalArgs),
    /// Goes on with a run that was stopped, or trains a finished one further
    Resume(train::ResumeArgs),
    /// Shows runs side by side on one HTML page
    Report(report::ReportArgs),
    /// Solves a finite task exactly, and tells what every step was certain to gain
    #[command(after_help = solve::TABLES_HELP)]
    Solve(solve::SolveArgs),
    /// Lists the environments
    Envs,
    /// Checks that environments keep the rules that training relies on
    Check(check::CheckArgs),
    /// Lists the presets, shows one, or explains every setting
    Presets(lists::PresetsArgs),
}

/// How a command reports.
#[derive(Clone, Copy, Debug, Args)]
struct Output {
    /// Print the result as one JSON line on standard output
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// What a command that ran came to.
enum Outcome {
    Done,
    /// Stopped by Ctrl-C, everything saved.
    Interrupted,
}

/// Parses the command line, runs the command, and reports an error as a message on standard error.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Train(args) => train::train(&args),
        Command::Resume(args) => train::resume(&args),
        Command::Eval(args) => eval::eval(&args),
        Command::Report(args) => report::report(&args),
        Command::Solve(args) => solve::solve(&args),
        Command::Envs => lists::envs(),
        Command::Check(args) => check::check(&args),
        Command::Presets(args) => lists::presets(&args),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        // The status that a shell gives a command that SIGINT ended.
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::FAILURE
        }
    }
}

/// Makes environments of the registry.
fn make(
    name: &str,
    n: usize,
    seed: u64,
    first: usize,
) -> Result<Box<dyn gradus_envs::VectorEnv>, gradus_envs::EnvError> {
    gradus_envs::make_vector(name, n, seed, first)
}

/// An error and its causes, but for those that it tells already.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |message, cause| {
        if message.is_empty() {
            cause
        } else if message.contains(&cause) {
            message
        } else {
            format!("{message}: {cause}")
        }
    })
}

/// Prints a text and the end of its line. Who reads no further, as `head` does, is not given the rest.
fn print(text: &str) -> anyhow::Result<Outcome> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Outcome::Done),
    }
}
