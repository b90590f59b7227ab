//! What weighs the scores of a rollout's steps: advantages, or returns.

use gradus_advantage::{
    AdvantageError, Episodes, Trajectories, discount_weights, discounted_returns, finished_episodes, gae,
    monte_carlo_advantages, n_step_advantages, reward_to_go, td_residuals, value_targets,
    whole_episode_returns,
};
use gradus_policy::Rollout;

/// How the `advantages` and `value_targets` of a rollout are estimated.
///
/// The first four are advantages, for every algorithm that takes some; the others are returns, for REINFORCE, which
/// subtracts a baseline of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdvantageEstimator {
    /// GAE(γ, λ), with the λ of the settings.
    #[default]
    Gae,
    /// One step of temporal difference, A¹.
    TemporalDifference,
    /// So many steps, Aⁿ.
    NStep(usize),
    /// The bootstrapped return less the value: GAE with λ = 1.
    MonteCarlo,
    /// The return to the end of the episode, or, where it was cut off or goes on behind the rollout, to there, and the
    /// value of what follows. Every step counts; the critic's error behind the rollout is in the estimate.
    BootstrappedReturn,
    /// G_t = Σ_{k≥t} γ^{k−t} r_k over finished episodes.
    RewardToGo {
        /// Whether step t has the weight γ^t, without which the estimate is not that of the discounted return's
        /// gradient (Sutton & Barto, section 13.3). Practice drops it.
        discount_weights: bool,
    },
    /// R(τ) = Σ_t γ^t r_t for every step of a finished episode.
    WholeReturn,
}

impl AdvantageEstimator {
    /// Whether it gives returns, from which no value has been subtracted.
    pub fn is_return(self) -> bool {
        self == Self::BootstrappedReturn || self.needs_whole_episodes()
    }

    /// Whether it knows finished episodes alone.
    ///
    /// All environments then begin a new episode with each rollout, so that an episode is of one policy, and what is
    /// unfinished at the rollout's end has the weight 0. Of what an environment begins last, short episodes are
    /// likelier to end in time than long ones: the estimate leans to short ones, less the more episodes a rollout has,
    /// and not at all where every episode ends with the rollout at the latest and there is one for each environment.
    pub fn needs_whole_episodes(self) -> bool {
        matches!(self, Self::RewardToGo { .. } | Self::WholeReturn)
    }

    /// Writes `advantages` and `value_targets`, and for finished episodes `weights` and `episode_returns`, from rewards,
    /// ends of episodes and values.
    ///
    /// The targets are values plus advantages; for returns of finished episodes the reward-to-go, and the
    /// bootstrapped return on the steps of the others, which the critic may learn from as well.
    pub(super) fn estimate(
        self,
        rollout: &mut Rollout<f32>,
        gamma: f32,
        gae_lambda: f32,
    ) -> Result<(), AdvantageError> {
        let episodes =
            Episodes::new(rollout.n_envs, &rollout.rewards, &rollout.terminated, &rollout.truncated)?;
        let trajectories = episodes.with_values(&rollout.values, &rollout.next_values)?;
        let (advantages, targets) = (&mut rollout.advantages, &mut rollout.value_targets);
        match self {
            Self::Gae => gae(&trajectories, gamma, gae_lambda, advantages)?,
            Self::TemporalDifference => td_residuals(&trajectories, gamma, advantages)?,
            Self::NStep(n) => n_step_advantages(&trajectories, gamma, n, advantages)?,
            Self::MonteCarlo => monte_carlo_advantages(&trajectories, gamma, advantages)?,
            Self::BootstrappedReturn => {
                discounted_returns(&trajectories, gamma, advantages)?;
                targets.copy_from_slice(advantages);
                return Ok(());
            }
            Self::RewardToGo { .. } | Self::WholeReturn => {
                let over: Vec<bool> =
                    rollout.terminated.iter().zip(&rollout.truncated).map(|(a, b)| a | b).collect();
                let whole = Whole { estimator: self, gamma, n_envs: rollout.n_envs, over: &over };
                rollout.weights.resize(advantages.len(), 0.0);
                rollout.episode_returns.clear();
                let into = (advantages, targets, &mut rollout.weights, &mut rollout.episode_returns);
                return whole.estimate(&episodes, &trajectories, into);
            }
        }
        value_targets(&trajectories, advantages, targets)
    }
}

/// The estimate over finished episodes.
struct Whole<'a> {
    estimator: AdvantageEstimator,
    gamma: f32,
    n_envs: usize,
    /// Whether an episode ended with a step, either way.
    over: &'a [bool],
}

/// Where Ψ, value targets, weights and the returns of episodes go.
type Written<'a> = (&'a mut Vec<f32>, &'a mut Vec<f32>, &'a mut Vec<f32>, &'a mut Vec<f32>);

impl Whole<'_> {
    fn estimate(
        &self,
        episodes: &Episodes<'_, f32>,
        trajectories: &Trajectories<'_, f32>,
        (psi, targets, weights, returns): Written<'_>,
    ) -> Result<(), AdvantageError> {
        let Self { estimator, gamma, n_envs, over } = *self;
        let mut finished = vec![false; psi.len()];
        finished_episodes(episodes, &mut finished)?;

        whole_episode_returns(episodes, gamma, psi)?;
        let is_first = |i: usize| i.checked_sub(n_envs).is_none_or(|before| over[before]);
        returns.extend((0..psi.len()).filter(|&i| finished[i] && is_first(i)).map(|i| psi[i]));

        discounted_returns(trajectories, gamma, targets)?;
        let mut to_go = vec![0.0; psi.len()];
        reward_to_go(episodes, gamma, &mut to_go)?;
        for (target, (to_go, finished)) in targets.iter_mut().zip(to_go.iter().zip(&finished)) {
            *target = if *finished { *to_go } else { *target };
        }

        weights.fill(1.0);
        if let AdvantageEstimator::RewardToGo { discount_weights: weighted } = estimator {
            psi.copy_from_slice(&to_go);
            if weighted {
                discount_weights(episodes, gamma, &mut vec![1.0; n_envs], weights)?;
            }
        }
        for (weight, finished) in weights.iter_mut().zip(finished) {
            *weight = if finished { *weight } else { 0.0 };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gradus_core_math::Distribution;

    use super::*;

    /// Two environments, four steps. The first: rewards 5, 0, −2, then one step of an episode that goes on. The second:
    /// one step, terminated; 1, 1, cut off by a time limit; one step that goes on.
    fn rollout() -> Rollout<f32> {
        let mut rollout = Rollout::new(4, 2, 1, &Distribution::Categorical { n: 2 }, false);
        rollout.rewards = vec![5.0, 3.0, 0.0, 1.0, -2.0, 1.0, 7.0, 4.0];
        (rollout.terminated[4], rollout.terminated[1], rollout.truncated[5]) = (true, true, true);
        rollout.values = vec![0.5; 8];
        rollout.next_values = vec![10.0; 8];
        rollout
    }

    fn estimated(estimator: AdvantageEstimator, gamma: f32) -> Rollout<f32> {
        let mut rollout = rollout();
        estimator.estimate(&mut rollout, gamma, 0.9).expect("arrays that fit");
        rollout
    }

    #[test]
    fn finished_episodes_alone_count_for_the_reward_to_go() {
        let rollout = estimated(AdvantageEstimator::RewardToGo { discount_weights: false }, 1.0);
        assert_eq!(rollout.advantages[..6], [3.0, 3.0, -2.0, 2.0, -2.0, 1.0]);
        assert_eq!(rollout.weights, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(rollout.episode_returns, [3.0, 3.0, 2.0]);
        // The time limit ends the return, and is no reason to ask the critic: 1 + 10 there would be the wrong variant.
        assert_eq!(rollout.value_targets, [3.0, 3.0, -2.0, 2.0, -2.0, 1.0, 17.0, 14.0]);
    }

    #[test]
    fn the_whole_return_is_that_of_every_step() {
        let rollout = estimated(AdvantageEstimator::WholeReturn, 0.5);
        assert_eq!(rollout.advantages[..6], [4.5, 3.0, 4.5, 1.5, 4.5, 1.5]);
        assert_eq!(rollout.weights, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(rollout.episode_returns, [4.5, 3.0, 1.5]);
        // A state's value is of what comes, also where the whole return weighs: not 4.5 in the second step.
        assert_eq!(rollout.value_targets[..6], [4.5, 3.0, -1.0, 1.5, -2.0, 1.0]);
    }

    #[test]
    fn discount_weights_begin_anew_with_each_episode() {
        let rollout = estimated(AdvantageEstimator::RewardToGo { discount_weights: true }, 0.5);
        assert_eq!(rollout.weights, [1.0, 1.0, 0.5, 1.0, 0.25, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn bootstrapped_returns_leave_nothing_out() {
        let rollout = estimated(AdvantageEstimator::BootstrappedReturn, 1.0);
        assert_eq!(rollout.advantages, [3.0, 3.0, -2.0, 12.0, -2.0, 11.0, 17.0, 14.0]);
        assert_eq!(rollout.value_targets, rollout.advantages);
        assert!(rollout.weights.is_empty() && rollout.episode_returns.is_empty());
    }

    /// λ = 0 and 1 are the ends of GAE, n = 1 and n = T those of n steps.
    #[test]
    fn advantages_agree_at_their_ends() {
        use AdvantageEstimator::{Gae, MonteCarlo, NStep, TemporalDifference};
        let gae = |lambda: f32| {
            let mut rollout = rollout();
            Gae.estimate(&mut rollout, 0.5, lambda).expect("arrays that fit");
            rollout
        };
        // Exactly consistent values, as a collector gives them: V(s_{t+1}) of a row is V of the next one.
        for (one, other) in [
            (estimated(TemporalDifference, 0.5), gae(0.0)),
            (estimated(NStep(1), 0.5), estimated(TemporalDifference, 0.5)),
            (estimated(NStep(4), 0.5), estimated(MonteCarlo, 0.5)),
        ] {
            assert_eq!(one.advantages, other.advantages);
            assert_eq!(one.value_targets, other.value_targets);
        }
        assert_ne!(estimated(NStep(2), 0.5).advantages, estimated(MonteCarlo, 0.5).advantages);
        let bootstrapped = estimated(AdvantageEstimator::BootstrappedReturn, 0.5).advantages;
        let less: Vec<f32> = bootstrapped.iter().map(|g| g - 0.5).collect();
        assert_eq!(estimated(MonteCarlo, 0.5).advantages, less);
    }
}
