//! The scale of rewards.

use gradus_core_math::RunningMoments;
use serde::{Deserialize, Serialize};

/// Divides rewards by the standard deviation of the discounted returns seen so far,
/// R_t = γ R_{t−1} + r_t of each environment, begun anew with each episode.
///
/// The mean is left alone: shifting rewards changes which policy is best where episodes end by themselves.
/// The statistics include the rollout that is scaled, so that the first one is scaled as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardScale {
    returns: Vec<f64>,
    moments: RunningMoments,
}

impl RewardScale {
    /// ε under the root (as in OpenAI's baselines).
    const EPSILON: f64 = 1e-8;
    /// The greatest scaled reward (as in OpenAI's baselines).
    const CLIP: f64 = 10.0;

    /// No rewards seen yet in `n_envs` environments.
    pub fn new(n_envs: usize) -> Self {
        Self { returns: vec![0.0; n_envs], moments: RunningMoments::new(1) }
    }

    /// The number of environments.
    pub fn n_envs(&self) -> usize {
        self.returns.len()
    }

    /// Every environment begins a new episode.
    pub fn begin_episodes(&mut self) {
        self.returns.fill(0.0);
    }

    /// Takes in the rewards of a rollout, `[T, N]`, and scales them.
    pub fn apply(&mut self, rewards: &mut [f32], terminated: &[bool], truncated: &[bool], gamma: f64) {
        let n_envs = self.returns.len();
        for (i, reward) in rewards.iter().enumerate() {
            let running = &mut self.returns[i % n_envs];
            *running = gamma * *running + f64::from(*reward);
            self.moments.push(&[*running as f32]);
            if terminated[i] || truncated[i] {
                *running = 0.0;
            }
        }
        let scale = 1.0 / (self.moments.variance()[0] + Self::EPSILON).sqrt();
        for reward in rewards {
            *reward = (f64::from(*reward) * scale).clamp(-Self::CLIP, Self::CLIP) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_divided_by_the_deviation_of_the_returns() {
        let mut scale = RewardScale::new(1);
        let mut rewards = [1.0, 2.0, 3.0, 4.0];
        // Returns 1, 2.5, 4.25 and, after the end of an episode, 4: mean 2.9375.
        scale.apply(&mut rewards, &[false, false, true, false], &[false; 4], 0.5);
        let mean = 2.9375_f64;
        let variance = [1.0, 2.5, 4.25, 4.0].iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 4.0;
        for (scaled, raw) in rewards.iter().zip([1.0, 2.0, 3.0, 4.0]) {
            assert!((f64::from(*scaled) - raw / variance.sqrt()).abs() < 1e-6);
        }
    }
}
