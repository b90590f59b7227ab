//! What several runs came to.

use std::path::Path;

use gradus_core_math::{mean, standard_deviation};
use serde::Serialize;

use super::{Outcome, Output, print};
use crate::Summary;

/// The summaries of runs that differ in their seeds alone, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    env: &'a str,
    algo: &'a str,
    seeds: Vec<u64>,
    mean_return: Option<f64>,
    eval_mean_return: Option<f64>,
    eval_std_over_seeds: Option<f64>,
    run_dir: &'a Path,
    runs: &'a [Summary],
}

/// Prints a table of the runs below `folder`, or one JSON line.
pub(super) fn report(folder: &Path, runs: &[Summary], output: Output) -> anyhow::Result<Outcome> {
    let evaluations: Vec<f64> = runs.iter().filter_map(|run| run.eval_mean_return).collect();
    let returns: Vec<f64> = runs.iter().filter_map(|run| run.mean_return).collect();
    let over = |values: &[f64], statistic: fn(&[f64]) -> f64| (!values.is_empty()).then(|| statistic(values));
    let Some(first) = runs.first() else { return Ok(Outcome::Done) };
    let report = Report {
        env: &first.env,
        algo: &first.algo,
        seeds: runs.iter().map(|run| run.seed).collect(),
        mean_return: over(&returns, mean),
        eval_mean_return: over(&evaluations, mean),
        eval_std_over_seeds: over(&evaluations, standard_deviation),
        run_dir: folder,
        runs,
    };
    if output.json {
        print(&serde_json::to_string(&report)?)?;
    } else {
        print(&table(&report))?;
    }
    Ok(if runs.iter().all(|run| run.finished) { Outcome::Done } else { Outcome::Interrupted })
}

fn table(report: &Report<'_>) -> String {
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let mut lines = vec![format!(
        "{:>6} {:>10} {:>14} {:>12} {:>8}",
        "seed", "steps", "last episodes", "evaluation", "seconds"
    )];
    for run in report.runs {
        lines.push(format!(
            "{:>6} {:>10} {:>14} {:>12} {:>8.2}",
            run.seed,
            run.total_steps,
            shown(run.mean_return),
            shown(run.eval_mean_return),
            run.wall_seconds
        ));
    }
    lines.push(format!(
        "{:>6} {:>10} {:>14} {:>12}  ± {} over seeds",
        "mean",
        "",
        shown(report.mean_return),
        shown(report.eval_mean_return),
        shown(report.eval_std_over_seeds)
    ));
    lines.push(format!("{} on {}, runs in {}", report.algo, report.env, report.run_dir.display()));
    lines.join("\n")
}
