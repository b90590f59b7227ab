//! The table of all runs and the page of a study.

use super::page::{self, Origin, digits, shown, thousands};
use super::runs::{EPISODES, EVALUATION_SEED, RunResult};
use super::scores::{self, Estimate, Overall};
use super::searches::{self, Searches};
use super::study::Study;
use super::summary::{Group, groups};
use crate::pages::{findings, provenance};

/// The files of the pictures.
pub(super) struct Pictures<'a> {
    pub(super) profile: &'a str,
    /// Learning curves, each with its task.
    pub(super) curves: &'a [(String, String)],
}

/// The table of all runs, one a line; settings over those of the preset are divided by blanks.
pub(super) fn csv(results: &[RunResult]) -> String {
    let of_presets = page::csv(results);
    let mut lines = of_presets.lines();
    let mut text = format!("variant,settings,{}\n", lines.next().unwrap_or_default());
    for (line, result) in lines.zip(results) {
        text += &format!("{},{},{line}\n", result.label, result.sets.join(" "));
    }
    text
}

/// The page, with what was found by hand in the page `before`.
pub(super) fn page(
    study: &Study,
    results: &[RunResult],
    origin: &Origin<'_>,
    pictures: &Pictures<'_>,
    searches: &[Searches],
    before: &str,
) -> anyhow::Result<String> {
    let groups = groups(results);
    let overall = scores::overall(&groups);
    let mut text = format!(
        "# {}\n\n<!-- Written by `{}`; what is changed by hand is lost, but for the findings. -->\n\n{}\n\n{}\n\n{}\n{}\n{}\n",
        study.title,
        origin.command,
        provenance(&origin.command, origin.machine),
        study.about,
        explanation(study, origin),
        findings(before),
        variants(study, &overall),
    );
    text += &format!("## All tasks together\n\n{}\n", all_tasks(study, &overall)?);
    text += &format!(
        "The share of the runs that score more than τ, for the variants with every task:\n\n![Performance profiles]({})\n",
        pictures.profile
    );
    for (env, file) in pictures.curves {
        let of_task: Vec<&Group<'_>> = groups.iter().filter(|group| group.env == *env).collect();
        text += &format!("\n## {env}\n\n{}\n![Learning curves on {env}]({file})\n", of_one_task(&of_task)?);
    }
    if !searches.is_empty() {
        text += &format!("\n## Line searches\n\n{SEARCHES}\n\n{}", searches::table(searches));
    }
    Ok(text)
}

const SEARCHES: &str = "From `metrics.csv` of all seeds. A row there is the mean of the updates since the row before; where a row has several\n\
    updates, the greatest KL is one of such means. *backtracks* are trials after the full step, *rejected* the updates that no\n\
    trial was good enough for, and that leave the policy as it was. KL(old, new) is that of the updates that changed the\n\
    policy: the mean over the states of the batch, or of `trpo-max-kl` the greatest of a state. δ bounds it where there\n\
    is a line search. *roll-out steps* are those that `trpo-vine` makes beside its rollout, and which the steps of the tables\n\
    above include.";

fn explanation(study: &Study, origin: &Origin<'_>) -> String {
    let runs = match origin.side_by_side {
        1 => "one run after the other".to_owned(),
        n => format!("{n} runs side by side"),
    };
    format!(
        "Every variant is trained with every seed, on one thread a run and {runs}. The policy at the end of the run plays\n\
         {EPISODES} fresh episodes without exploration (seed {EVALUATION_SEED} + that of the run); their mean return is the result of the\n\
         seed. No run is left out. *std* is the deviation between seeds, estimated with n − 1. *IQM* is the interquartile\n\
         mean, that of the middle half, with its 95 % interval by the stratified bootstrap (Agarwal et al. 2021): a\n\
         statement on other seeds, too narrow where there are few. All figures of every run: [{name}.csv]({name}.csv).\n",
        name = study.name
    )
}

fn variants(study: &Study, overall: &[Overall<'_>]) -> String {
    let mut text = String::from("| variant | `--algo` | settings over the preset's |\n|---|---|---|\n");
    let is_run = |label: &str| overall.iter().any(|it| it.label == label);
    for variant in study.variants.iter().filter(|variant| is_run(&variant.label)) {
        let sets: Vec<String> = variant.sets.iter().map(|set| format!("`--set {set}`")).collect();
        let sets = if sets.is_empty() { "–".to_owned() } else { sets.join(" ") };
        text += &format!("| {} | `{}` | {sets} |\n", variant.label, variant.algo);
    }
    text
}

/// The table of scores over all tasks, and what a score is.
fn all_tasks(study: &Study, overall: &[Overall<'_>]) -> anyhow::Result<String> {
    let baseline = overall.iter().find(|it| it.label == study.baseline);
    let mut text = format!(
        "Scores are returns on one scale for all tasks: {}.\n\n| task | score 0 | score 1 |\n|---|---:|---:|\n",
        scores::SOURCES
    );
    for range in scores::RANGES {
        text += &format!("| {} | {} | {} |\n", range.env, range.random, range.good);
    }
    text += &format!(
        "\n*improvement* is the probability that a run scores more than one of `{0}` on the same task, among the tasks that both\n\
         were run on; ½ says that neither is better. Where variants have other numbers of tasks, their IQMs do not compare.\n\n\
         | variant | tasks | IQM of scores | 95 % interval | improvement over `{0}` | 95 % interval |\n\
         |---|---:|---:|---|---:|---|\n",
        study.baseline
    );
    for variant in overall {
        let iqm = variant.iqm()?;
        let improvement = match baseline {
            Some(baseline) if baseline.label != variant.label && shares_a_task(variant, baseline) => {
                let it = variant.improvement_over(baseline)?;
                format!("{} | {}", shown(it.value, 2), interval(&it, 2))
            }
            _ => "– | –".to_owned(),
        };
        text += &format!(
            "| {} | {} | {} | {} | {improvement} |\n",
            variant.label,
            variant.envs.len(),
            shown(iqm.value, 3),
            interval(&iqm, 3)
        );
    }
    Ok(text)
}

fn shares_a_task(one: &Overall<'_>, other: &Overall<'_>) -> bool {
    one.envs.iter().any(|env| other.envs.contains(env))
}

fn interval(estimate: &Estimate, digits: usize) -> String {
    format!("{} to {}", shown(estimate.interval.low, digits), shown(estimate.interval.high, digits))
}

fn of_one_task(groups: &[&Group<'_>]) -> anyhow::Result<String> {
    let mut text = String::from(
        "| variant | steps | seeds | mean | std | IQM | 95 % interval | min | max | time |\n\
         |---|---:|---:|---:|---:|---:|---|---:|---:|---:|\n",
    );
    for group in groups {
        let digits = digits(group.mean(), 1);
        let shown = |value: f64| shown(value, digits);
        let iqm = scores::iqm_of_task(group.returns())?;
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2} s |\n",
            group.label,
            thousands(group.steps()),
            group.runs.len(),
            shown(group.mean()),
            group.std().map(shown).unwrap_or("–".into()),
            shown(iqm.value),
            interval(&iqm, digits),
            shown(group.min()),
            shown(group.max()),
            group.wall_seconds()
        );
    }
    Ok(text)
}
