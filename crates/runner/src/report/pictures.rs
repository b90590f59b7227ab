//! The pictures of the page.

use super::run::Run;
use crate::plot::{Plot, escaped, moving_average};

/// A metric and what its picture is called.
pub(super) type Picture = (&'static str, &'static str);

/// Returns, which say something only among runs on one environment.
pub(super) const RETURNS: &[Picture] = &[
    ("mean_return", "Mean return of the last 100 training episodes"),
    ("eval_mean_return", "Mean return of evaluations during training"),
];

/// What updates report of the policy and the critic.
pub(super) const UPDATES: &[Picture] = &[
    (KL, "KL(\u{3c0}_old \u{2016} \u{3c0}_new) of an update"),
    ("entropy", "Entropy of the policy"),
    (EXPLAINED, "Explained variance of the critic (below \u{2212}1 drawn at \u{2212}1)"),
    ("value_loss", "Value loss"),
    ("gradient_norm", "Gradient norm"),
    ("clip_fraction", "Clip fraction"),
];

/// What a line search reports.
pub(super) const LINE_SEARCH: &[Picture] = &[
    ("step_scale", "Share of the full step that was taken"),
    ("line_search_trials", "Trials of the line search"),
    ("rejected", "Share of updates that were rejected"),
];

/// How fast training went.
pub(super) const SPEED: &[Picture] = &[("steps_per_second", "Environment steps a second")];

/// The metric that has a limit.
const KL: &str = "kl_old_new";

/// A metric of at most 1 that a bad critic takes to any depth, where nothing else would be seen.
const EXPLAINED: &str = "explained_variance";

/// Lower values are drawn here.
const LEAST_EXPLAINED: f64 = -1.0;

/// Metrics that are counts of the run itself.
const COUNTS: [&str; 3] = ["step", "updates", "episodes"];

/// A smooth line is the mean over this part of a run's rows, and single rows are dots.
pub(super) const SMOOTHED: f64 = 0.05;

const WIDE: (f64, f64) = (1180.0, 440.0);
const NARROW: (f64, f64) = (580.0, 350.0);

/// The environments in the order of their first runs.
pub(super) fn environments(runs: &[Run]) -> Vec<String> {
    let mut environments: Vec<String> = Vec::new();
    for env in runs.iter().map(Run::env) {
        if !environments.contains(&env) {
            environments.push(env);
        }
    }
    environments
}

/// The learning curves of an environment, one picture for each kind of return that there is.
pub(super) fn learning_curves(runs: &[Run], env: &str) -> String {
    let of_env = |run: &Run| run.env() == env;
    let threshold = gradus_envs::find(env).ok().and_then(|info| info.reward_threshold);
    let mut html = String::new();
    for (column, title) in RETURNS {
        // The first picture is there even if no episode ended: it says so.
        let is_shown = *column == RETURNS[0].0 || runs.iter().any(|run| of_env(run) && run.shows(column));
        if is_shown {
            let mut plot = Plot::new(format!("{env}: {}", lower_first(title))).size(WIDE.0, WIDE.1);
            for run in runs {
                let points = if of_env(run) { run.metrics.points("step", column) } else { Vec::new() };
                plot = plot.series(&run.label, &points);
            }
            if let Some(threshold) = threshold {
                plot = plot.horizontal_line(format!("solved at {threshold}"), threshold);
            }
            html += &figure(column, Some(env), plot);
        }
    }
    html
}

/// The pictures of those metrics that any run has values of.
pub(super) fn pictures(runs: &[Run], pictures: &[Picture]) -> String {
    let shown = pictures.iter().filter(|(column, _)| runs.iter().any(|run| run.shows(column)));
    shown.map(|(column, title)| metric(runs, column, title)).collect()
}

/// The metrics that have no picture of their own, in the order of their first coming.
pub(super) fn other_metrics(runs: &[Run]) -> Vec<&str> {
    let mut others: Vec<&str> = Vec::new();
    for column in runs.iter().flat_map(|run| run.metrics.columns()) {
        let mut known = [RETURNS, UPDATES, LINE_SEARCH, SPEED].into_iter().flatten().map(|(name, _)| *name);
        let is_known = COUNTS.contains(&column.as_str()) || known.any(|name| name == column);
        if !is_known && !others.contains(&column.as_str()) && runs.iter().any(|run| run.shows(column)) {
            others.push(column);
        }
    }
    others
}

/// The picture of a metric, all runs together.
pub(super) fn metric(runs: &[Run], column: &str, title: &str) -> String {
    let mut plot = Plot::new(title).size(NARROW.0, NARROW.1);
    for run in runs {
        let mut points = run.metrics.points("step", column);
        if column == EXPLAINED {
            points.retain(|(_, y)| y.is_finite());
            points.iter_mut().for_each(|(_, y)| *y = y.max(LEAST_EXPLAINED));
        }
        // A window of one row would only draw every dot under the line.
        let window = (points.len() as f64 * SMOOTHED) as usize;
        plot = if window < 2 {
            plot.series(&run.label, &points)
        } else {
            plot.scatter(&run.label, &points, &moving_average(&points, window))
        };
    }
    if column == KL {
        for (label, limit) in limits(runs) {
            plot = plot.horizontal_line(label, limit);
        }
    }
    figure(column, None, plot)
}

/// The limits of KL that runs have, each once; with their runs' names if there are several of one kind.
fn limits(runs: &[Run]) -> Vec<(String, f64)> {
    let mut found: Vec<(&str, f64, Vec<&str>)> = Vec::new();
    for run in runs {
        let key = match run.setting("algo").as_deref() {
            Some("ppo") => "kl_target",
            Some("trpo" | "npg") => "max_kl",
            _ => continue,
        };
        let Some(limit) = run.number(key) else { continue };
        let same = |(other, value, _): &&mut (&str, f64, _)| *other == key && value.total_cmp(&limit).is_eq();
        match found.iter_mut().find(same) {
            Some((_, _, names)) => names.push(&run.label),
            None => found.push((key, limit, vec![&run.label])),
        }
    }
    let kinds = |key: &str| found.iter().filter(|(other, _, _)| *other == key).count();
    let label = |(key, limit, names): &(&str, f64, Vec<&str>)| {
        let of = if kinds(key) > 1 { format!(" ({})", names.join(", ")) } else { String::new() };
        (format!("{key} = {limit}{of}"), *limit)
    };
    found.iter().map(label).collect()
}

/// A picture, to be found by its metric and its environment.
fn figure(column: &str, env: Option<&str>, plot: Plot) -> String {
    let env = env.map(|env| format!(" data-environment=\"{}\"", escaped(env))).unwrap_or_default();
    let svg = plot.x_label("environment steps").y_label(column).without_legend().render();
    format!("<figure class=\"picture\" data-picture=\"{}\"{env}>\n{svg}</figure>\n", escaped(column))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
