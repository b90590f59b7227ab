//! Evaluation of a policy on fresh episodes.

use gradus_core_math::{Stream, mean, standard_deviation};
use gradus_policy::Policy;

use crate::collector::MakeEnvs;
use crate::trainer::TrainError;

/// The environments of evaluations are numbered from here on, so that their episodes are others than those of
/// training under the same seed.
const FIRST_ENV: usize = 1 << 32;

/// Environments that are stepped side by side.
const SIDE_BY_SIDE: usize = 128;

/// Returns and lengths of the episodes of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The undiscounted return of each episode.
    pub returns: Vec<f64>,
    /// The length of each episode.
    pub lengths: Vec<u64>,
}

impl Evaluation {
    /// The mean return.
    pub fn mean_return(&self) -> f64 {
        mean(&self.returns)
    }

    /// The standard deviation of the returns.
    pub fn std_return(&self) -> f64 {
        standard_deviation(&self.returns)
    }

    /// The mean length.
    pub fn mean_length(&self) -> f64 {
        self.lengths.iter().sum::<u64>() as f64 / self.lengths.len() as f64
    }
}

/// Plays `episodes` episodes with `policy`: its most probable actions, or drawn ones with `sampled`.
///
/// Every environment plays one episode, so that long ones count as much as short ones.
///
/// # Errors
/// When the task fails or does not fit the policy.
pub fn evaluate(
    policy: &mut Policy,
    make: &MakeEnvs<'_>,
    episodes: usize,
    seed: u64,
    sampled: bool,
) -> Result<Evaluation, TrainError> {
    let mut result =
        Evaluation { returns: Vec::with_capacity(episodes), lengths: Vec::with_capacity(episodes) };
    for first in (0..episodes).step_by(SIDE_BY_SIDE) {
        play(policy, make, first, SIDE_BY_SIDE.min(episodes - first), seed, sampled, &mut result)?;
    }
    Ok(result)
}

fn play(
    policy: &mut Policy,
    make: &MakeEnvs<'_>,
    first: usize,
    count: usize,
    seed: u64,
    sampled: bool,
    result: &mut Evaluation,
) -> Result<(), TrainError> {
    let mut env = make(count, seed, FIRST_ENV + first)?;
    env.reset_all()?;
    let width = env.observation_space().width();
    let action_width = env.action_space().width();
    if (width, action_width) != (policy.observation_width(), policy.action_width()) {
        return Err(TrainError::Mismatch(format!(
            "the task has observations of width {width} and actions of width {action_width}, the policy {} and {}",
            policy.observation_width(),
            policy.action_width()
        )));
    }
    let mut streams: Vec<Stream> =
        (first..first + count).map(|i| Stream::new(seed, "evaluation action", i as u64)).collect();
    let mut actions = vec![0.0; count * action_width];
    let mut played = vec![None; count];
    policy.reset();
    while played.contains(&None) {
        let masks = (!env.masks().is_empty()).then(|| env.masks());
        if sampled {
            policy.sample_batch(env.observations(), masks, &mut streams, &mut actions)?;
        } else {
            policy.act_batch(env.observations(), masks, &mut actions)?;
        }
        env.step(&actions)?;
        for episode in env.drain_episodes() {
            let row = episode.env - FIRST_ENV - first;
            policy.reset_row(row);
            played[row].get_or_insert((episode.return_, episode.length));
        }
    }
    for (return_, length) in played.into_iter().flatten() {
        result.returns.push(return_);
        result.lengths.push(length);
    }
    Ok(())
}
