//! Tables and pages.

use super::levels;
use super::presets::Set;
use super::runs::{EPISODES, EVALUATION_SEED, RunResult};
use super::summary::{Group, groups};
use crate::bench::Machine;
use crate::pages::provenance;

/// The table of all runs, one a line.
pub(super) fn csv(results: &[RunResult]) -> String {
    let mut text = String::from(
        "algo,env,seed,total_steps,mean_return,eval_mean,eval_std,wall_seconds,steps_per_second\n",
    );
    for it in results {
        let mean_return = it.mean_return.map(|it| it.to_string()).unwrap_or_default();
        text += &format!(
            "{},{},{},{},{mean_return},{},{},{:.3},{:.0}\n",
            it.algo,
            it.env,
            it.seed,
            it.total_steps,
            it.eval_mean,
            it.eval_std,
            it.wall_seconds,
            it.steps_per_second
        );
    }
    text
}

/// How the results came about.
pub(super) struct Origin<'a> {
    pub(super) command: String,
    pub(super) side_by_side: usize,
    pub(super) machine: &'a Machine,
}

/// The page of a set of presets, whose pictures are the files `pictures`, each with its task.
pub(super) fn presets(
    set: &Set,
    results: &[RunResult],
    origin: &Origin<'_>,
    pictures: &[(String, String)],
) -> String {
    let groups = groups(results);
    let mut text = format!(
        "# {}\n\n<!-- Written by `{}`; what is changed by hand is lost. -->\n\n{}\n\n{}",
        set.title,
        origin.command,
        provenance(&origin.command, origin.machine),
        explanation(set, origin)
    );
    let mut algos: Vec<&str> = groups.iter().map(|group| group.algo).collect();
    algos.dedup();
    for algo in algos {
        let of_algo: Vec<&Group<'_>> = groups.iter().filter(|group| group.algo == algo).collect();
        text += &format!("\n## {algo}\n\n{}\n{}", table(&of_algo), every_seed(&of_algo));
    }
    text += "\n## Learning curves\n\nThe mean return of the last 100 training episodes, with exploration: the mean over \
             the seeds as a\nline, single seeds as dots.\n";
    for (env, file) in pictures {
        text += &format!("\n![Learning curves on {env}]({file})\n");
    }
    text
}

fn explanation(set: &Set, origin: &Origin<'_>) -> String {
    let runs = match origin.side_by_side {
        1 => "one run after the other".to_owned(),
        n => format!("{n} runs side by side"),
    };
    format!(
        "Every preset is trained with every seed, on one thread a run and {runs}. The policy at the end of the run, not\n\
         the best on the way, plays {EPISODES} fresh episodes without exploration (`gradus eval RUN --episodes {EPISODES} --seed S`,\n\
         S the seed of the run plus {EVALUATION_SEED}); their mean return is the result of the seed. No run is left out. *Level* is\n\
         RL Baselines3 Zoo's level for the task, 0.05 below the optimum that value iteration gives, or for games five times a\n\
         random policy's return. *std* is the deviation between seeds, estimated with n − 1. *time* is the median time of\n\
         training. All figures of every run: [{name}.csv]({name}.csv).\n",
        name = set.name
    )
}

fn table(groups: &[&Group<'_>]) -> String {
    let mut text = String::from(
        "| environment | steps | level asked for | reached | mean | std | min | max | time |\n\
         |---|---:|---|---|---:|---:|---:|---:|---:|\n",
    );
    for group in groups {
        let level = levels::find(group.algo, group.env);
        let shown = |value: f64| shown(value, digits(group.mean(), 1));
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.2} s |\n",
            group.env,
            thousands(group.steps()),
            level.map(|level| level.asked()).unwrap_or("–".into()),
            level.map(|level| level.reached(&group.returns(), group.mean())).unwrap_or("–".into()),
            shown(group.mean()),
            group.std().map(shown).unwrap_or("–".into()),
            shown(group.min()),
            shown(group.max()),
            group.wall_seconds()
        );
    }
    text
}

fn every_seed(groups: &[&Group<'_>]) -> String {
    let mut text = String::from("| environment | mean return of every seed, in their order |\n|---|---|\n");
    for group in groups {
        let digits = digits(group.mean(), 1);
        let returns: Vec<String> = group.returns().iter().map(|&it| shown(it, digits)).collect();
        text += &format!("| {} | {} |\n", group.env, returns.join(", "));
    }
    text
}

/// Digits behind the point: so many, or three for a size below 1, such as a rate of success.
pub(super) fn digits(size: f64, usual: usize) -> usize {
    if size.abs() <= 1.0 { 3 } else { usual }
}

/// A number with so many digits behind the point.
pub(super) fn shown(value: f64, digits: usize) -> String {
    format!("{value:.digits$}")
}

/// 1234567 as 1,234,567.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
