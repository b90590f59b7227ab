//! Scores that can be compared between tasks, and what is told of them.
//!
//! The statistics are those of Agarwal et al. 2021; `gradus_core_math` has them, with their sources.

use gradus_core_math::{
    Bootstrap, Interval, ResultsError, ScoreMatrix, Stream, bootstrap_interval, interquartile_mean,
    probability_of_improvement,
};

use super::summary::Group;

/// The returns of a task that are the scores 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) env: &'static str,
    pub(super) random: f64,
    pub(super) good: f64,
}

/// Where [`RANGES`] come from, as pages tell it.
pub(super) const SOURCES: &str = "the mean return of 1,000 episodes with random actions is the score 0\n\
    (`cargo run --release -p gradus-envs --example random_returns -- 1000`), and that of RL Baselines3 Zoo's PPO the score 1\n\
    (`benchmark.md` of DLR-RM/rl-baselines3-zoo, rows `ppo`)";

/// The classic tasks, in the order in which pages show them. Sources: [`SOURCES`].
pub(super) const RANGES: &[Range] = &[
    Range { env: "CartPole-v1", random: 23.219, good: 500.0 },
    Range { env: "Acrobot-v1", random: -498.737, good: -73.506 },
    Range { env: "MountainCar-v0", random: -200.0, good: -110.423 },
    Range { env: "MountainCarContinuous-v0", random: -33.054, good: 88.343 },
    Range { env: "Pendulum-v1", random: -1236.088, good: -172.225 },
];

/// The seed of every bootstrap: the same results have the same intervals.
const BOOTSTRAP_SEED: u64 = 0;

/// The range of a task, if it is a classic one.
pub(super) fn range(env: &str) -> Option<&'static Range> {
    RANGES.iter().find(|range| range.env == env)
}

impl Range {
    /// 0 for a policy that acts at random, 1 for a good one; it may be less or more.
    pub(super) fn score(&self, mean_return: f64) -> f64 {
        (mean_return - self.random) / (self.good - self.random)
    }
}

/// A statistic of the runs there are, with its interval for other runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) interval: Interval,
}

/// The interquartile mean of all scores.
pub(super) fn iqm(scores: &ScoreMatrix) -> Result<Estimate, ResultsError> {
    estimate([scores], |[scores]| interquartile_mean(scores.scores()))
}

/// The interquartile mean of one task's returns.
pub(super) fn iqm_of_task(returns: Vec<f64>) -> Result<Estimate, ResultsError> {
    iqm(&ScoreMatrix::new(1, returns)?)
}

fn estimate<const K: usize>(
    matrices: [&ScoreMatrix; K],
    statistic: impl Fn([&ScoreMatrix; K]) -> f64,
) -> Result<Estimate, ResultsError> {
    let mut rng = Stream::new(BOOTSTRAP_SEED, "bootstrap", 0);
    let interval = bootstrap_interval(matrices, &statistic, &Bootstrap::new(), &mut rng)?;
    Ok(Estimate { value: statistic(matrices), interval })
}

/// The scores of one variant over all its tasks.
#[derive(Debug)]
pub(super) struct Overall<'a> {
    pub(super) label: &'a str,
    /// The tasks, in the order of [`RANGES`].
    pub(super) envs: Vec<&'static str>,
    /// Of each task, its scores in the order of the seeds.
    by_task: Vec<Vec<f64>>,
}

/// The scores of all variants, in the order in which these come.
pub(super) fn overall<'a>(groups: &[Group<'a>]) -> Vec<Overall<'a>> {
    let mut labels: Vec<&str> = Vec::new();
    for group in groups {
        if !labels.contains(&group.label) {
            labels.push(group.label);
        }
    }
    labels.into_iter().map(|label| Overall::of(label, groups)).collect()
}

impl<'a> Overall<'a> {
    fn of(label: &'a str, groups: &[Group<'a>]) -> Self {
        let (mut envs, mut by_task) = (Vec::new(), Vec::new());
        for range in RANGES {
            let found = groups.iter().find(|group| (group.label, group.env) == (label, range.env));
            if let Some(group) = found {
                envs.push(range.env);
                by_task.push(group.returns().into_iter().map(|it| range.score(it)).collect());
            }
        }
        Self { label, envs, by_task }
    }

    /// The scores on those of the tasks that it was run on, `[seeds, tasks]`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn matrix(&self, envs: &[&str]) -> Result<ScoreMatrix, ResultsError> {
        let tasks: Vec<&Vec<f64>> = self
            .envs
            .iter()
            .zip(&self.by_task)
            .filter(|(env, _)| envs.contains(env))
            .map(|it| it.1)
            .collect();
        let seeds = tasks.iter().map(|scores| scores.len()).min().unwrap_or(0);
        let rows = (0..seeds).flat_map(|seed| tasks.iter().map(move |scores| scores[seed]));
        ScoreMatrix::new(tasks.len(), rows.collect())
    }

    /// The interquartile mean over all tasks.
    pub(super) fn iqm(&self) -> Result<Estimate, ResultsError> {
        iqm(&self.matrix(&self.envs)?)
    }

    /// The probability that a run scores more than one of `other`, on the tasks that both were run on.
    pub(super) fn improvement_over(&self, other: &Overall<'_>) -> Result<Estimate, ResultsError> {
        let (mine, others) = (self.matrix(&other.envs)?, other.matrix(&self.envs)?);
        // Both have the same tasks, so that there is no error to tell; it would be told as a NaN.
        estimate([&mine, &others], |[x, y]| probability_of_improvement(x, y).unwrap_or(f64::NAN))
    }
}
