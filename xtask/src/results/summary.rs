//! What the seeds of one setting have in common.

use gradus_core_math::{mean, median, standard_deviation};

use super::runs::RunResult;

/// The runs of one variant on one task, in the order of their seeds.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) label: &'a str,
    pub(super) algo: &'a str,
    pub(super) env: &'a str,
    pub(super) runs: &'a [RunResult],
}

/// Neighbours of the same variant and task.
pub(super) fn groups(results: &[RunResult]) -> Vec<Group<'_>> {
    results
        .chunk_by(|a, b| (&a.label, &a.env) == (&b.label, &b.env))
        .map(|runs| Group { label: &runs[0].label, algo: &runs[0].algo, env: &runs[0].env, runs })
        .collect()
}

impl Group<'_> {
    /// The mean return of each seed's evaluation.
    pub(super) fn returns(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.eval_mean).collect()
    }

    pub(super) fn mean(&self) -> f64 {
        mean(&self.returns())
    }

    /// The standard deviation over the seeds, as estimated from a sample: divided by n − 1; none for one seed.
    pub(super) fn std(&self) -> Option<f64> {
        let n = self.runs.len() as f64;
        (n > 1.0).then(|| standard_deviation(&self.returns()) * (n / (n - 1.0)).sqrt())
    }

    pub(super) fn min(&self) -> f64 {
        self.returns().into_iter().fold(f64::INFINITY, f64::min)
    }

    pub(super) fn max(&self) -> f64 {
        self.returns().into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The median time of training, in seconds.
    pub(super) fn wall_seconds(&self) -> f64 {
        median(&self.runs.iter().map(|run| run.wall_seconds).collect::<Vec<f64>>())
    }

    /// The median of the steps of a run, which are the same for all seeds unless updates take different numbers of them.
    pub(super) fn steps(&self) -> u64 {
        median(&self.runs.iter().map(|run| run.total_steps as f64).collect::<Vec<f64>>()) as u64
    }
}
