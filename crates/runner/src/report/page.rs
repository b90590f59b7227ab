//! The page as a whole.

use super::html::run_name;
use super::pictures::{
    LINE_SEARCH, SMOOTHED, SPEED, UPDATES, environments, learning_curves, metric, other_metrics, pictures,
};
use super::run::Run;
use super::{MARK, tables};
use crate::plot::{dark_rules, escaped};

const STYLE: &str = include_str!("style.css");

/// The page that shows the runs, of which there is at least one.
pub(super) fn page(runs: &[Run]) -> String {
    let mut html = head();
    html += &format!("<header><h1>gradus report</h1>\n<p>{}</p></header>\n", escaped(&subtitle(runs)));
    html += &legend(runs);
    html += "<main>\n";
    html += &section("Runs", &(tables::summary(runs) + SUMMARY_NOTE));
    let curves: String = environments(runs).iter().map(|env| learning_curves(runs, env)).collect();
    html += &section("Learning curves", &curves);
    html += &section("Updates", &grid(&pictures(runs, UPDATES), &smoothing_note(runs)));
    let record = tables::line_search(runs);
    html += &section("Line search", &(record + &grid(&pictures(runs, LINE_SEARCH), "")));
    html += &section("Speed", &grid(&pictures(runs, SPEED), ""));
    html += &section("Other metrics", &others(runs));
    html += &section("Configuration", &tables::configurations(runs));
    html + "</main>\n</body>\n</html>\n"
}

const SUMMARY_NOTE: &str = "<p class=\"note\">Mean return: the last 100 training episodes. Evaluation: fresh episodes \
    with the most probable actions, after the end. Wall time and steps/s: the last session, without the \
    evaluation; of a run without a summary, what is logged so far.</p>\n";

fn head() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let dark = dark_rules(".picture") + &dark_rules(".swatch");
    format!(
        "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n\
         <meta charset=\"utf-8\"/>\n{MARK}{version}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>gradus report</title>\n\
         <style>\n{STYLE}@media (prefers-color-scheme: dark) {{\n{dark}}}\n</style>\n</head>\n<body>\n"
    )
}

/// How many runs there are and of what.
fn subtitle(runs: &[Run]) -> String {
    let count = if runs.len() == 1 { "1 run".to_owned() } else { format!("{} runs", runs.len()) };
    let mut algorithms: Vec<String> = Vec::new();
    for algorithm in runs.iter().filter_map(|run| run.setting("algo")) {
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    format!("{count} \u{b7} {} \u{b7} {}", algorithms.join(", "), environments(runs).join(", "))
}

/// The one legend of all pictures, which stays in sight.
fn legend(runs: &[Run]) -> String {
    let item = |(index, run): (usize, &Run)| format!("<li>{}</li>\n", run_name(index, &run.label));
    let items: String = runs.iter().enumerate().map(item).collect();
    format!("<ul class=\"legend\" aria-label=\"runs and their colours\">\n{items}</ul>\n")
}

/// A section, unless there is nothing in it.
fn section(title: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}

fn grid(pictures: &str, note: &str) -> String {
    if pictures.is_empty() {
        String::new()
    } else {
        format!("{note}<div class=\"grid\">\n{pictures}</div>\n")
    }
}

/// Only said where a run is long enough to be smoothed.
fn smoothing_note(runs: &[Run]) -> String {
    let is_smoothed = runs.iter().any(|run| run.metrics.rows().len() as f64 * SMOOTHED >= 2.0);
    let percent = 100.0 * SMOOTHED;
    let note = format!(
        "<p class=\"note\">Dots are rows of metrics.csv; where there are many, the line is their mean over the last \
         {percent} % of the run's rows.</p>\n"
    );
    if is_smoothed { note } else { String::new() }
}

/// The pictures of metrics that have no place of their own, folded away.
fn others(runs: &[Run]) -> String {
    let others = other_metrics(runs);
    if others.is_empty() {
        return String::new();
    }
    let pictures: String = others.iter().map(|column| metric(runs, column, column)).collect();
    let names = escaped(&others.join(", "));
    format!("<details><summary>{names}</summary>\n{}</details>\n", grid(&pictures, ""))
}
