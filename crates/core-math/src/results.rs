//! Statistics of results: what the scores of several runs on several tasks say about an algorithm.
//!
//! Source of the choice: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice".

use rand::RngExt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Stream;

/// The final scores of N runs on each of M tasks.
///
/// Scores of different tasks are to be on one scale, such as 0 for random play and 1 for a known good agent.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreMatrix {
    tasks: usize,
    scores: Vec<f64>,
}

/// What is wrong with scores, or with what is asked of them.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// There is no run or no task.
    #[error("there are no scores")]
    Empty,
    /// The scores are not whole runs.
    #[error("{found} scores are not whole runs of {tasks} tasks")]
    Ragged {
        /// The number of scores.
        found: usize,
        /// The number of tasks.
        tasks: usize,
    },
    /// A score is NaN or infinite.
    #[error("the score of run {run} on task {task} is {value}")]
    NonFinite {
        /// The run, from 0.
        run: usize,
        /// The task, from 0.
        task: usize,
        /// The score.
        value: f64,
    },
    /// Two algorithms were not run on the same tasks.
    #[error("one algorithm has scores of {one} tasks, the other of {other}")]
    OtherTasks {
        /// Tasks of the first.
        one: usize,
        /// Tasks of the second.
        other: usize,
    },
    /// A setting of the bootstrap is outside its range.
    #[error("{name} is {value}, it must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was given.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// The statistic of a resample is NaN or infinite.
    #[error("the statistic of resample {resample} is {value}")]
    Statistic {
        /// Which one, from 0.
        resample: usize,
        /// The value.
        value: f64,
    },
}

impl ScoreMatrix {
    /// Scores of whole runs.
    ///
    /// # Shapes
    /// `scores`: `[runs, tasks]`, row-major.
    ///
    /// # Errors
    /// When there is no score, when they are not whole runs, or when one is not finite.
    pub fn new(tasks: usize, scores: Vec<f64>) -> Result<Self, ResultsError> {
        if tasks == 0 || scores.is_empty() {
            return Err(ResultsError::Empty);
        }
        if !scores.len().is_multiple_of(tasks) {
            return Err(ResultsError::Ragged { found: scores.len(), tasks });
        }
        if let Some(place) = scores.iter().position(|score| !score.is_finite()) {
            let (run, task) = (place / tasks, place % tasks);
            return Err(ResultsError::NonFinite { run, task, value: scores[place] });
        }
        Ok(Self { tasks, scores })
    }

    /// The number of tasks, M.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// The number of runs on each task, N.
    pub fn runs(&self) -> usize {
        self.scores.len() / self.tasks
    }

    /// All scores, `[runs, tasks]`.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The scores of all runs on one task.
    fn of_task(&self, task: usize) -> impl Iterator<Item = f64> + Clone + '_ {
        self.scores.iter().skip(task).step_by(self.tasks).copied()
    }

    /// Replaces every score by that of a random run on the same task.
    fn resample_from(&mut self, from: &Self, rng: &mut Stream) {
        let runs = from.runs();
        for row in self.scores.chunks_exact_mut(self.tasks) {
            for (task, score) in row.iter_mut().enumerate() {
                *score = from.scores[rng.random_range(0..runs) * from.tasks + task];
            }
        }
    }
}

/// The interquartile mean: the mean of what is left without the ⌊n/4⌋ smallest and the ⌊n/4⌋ largest values.
///
/// Source: Agarwal et al. 2021, section 4.3, there of all N·M scores at once. It is as robust as the median, which
/// ignores all values but one, and its intervals are narrower. NaN for no values, or if one is NaN.
///
/// ```
/// use gradus_core_math::interquartile_mean;
/// assert_eq!(interquartile_mean(&[100.0, 1.0, 2.0, -50.0]), 1.5);
/// ```
pub fn interquartile_mean(values: &[f64]) -> f64 {
    if values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    crate::mean(&sorted[cut..sorted.len() - cut])
}

/// The performance profile: for each threshold τ the share of all scores that exceed it.
///
/// F(τ) = (1/M) Σ_m (1/N) Σ_n 1{x_{n,m} > τ}
///
/// Source: Agarwal et al. 2021, section 4.2, the run-score distribution. A score that equals τ does not exceed it.
pub fn performance_profile(scores: &ScoreMatrix, thresholds: &[f64]) -> Vec<f64> {
    // Each task has equally many runs, so that the mean over tasks of means is the mean over all.
    let share = |&threshold: &f64| {
        let above = scores.scores.iter().filter(|&&score| score > threshold).count();
        above as f64 / scores.scores.len() as f64
    };
    thresholds.iter().map(share).collect()
}

/// The probability that a run of X scores more than one of Y on the same task, which is drawn at random.
///
/// P(X > Y) = (1/M) Σ_m (1/(N K)) Σ_{n,k} S(x_{n,m}, y_{k,m}),  S = 1 for x > y, ½ for x = y, 0 for x < y,
///
/// for N runs of X and K of Y.
///
/// Source: Agarwal et al. 2021, section 4.3; each task's term is the Mann–Whitney U statistic over N K.
///
/// # Errors
/// When the numbers of tasks differ.
pub fn probability_of_improvement(x: &ScoreMatrix, y: &ScoreMatrix) -> Result<f64, ResultsError> {
    if x.tasks != y.tasks {
        return Err(ResultsError::OtherTasks { one: x.tasks, other: y.tasks });
    }
    // Twice the sum of S, a whole number.
    let of_pair = |x: f64, y: f64| u64::from(x > y) + u64::from(x >= y);
    let of_task = |task: usize| -> u64 {
        x.of_task(task).map(|x| y.of_task(task).map(|y| of_pair(x, y)).sum::<u64>()).sum()
    };
    let doubled: u64 = (0..x.tasks).map(of_task).sum();
    Ok(doubled as f64 / (2 * x.tasks * x.runs() * y.runs()) as f64)
}

/// How an interval is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Resamples; 50,000 (the default of the authors' code).
    pub resamples: usize,
    /// The share of resamples within the interval; 0.95 (the same).
    pub confidence: f64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 50_000, confidence: 0.95 }
    }
}

impl Bootstrap {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another number of resamples.
    pub fn with_resamples(self, resamples: usize) -> Self {
        Self { resamples, ..self }
    }

    /// Another share within the interval.
    pub fn with_confidence(self, confidence: f64) -> Self {
        Self { confidence, ..self }
    }

    fn check(&self) -> Result<(), ResultsError> {
        let setting = |name, value, range| Err(ResultsError::Setting { name, value, range });
        if self.resamples == 0 {
            return setting("resamples", 0.0, "at least 1");
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return setting("confidence", self.confidence, "above 0 and below 1");
        }
        Ok(())
    }
}

/// The bounds of a confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

/// A confidence interval of a statistic by the stratified bootstrap, from percentiles.
///
/// A resample draws, for each task on its own, as many runs as there are, with replacement; the interval reaches from
/// the (1 − c)/2 to the (1 + c)/2 quantile of the statistic over all resamples, with linear interpolation between
/// order statistics.
///
/// Source: Agarwal et al. 2021, section 4.1; Efron 1979. Tasks are strata, not draws: the interval is
/// about other runs on the same tasks. With few runs it is too narrow, as bootstraps are.
///
/// Several matrices are resampled independently, so that a comparison of two algorithms gets its interval too.
///
/// # Errors
/// When a setting is outside its range, or the statistic of a resample is not finite.
///
/// ```
/// use gradus_core_math::{Bootstrap, ScoreMatrix, Stream, bootstrap_interval, interquartile_mean};
/// // Five runs on two tasks.
/// let scores = ScoreMatrix::new(2, vec![0.1, 0.9, 0.3, 0.8, 0.2, 1.0, 0.4, 0.7, 0.2, 0.9])?;
/// let iqm = |[scores]: [&ScoreMatrix; 1]| interquartile_mean(scores.scores());
/// let mut rng = Stream::new(0, "bootstrap", 0);
/// let interval = bootstrap_interval([&scores], iqm, &Bootstrap::new().with_resamples(1000), &mut rng)?;
/// assert!(interval.low < iqm([&scores]) && iqm([&scores]) < interval.high);
/// # Ok::<(), gradus_core_math::ResultsError>(())
/// ```
pub fn bootstrap_interval<const K: usize>(
    matrices: [&ScoreMatrix; K],
    statistic: impl Fn([&ScoreMatrix; K]) -> f64,
    bootstrap: &Bootstrap,
    rng: &mut Stream,
) -> Result<Interval, ResultsError> {
    bootstrap.check()?;
    let mut drawn = matrices.map(ScoreMatrix::clone);
    let mut values = Vec::with_capacity(bootstrap.resamples);
    for resample in 0..bootstrap.resamples {
        for (drawn, from) in drawn.iter_mut().zip(matrices) {
            drawn.resample_from(from, rng);
        }
        let value = statistic(drawn.each_ref());
        if !value.is_finite() {
            return Err(ResultsError::Statistic { resample, value });
        }
        values.push(value);
    }
    values.sort_unstable_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - bootstrap.confidence);
    Ok(Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) })
}

/// The q-quantile of sorted values, linear between the order statistics at k/(n − 1).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = place.floor();
    let (low, high) = (sorted[below as usize], sorted[place.ceil() as usize]);
    low + (high - low) * (place - below)
}
