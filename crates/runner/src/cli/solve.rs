//! `gradus solve`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use gradus_checkpoint::atomic_file;
use gradus_envs::ENVIRONMENTS;
use gradus_tabular::{Detail, DiscountedMdp, Iteration, Method, Solver, SolverConfig, Stop, Tables};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{Outcome, Output, print};

/// The discount where none is given; tasks that last a hundred steps need one so near to one.
const GAMMA: f64 = 0.99;

/// What the file of `--mdp` holds.
pub(super) const TABLES_HELP: &str = "\
A process of your own, for S states and A actions, each table one flat list:
  n_states, n_actions
  transitions  P(s'|s, a), S*A*S numbers
  rewards      r(s, a), S*A numbers, or r(s, a, s'), S*A*S
  initial      the distribution of the first state, S numbers
  terminal     whether entering a state ends the episode, S times true or false; may be left out";

#[derive(Debug, Args)]
pub(super) struct SolveArgs {
    /// The environment, one that is a finite Markov decision process
    #[arg(long, required_unless_present = "mdp", conflicts_with = "mdp")]
    env: Option<String>,
    /// A process of your own, tables in a JSON file; see below
    #[arg(long, value_name = "FILE")]
    mdp: Option<PathBuf>,
    /// The method
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Method::NAMES))]
    method: String,
    /// The discount, below 1
    #[arg(long, default_value_t = GAMMA, allow_negative_numbers = true)]
    gamma: f64,
    /// Stop after so many iterations [default: 10000]
    #[arg(long, value_name = "N")]
    max_iterations: Option<usize>,
    /// Stop where no policy is better by more than this [default: 1e-9]
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    tolerance: Option<f64>,
    /// Show every N-th iteration [default: 1 to 10, then 20, 50, 100, 200, ...]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Write the policy and its values to a JSON file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// The result, as JSON. `least_improvement` is that of an iteration, and `least_margin` the least that one gained beyond
/// what was certified.
#[derive(Serialize)]
struct Report<'a> {
    task: &'a str,
    method: &'a str,
    gamma: f64,
    n_states: usize,
    n_actions: usize,
    iterations: usize,
    stopped: &'static str,
    eta_initial: f64,
    eta: f64,
    eta_optimal: f64,
    gap: f64,
    gap_bound: f64,
    least_improvement: Option<f64>,
    least_margin: Option<f64>,
    shown: &'a [Row],
}

/// One iteration.
#[derive(Clone, Copy, Serialize)]
struct Row {
    iteration: usize,
    eta: f64,
    improvement: f64,
    certified: f64,
    step_size: f64,
    gap: f64,
    gap_bound: f64,
}

/// The policy, as JSON.
#[derive(Serialize)]
struct Solution<'a> {
    task: &'a str,
    gamma: f64,
    /// V(s), `[S]`.
    values: &'a [f64],
    /// π(a|s), `[S][A]`.
    policy: Vec<&'a [f64]>,
}

impl Row {
    const HEAD: &'static str =
        " iteration              eta    improvement      certified           step            gap";

    fn new(it: &Iteration<Detail>) -> Self {
        let &Iteration { index: iteration, eta, improvement, certified, step_size, gap, gap_bound, .. } = it;
        Self { iteration, eta, improvement, certified, step_size, gap, gap_bound }
    }

    fn text(&self) -> String {
        format!(
            "{:>10} {:>16.9} {:>14.6e} {:>14.6e} {:>14.6e} {:>14.6e}",
            self.iteration, self.eta, self.improvement, self.certified, self.step_size, self.gap
        )
    }
}

pub(super) fn solve(args: &SolveArgs) -> anyhow::Result<Outcome> {
    let (task, mdp) = load(args)?;
    let method: Method = args.method.parse()?;
    if let Some(path) = &args.out {
        check_folder(path)?;
    }
    let mut config = SolverConfig::new();
    if let Some(most) = args.max_iterations {
        config = config.with_max_iterations(most);
    }
    if let Some(tolerance) = args.tolerance {
        config = config.with_tolerance(tolerance).context("--tolerance")?;
    }
    let mut solver = Solver::new(&mdp, method, config)?;
    let eta_initial = solver.evaluation().eta;
    if !args.output.quiet {
        introduce(&task, &mdp, &solver);
    }
    let watched = watch(&mut solver, config.max_iterations(), args)?;
    if let Some(path) = &args.out {
        write_solution(path, &task, &mdp, &solver)?;
    }
    let report = Report {
        task: &task,
        method: method.name(),
        gamma: mdp.gamma(),
        n_states: mdp.n_states(),
        n_actions: mdp.n_actions(),
        iterations: solver.iterations(),
        stopped: solver.stopped().map_or("", reason),
        eta_initial,
        eta: solver.evaluation().eta,
        eta_optimal: solver.optimal_eta(),
        gap: solver.optimal_eta() - solver.evaluation().eta,
        gap_bound: solver.gap_bound(),
        least_improvement: finite(watched.least_improvement),
        least_margin: finite(watched.least_margin),
        shown: &watched.shown,
    };
    if args.output.json {
        return print(&serde_json::to_string(&report)?);
    }
    if args.output.quiet { Ok(Outcome::Done) } else { print(&conclude(&report)) }
}

/// The process, and what it is called.
fn load(args: &SolveArgs) -> anyhow::Result<(String, DiscountedMdp)> {
    if let Some(path) = &args.mdp {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let tables: Tables = serde_json::from_str(&text).with_context(|| shown.clone())?;
        let mdp = tables.discounted(args.gamma).with_context(|| shown.clone())?;
        return Ok((shown, mdp));
    }
    // clap asks for one of the two.
    let name = args.env.as_deref().unwrap_or_default();
    let Some(table) = gradus_envs::find(name)?.finite_mdp() else {
        let finite = ENVIRONMENTS.iter().filter(|env| env.finite_mdp().is_some()).map(|env| env.name);
        let finite = finite.collect::<Vec<_>>().join(", ");
        bail!(
            "{name} is no finite Markov decision process; these are: {finite}; `gradus train` learns the others"
        );
    };
    Ok((name.to_owned(), DiscountedMdp::new(table, args.gamma)?))
}

/// What was seen on the way.
struct Watched {
    shown: Vec<Row>,
    least_improvement: f64,
    least_margin: f64,
}

/// Runs the solver to its end, and shows it.
fn watch(solver: &mut Solver<'_>, most: usize, args: &SolveArgs) -> anyhow::Result<Watched> {
    let bar = bar(most, args.output.quiet);
    let talks = !args.output.json && !args.output.quiet;
    let show = |text: &str| bar.suspend(|| if talks { print(text) } else { Ok(Outcome::Done) });
    show(Row::HEAD)?;
    let (mut shown, mut last) = (Vec::new(), None);
    let (mut least_improvement, mut least_margin) = (f64::INFINITY, f64::INFINITY);
    for iteration in &mut *solver {
        let row = Row::new(&iteration?);
        least_improvement = least_improvement.min(row.improvement);
        least_margin = least_margin.min(row.improvement - row.certified);
        bar.inc(1);
        last = Some(row);
        if is_shown(row.iteration, args.every) {
            show(&row.text())?;
            shown.push(row);
            last = None;
        }
    }
    if let Some(row) = last {
        show(&row.text())?;
        shown.push(row);
    }
    bar.finish_and_clear();
    Ok(Watched { shown, least_improvement, least_margin })
}

/// A bar on a terminal; nothing elsewhere, since the rows tell how far it is.
fn bar(most: usize, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(most as u64), ProgressDrawTarget::stderr_with_hz(10));
    // The template is a constant; an error in it would fall back to indicatif's own.
    if let Ok(style) = ProgressStyle::with_template("{wide_bar:.cyan/blue} {pos} of at most {len} iterations")
    {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

/// Whether an iteration has a row of its own: every N-th, or the first ten and then 20, 50, 100, 200, 500, ….
fn is_shown(iteration: usize, every: Option<u64>) -> bool {
    if let Some(every) = every {
        return (iteration as u64).is_multiple_of(every);
    }
    let mut leading = iteration;
    while leading >= 10 && leading.is_multiple_of(10) {
        leading /= 10;
    }
    iteration <= 10 || matches!(leading, 1 | 2 | 5)
}

fn introduce(task: &str, mdp: &DiscountedMdp, solver: &Solver<'_>) {
    let unreachable = mdp.reachable().iter().filter(|reachable| !**reachable).count();
    let unreachable = match unreachable {
        0 => String::new(),
        n => format!(", {n} of them not reached in the midst of an episode"),
    };
    let (states, actions, gamma) = (mdp.n_states(), mdp.n_actions(), mdp.gamma());
    eprintln!(
        "{} on {task}: {states} states{unreachable}, {actions} actions, gamma {gamma}",
        solver.method()
    );
    eprintln!(
        "eta is {:.9} at first, for uniform actions, and {:.9} at best; a step is the {}",
        solver.evaluation().eta,
        solver.optimal_eta(),
        solver.method().step_size()
    );
}

fn conclude(report: &Report<'_>) -> String {
    let closed = match report.eta_optimal - report.eta_initial {
        whole if whole > 0.0 => {
            format!(" ({:.4} % of the way)", 100.0 * (report.eta - report.eta_initial) / whole)
        }
        _ => String::new(),
    };
    format!(
        "{} iterations, stopped by {}; eta {:.9}{closed}, the optimum is {:.3e} away, at most {:.3e} for certain",
        report.iterations, report.stopped, report.eta, report.gap, report.gap_bound
    )
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Tolerance => "tolerance",
        Stop::Stationary => "stationarity",
        Stop::MaxIterations => "max-iterations",
        Stop::Failed => "an error",
    }
}

/// JSON has no infinity.
fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Refuses a file whose folder is not there, before anything is computed.
fn check_folder(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            bail!("cannot write {}: there is no folder {}", path.display(), folder.display())
        }
        _ => Ok(()),
    }
}

fn write_solution(path: &Path, task: &str, mdp: &DiscountedMdp, solver: &Solver<'_>) -> anyhow::Result<()> {
    let (values, policy) = (&solver.evaluation().values, solver.policy().rows().collect());
    let solution = Solution { task, gamma: mdp.gamma(), values, policy };
    let text = serde_json::to_string(&solution)? + "\n";
    atomic_file::write(path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::is_shown;

    #[test]
    fn rows_thin_out() {
        let shown: Vec<usize> = (1..=3000).filter(|&i| is_shown(i, None)).collect();
        assert_eq!(shown, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 100, 200, 500, 1000, 2000]);
        assert_eq!((1..=10).filter(|&i| is_shown(i, Some(4))).collect::<Vec<_>>(), [4, 8]);
    }
}
