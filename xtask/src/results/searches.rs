//! What the line searches of trust region methods did, from the metrics of their runs.

use gradus_runner::config::{KEYS, Layers, Origin};
use gradus_runner::log::Table;
use gradus_runner::presets;

use super::runs::Job;

/// What the updates of all seeds of a variant on a task came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Searches {
    pub(super) label: String,
    pub(super) env: String,
    /// δ, the bound on the divergence.
    pub(super) max_kl: f64,
    /// Updates of all seeds, and the rows that tell of them.
    pub(super) updates: f64,
    pub(super) rows: usize,
    /// Trials after the first one, of an update in the mean; none without a line search.
    pub(super) backtracks: Option<f64>,
    /// The share of the updates that no trial was good enough for; none without a line search.
    pub(super) rejected: Option<f64>,
    /// KL(old, new) in the mean of the updates that changed the policy, or of `trpo-max-kl` the greatest of a state.
    pub(super) realised_kl: f64,
    /// The greatest in a row.
    pub(super) greatest_kl: f64,
    /// Of an update in the mean, the steps of the simulator in roll-outs beside the rollout; none without a vine.
    pub(super) branch_steps: Option<f64>,
}

/// What is summed up over the rows of tables.
#[derive(Default)]
struct Sums {
    rows: usize,
    updates: f64,
    zero_gradient: f64,
    backtracks: f64,
    rejected: f64,
    kl: f64,
    greatest_kl: f64,
    branch_steps: Option<f64>,
}

/// One entry for each variant and task of algorithms that log a search; jobs of one setting are neighbours.
pub(super) fn of_jobs(
    jobs: &[Job],
    metrics: impl Fn(&Job) -> anyhow::Result<Table>,
) -> anyhow::Result<Vec<Searches>> {
    let mut all = Vec::new();
    for runs in jobs.chunk_by(|a, b| (&a.label, &a.env) == (&b.label, &b.env)) {
        let mut sums = Sums::default();
        for job in runs {
            sums.add(&metrics(job)?);
        }
        if sums.updates > 0.0 {
            all.push(sums.of(&runs[0])?);
        }
    }
    Ok(all)
}

impl Sums {
    /// A row is the mean of the updates since the row before, so it counts as often as there were updates.
    fn add(&mut self, table: &Table) {
        let place = |name: &str| table.columns().iter().position(|column| column == name);
        let branch_steps = place("branch_steps");
        let kl = place("max_kl_old_new").or_else(|| place("kl_old_new"));
        let [Some(updates), Some(trials), Some(rejected), Some(zero_gradient), Some(kl)] =
            [place("updates"), place("line_search_trials"), place("rejected"), place("zero_gradient"), kl]
        else {
            return;
        };
        let mut before = 0.0;
        for row in table.rows() {
            let cells = [row[updates], row[trials], row[rejected], row[zero_gradient], row[kl]];
            let [Some(updates), Some(trials), Some(rejected), Some(zero_gradient), Some(kl)] = cells else {
                continue;
            };
            let weight = updates - before;
            before = updates;
            self.rows += 1;
            self.updates += weight;
            self.zero_gradient += weight * zero_gradient;
            // Where there is no direction, there is no trial.
            self.backtracks += weight * (trials - (1.0 - zero_gradient));
            self.rejected += weight * rejected;
            self.kl += weight * kl;
            self.greatest_kl = self.greatest_kl.max(kl);
            if let Some(steps) = branch_steps.and_then(|place| row[place]) {
                *self.branch_steps.get_or_insert_default() += weight * steps;
            }
        }
    }

    fn of(&self, job: &Job) -> anyhow::Result<Searches> {
        let has_search = job.algo != "npg";
        let searches = self.updates - self.zero_gradient;
        Ok(Searches {
            label: job.label.clone(),
            env: job.env.clone(),
            max_kl: max_kl(job)?,
            updates: self.updates,
            rows: self.rows,
            backtracks: has_search.then(|| self.backtracks / searches),
            rejected: has_search.then(|| self.rejected / searches),
            realised_kl: self.kl / (searches - self.rejected),
            greatest_kl: self.greatest_kl,
            branch_steps: self.branch_steps.map(|steps| steps / self.updates),
        })
    }
}

/// δ as the run has it: from the job's settings, the preset, or the default.
fn max_kl(job: &Job) -> anyhow::Result<f64> {
    let table = presets::find(&job.algo, &job.env).map(presets::Preset::table).unwrap_or_default();
    let layers = Layers::new(KEYS).table(&Origin::Preset(format!("{}/{}", job.algo, job.env)), table);
    let layers = layers.set(&job.sets).flag("--env", "env", job.env.as_str());
    Ok(layers.flag("--algo", "algo", job.algo.as_str()).resolve()?.float("max_kl"))
}

/// The table of all of them.
pub(super) fn table(all: &[Searches]) -> String {
    let mut text = String::from(
        "| task | variant | δ | updates | updates a row | backtracks an update | rejected | KL in the mean / δ | greatest KL / δ | roll-out steps an update |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let or_dash = |value: Option<String>| value.unwrap_or("–".into());
    for it in all {
        text += &format!(
            "| {} | {} | {} | {:.0} | {:.1} | {} | {} | {:.2} | {:.2} | {} |\n",
            it.env,
            it.label,
            it.max_kl,
            it.updates,
            it.updates / it.rows as f64,
            or_dash(it.backtracks.map(|it| format!("{it:.2}"))),
            or_dash(it.rejected.map(|it| format!("{:.1} %", 100.0 * it))),
            it.realised_kl / it.max_kl,
            it.greatest_kl / it.max_kl,
            or_dash(it.branch_steps.map(|it| format!("{it:.0}"))),
        );
    }
    text
}
