//! The chores of the workspace, run as `cargo xtask <chore>`. Each chore is a module.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores speak to a terminal")]

mod bench;
#[cfg(test)]
mod generated;
mod pages;
mod results;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks what the compiler does not: arrows between crates, sizes of files, `unsafe`, links, white space.
    Tidy,
    /// Runs the benchmarks in release, and prints their figures in one table.
    ///
    /// Criterion measures each with `cargo bench --package gradus-benches` (about 3 minutes on 2 cores, a build
    /// aside). The table has the median time of an iteration, the interval of that median, and what is done in a
    /// second. The same goes to a JSON file, with the machine, the compiler, the commit, the date and the load
    /// before. Figures are worth something on an idle machine alone; a load is warned of. A second table has PPO's
    /// minibatches by device, network and number of rows, and says from which size on a GPU pays.
    ///
    /// With `--peers`, other libraries are installed from PyPI into the target directory, and run in turn with ours;
    /// table, page and pictures go to docs/results. It needs Python 3 with `venv`, the network, about 8 GB of disk,
    /// and half an hour.
    Bench(bench::Options),
    /// Runs an experiment behind docs/results, and writes its tables, page and pictures there.
    ///
    /// `presets` trains every shipped preset with every seed, with the release build of `gradus`, and evaluates the
    /// policies on 100 fresh episodes. `classic`, `clipping` and `trust-region` do so with variants of algorithms on
    /// the classic tasks, and compare these by interquartile means. Ctrl-C loses no run that has ended: the same command
    /// goes on. What the same program has trained before is used again, unless `--fresh` is given. `estimators` trains
    /// nothing: it measures bias and variance of estimated advantages on finite processes (about a minute).
    Results(results::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().chore {
        Chore::Tidy => tidy::command(repository_root()),
        Chore::Bench(options) => bench::command(repository_root(), &options),
        Chore::Results(options) => results::command(repository_root(), &options),
    }
}

/// The root of the repository, wherever the command is called from.
fn repository_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
