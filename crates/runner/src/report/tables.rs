//! The tables of the page.

use super::html::{Cell, NONE, Row, duration, real, run_name, table, whole};
use super::run::{Run, State};
use crate::config::KEYS;

/// What the runs came to, a row each.
pub(super) fn summary(runs: &[Run]) -> String {
    let with_best = runs.iter().any(|run| best(run).is_some());
    let mut head = ["run", "algorithm", "environment", "seed", "state", "steps", "mean return", "evaluation"]
        .map(Cell::text)
        .into_iter()
        .collect::<Vec<_>>();
    if with_best {
        head.push(Cell::text("best evaluation"));
    }
    head.extend(["wall time", "steps/s"].map(Cell::text));
    for cell in &mut head[5..] {
        cell.align_right();
    }
    head[3].align_right();
    let rows: Vec<Row> =
        runs.iter().enumerate().map(|(index, run)| summary_row(index, run, with_best)).collect();
    table("runs", &head, &rows)
}

fn summary_row(index: usize, run: &Run, with_best: bool) -> Row {
    let text = |key: &str| Cell::text(run.setting(key).as_deref().unwrap_or(NONE));
    let summary = run.summary.as_ref();
    let mean_return = summary.map_or_else(|| run.last("mean_return"), |summary| summary.mean_return);
    let evaluation = summary.and_then(|summary| {
        let episodes = summary.eval_episodes.map(|n| format!(" ({} episodes)", whole(n))).unwrap_or_default();
        real(summary.eval_mean_return?).map(|value| value + &episodes)
    });
    let speed =
        summary.map_or_else(|| run.last("steps_per_second"), |summary| Some(summary.steps_per_second));
    let mut cells = vec![
        Cell::html(run_name(index, &run.label)).with_title(&run.folder.display().to_string()),
        text("algo"),
        text("env"),
        Cell::number(run.setting("seed")),
        state(run),
        Cell::number(Some(steps(run))),
        Cell::number(mean_return.and_then(real)),
        Cell::number(evaluation),
    ];
    if with_best {
        cells.push(Cell::number(best(run).and_then(real)));
    }
    cells.push(Cell::number(summary.and_then(|summary| duration(summary.wall_seconds))));
    cells.push(Cell::number(speed.filter(|x| x.is_finite() && *x >= 0.0).map(|x| whole(x.round() as u64))));
    Row { cells, class: "" }
}

/// The best evaluation during training: of the summary, or of what is logged so far.
fn best(run: &Run) -> Option<f64> {
    let logged = || {
        let values = run.metrics.points("step", "eval_mean_return");
        values.into_iter().map(|(_, y)| y).filter(|y| y.is_finite()).reduce(f64::max)
    };
    run.summary.as_ref().and_then(|summary| summary.best_mean_return).or_else(logged)
}

fn state(run: &Run) -> Cell {
    let class = match run.state {
        State::Finished => "finished",
        State::InProgress => "in-progress",
        State::Stopped | State::BrokenOff => "stopped",
    };
    let why = match run.state {
        State::Finished => "the run came to its end",
        State::InProgress => "a process is training in the folder",
        State::Stopped => "stopped before its end, everything saved",
        State::BrokenOff => "no process trains in the folder, and no summary covers what is logged",
    };
    Cell::html(format!("<span class=\"state {class}\">{}</span>", run.state.name())).with_title(why)
}

/// Steps done, and those asked for if they are more.
fn steps(run: &Run) -> String {
    let done = whole(run.steps());
    match run.number("total_steps") {
        Some(total) if total > run.steps() as f64 => format!("{done} of {}", whole(total as u64)),
        _ => done,
    }
}

/// The reasons of rejection and what they are called.
const REASONS: [(&str, &str); 4] = [
    ("rejected", "rejected"),
    ("rejected_no_improvement", "no improvement"),
    ("rejected_kl", "KL above its limit"),
    ("rejected_not_finite", "not finite"),
];

/// How the line searches of the runs that have one ended; empty if none has.
pub(super) fn line_search(runs: &[Run]) -> String {
    let searching = |run: &Run| run.shows("rejected") && run.last("updates").is_some();
    let rows: Vec<Row> = runs
        .iter()
        .enumerate()
        .filter(|(_, run)| searching(run))
        .map(|(index, run)| {
            let updates = run.last("updates").map(|updates| whole(updates as u64));
            let mut cells = vec![Cell::html(run_name(index, &run.label)), Cell::number(updates)];
            cells.extend(REASONS.iter().map(|(column, _)| Cell::number(count(run, column).map(whole))));
            Row { cells, class: "" }
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut head = vec![Cell::text("run"), Cell::text("updates")];
    head.extend(REASONS.iter().map(|(_, name)| Cell::text(name)));
    head[1..].iter_mut().for_each(Cell::align_right);
    table("line search", &head, &rows)
}

/// In how many updates a metric that is 0 or 1 was 1. A row of metrics is the mean of the updates since the row
/// above.
fn count(run: &Run, column: &str) -> Option<u64> {
    let mut before = 0.0;
    let mut sum = 0.0;
    for (updates, share) in run.metrics.points("updates", column) {
        sum += (updates - before) * share;
        before = updates;
    }
    (run.metrics.column(column).is_some() && sum.is_finite() && sum >= 0.0).then(|| sum.round() as u64)
}

/// The settings of all runs: those that differ, marked, and the others folded away.
pub(super) fn configurations(runs: &[Run]) -> String {
    let (differing, common): (Vec<&str>, Vec<&str>) = keys(runs).into_iter().partition(|key| {
        let first = runs[0].setting(key);
        runs.iter().any(|run| run.setting(key) != first)
    });
    if runs.len() == 1 {
        return settings("settings", runs, &common, "");
    }
    let mut html = if differing.is_empty() {
        "<p>The configurations are the same.</p>\n".to_owned()
    } else {
        settings("differing settings", runs, &differing, "differs")
    };
    if !common.is_empty() {
        let settings = settings("common settings", &runs[..1], &common, "");
        html += &format!(
            "<details><summary>{} that all runs have in common</summary>\n{settings}</details>\n",
            if common.len() == 1 { "1 setting".to_owned() } else { format!("{} settings", common.len()) }
        );
    }
    html
}

/// All keys: ours in their order, then others.
fn keys(runs: &[Run]) -> Vec<&str> {
    let known =
        KEYS.iter().map(|key| key.name).filter(|key| runs.iter().any(|run| run.config.contains_key(*key)));
    let mut keys: Vec<&str> = known.collect();
    for key in runs.iter().flat_map(|run| run.config.keys()) {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    keys
}

fn settings(name: &str, runs: &[Run], keys: &[&str], class: &'static str) -> String {
    let mut head = vec![Cell::text("setting")];
    if class.is_empty() {
        head.push(Cell::text("value"));
    } else {
        head.extend(runs.iter().enumerate().map(|(index, run)| Cell::html(run_name(index, &run.label))));
    }
    let row = |key: &&str| {
        let doc = KEYS.iter().find(|it| it.name == *key).map_or("", |it| it.doc);
        let mut cells = vec![Cell::text(key)];
        if !doc.is_empty() {
            cells[0] = Cell::text(key).with_title(doc);
        }
        let value = |run: &Run| Cell::text(run.setting(key).as_deref().unwrap_or(NONE));
        cells.extend(runs.iter().map(value));
        Row { cells, class }
    };
    let rows: Vec<Row> = keys.iter().map(row).collect();
    table(name, &head, &rows)
}
