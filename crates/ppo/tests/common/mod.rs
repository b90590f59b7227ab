//! A bandit on which an agent is trained by batches that it samples itself.

#![allow(dead_code, reason = "every test file uses some of the helpers")]

use gradus_core_math::{Distribution, Schedule, Stream};
use gradus_policy::{
    ActorCriticConfig, Agent, Context, Frozen, Input, Metrics, Mlp, Rollout, Threads, Update, UpdateError,
};
use gradus_ppo::{Ppo, PpoConfig};
use rand::RngExt;

/// Contexts of the bandit, each a one-hot observation.
pub(crate) const CONTEXTS: usize = 4;
pub(crate) const ROWS: usize = 256;

pub(crate) fn categorical() -> Distribution {
    Distribution::Categorical { n: 3 }
}

pub(crate) fn gaussian() -> Distribution {
    Distribution::DiagGaussian { dim: 2 }
}

/// The best action of a context.
pub(crate) fn best(distribution: &Distribution, context: usize) -> Vec<f32> {
    match distribution {
        Distribution::DiagGaussian { .. } => vec![0.5 * context as f32 - 0.75, [1.0, -1.0][context % 2]],
        _ => vec![((context + 1) % 3) as f32],
    }
}

/// 1 for the best choice; for reals minus the squared distance from the best.
pub(crate) fn reward(distribution: &Distribution, context: usize, action: &[f32]) -> f32 {
    let best = best(distribution, context);
    let distance: f32 = action.iter().zip(&best).map(|(a, b)| (a - b) * (a - b)).sum();
    match distribution {
        Distribution::DiagGaussian { .. } => -distance,
        _ => f32::from(distance < 0.5),
    }
}

/// A training run with all its randomness.
pub(crate) struct Run {
    pub(crate) agent: Agent<Mlp<f32>>,
    pub(crate) ppo: Ppo<f32>,
    pub(crate) acting: Stream,
    pub(crate) shuffling: Stream,
    pub(crate) threads: Threads,
    /// Scale and offset of the rewards.
    pub(crate) rewards: (f32, f32),
}

pub(crate) fn config() -> PpoConfig {
    PpoConfig::new().with_epochs(4).with_learning_rate(Schedule::Constant(3e-3))
}

impl Run {
    pub(crate) fn new(config: PpoConfig, distribution: Distribution, shared: bool, seed: u64) -> Self {
        let network =
            ActorCriticConfig::new(CONTEXTS, distribution).with_hidden(&[32]).with_shared_trunk(shared);
        let agent = Agent::new(network.build(), &mut Stream::new(seed, "initialise", 0));
        Self {
            ppo: Ppo::new(config, &agent).expect("valid settings"),
            agent,
            acting: Stream::new(seed, "act", 0),
            shuffling: Stream::new(seed, "update", 0),
            threads: Threads::new(1),
            rewards: (1.0, 0.0),
        }
    }

    /// One step in each of `rows` bandits.
    pub(crate) fn collect(&mut self, rows: usize) -> Rollout<f32> {
        let distribution = self.agent.network.distribution().clone();
        let mut rollout = Rollout::new(1, rows, CONTEXTS, &distribution, false);
        let mut policy = self.agent.network.freeze_policy(&self.agent.theta);
        let mut output = vec![0.0; self.agent.network.frozen_width()];
        let (n_params, width) = (distribution.n_params(), distribution.action_width());
        for i in 0..rows {
            let context = self.acting.random_range(0..CONTEXTS);
            let observation = &mut rollout.observations[i * CONTEXTS..][..CONTEXTS];
            observation[context] = 1.0;
            policy.forward(observation, &mut output);
            let params = &output[..n_params];
            let action = &mut rollout.actions[i * width..][..width];
            distribution.sample(params, None, &mut self.acting, action);
            rollout.log_probs[i] = distribution.log_prob(params, None, action);
            rollout.distribution_params[i * n_params..][..n_params].copy_from_slice(params);
            rollout.rewards[i] = self.rewards.0 * reward(&distribution, context, action) + self.rewards.1;
        }
        let input = Input::all(&rollout.observations, CONTEXTS);
        self.agent.network.values(self.threads.team(), &self.agent.theta, input, &mut rollout.values);
        if let Some(scale) = self.ppo.value_scale() {
            scale.to_values(&mut rollout.values);
        }
        for i in 0..rows {
            rollout.advantages[i] = rollout.rewards[i] - rollout.values[i];
            rollout.value_targets[i] = rollout.rewards[i];
        }
        rollout
    }

    pub(crate) fn update(&mut self, rollout: &Rollout<f32>, progress: f64) -> Result<Metrics, UpdateError> {
        let context = Context { team: self.threads.team(), progress, rng: &mut self.shuffling };
        self.ppo.update(&mut self.agent, &rollout.batch(), context)
    }

    pub(crate) fn train(&mut self, updates: usize, rows: usize) {
        for _ in 0..updates {
            let rollout = self.collect(rows);
            self.update(&rollout, 0.0).expect("finite numbers");
        }
    }

    /// The most probable action's score in each context: the best action's probability, or one minus the distance of
    /// the mean from the best.
    pub(crate) fn scores(&self) -> Vec<f64> {
        let distribution = self.agent.network.distribution();
        let mut policy = self.agent.network.freeze_policy(&self.agent.theta);
        let mut output = vec![0.0; self.agent.network.frozen_width()];
        (0..CONTEXTS)
            .map(|context| {
                let mut observation = [0.0; CONTEXTS];
                observation[context] = 1.0;
                policy.forward(&observation, &mut output);
                let (params, best) = (&output[..distribution.n_params()], best(distribution, context));
                match distribution {
                    Distribution::DiagGaussian { .. } => {
                        1.0 - params
                            .iter()
                            .zip(&best)
                            .map(|(a, b)| f64::from((a - b).abs()))
                            .fold(0.0, f64::max)
                    }
                    _ => f64::from(distribution.log_prob(params, None, &best)).exp(),
                }
            })
            .collect()
    }

    /// Everything that training has changed, as bits.
    pub(crate) fn bits(&self) -> (Vec<u32>, Vec<Vec<u32>>, Vec<f64>) {
        let of = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
        let state = self.ppo.state();
        let moments = state.tensors.values().map(|tensor| of(tensor)).collect();
        (of(&self.agent.theta), moments, state.scalars.into_values().collect())
    }
}

pub(crate) fn non_finite(outcome: Result<Metrics, UpdateError>) -> (String, f64, u64) {
    match outcome {
        Err(UpdateError::NonFinite { quantity, value, update }) => (quantity, value, update),
        other => panic!("{other:?}"),
    }
}
