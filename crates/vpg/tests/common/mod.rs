//! Batches of random rows, and small tasks on which an agent is trained by batches that it samples itself.

#![allow(dead_code, reason = "every test file uses some of the helpers")]

use gradus_core_math::{Distribution, Real, Stream};
use gradus_policy::{
    ActorCriticConfig, Agent, Batch, Context, Frozen, Input, Metrics, Mlp, Rollout, Threads, Update,
    UpdateError, UpdateState,
};
use gradus_vpg::{A2c, A2cConfig, OffPolicyConfig, OffPolicyGradient, Reinforce, ReinforceConfig};
use rand::RngExt;

pub(crate) fn families() -> Vec<Distribution> {
    vec![
        Distribution::Categorical { n: 4 },
        Distribution::MultiCategorical { sizes: vec![3, 2, 4] },
        Distribution::Bernoulli { n: 3 },
        Distribution::DiagGaussian { dim: 2 },
    ]
}

/// A batch that owns its arrays, with the outputs of a policy and a critic for it.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) distribution: Distribution,
    pub(crate) actions: Vec<f64>,
    pub(crate) masks: Vec<bool>,
    pub(crate) log_probs: Vec<f64>,
    pub(crate) values: Vec<f64>,
    pub(crate) advantages: Vec<f64>,
    pub(crate) value_targets: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    pub(crate) episode_returns: Vec<f64>,
    /// `[rows, n_params + 1]`
    pub(crate) outputs: Vec<f64>,
}

impl Data {
    /// Rows whose policy has moved a little away from the one that acted, with weights of which some are 0.
    pub(crate) fn random(distribution: Distribution, rows: usize, masked: bool, seed: u64) -> Self {
        let mut rng = Stream::new(seed, "test", 0);
        let (n_params, mask_width) = (distribution.n_params(), distribution.mask_width());
        let mut uniform = |scale: f64| scale * (2.0 * rng.random::<f64>() - 1.0);
        let mut some = |count: usize, scale: f64| (0..count).map(|_| uniform(scale)).collect::<Vec<f64>>();
        let outputs = some(rows * (n_params + 1), 1.0);
        let (values, value_targets, advantages) = (some(rows, 1.0), some(rows, 1.0), some(rows, 2.0));
        // The first and the last choice of each component stay allowed.
        let flags = some(if masked { rows * mask_width } else { 0 }, 1.0);
        let masks = flags.iter().enumerate().map(|(i, x)| i % mask_width % 3 != 1 || *x > 0.0).collect();
        let weights = some(rows, 1.0).iter().map(|w| if *w < -0.6 { 0.0 } else { w + 1.0 }).collect();
        let mut data = Self {
            actions: vec![0.0; rows * distribution.action_width()],
            log_probs: some(rows, 0.5),
            episode_returns: some(rows / 3, 1.0),
            distribution,
            masks,
            values,
            advantages,
            value_targets,
            weights,
            outputs,
        };
        for i in 0..rows {
            let width = data.distribution.action_width();
            let mut action = vec![0.0; width];
            data.distribution.sample(data.params(i), data.mask(i), &mut rng, &mut action);
            data.actions[i * width..][..width].copy_from_slice(&action);
            data.log_probs[i] += data.log_prob(i);
        }
        data
    }

    pub(crate) fn params(&self, i: usize) -> &[f64] {
        let n = self.distribution.n_params();
        &self.outputs[i * (n + 1)..][..n]
    }

    pub(crate) fn action(&self, i: usize) -> &[f64] {
        let width = self.distribution.action_width();
        &self.actions[i * width..][..width]
    }

    pub(crate) fn mask(&self, i: usize) -> Option<&[bool]> {
        let width = self.distribution.mask_width();
        (!self.masks.is_empty()).then(|| &self.masks[i * width..][..width])
    }

    /// log π of the action, for the outputs as they are.
    pub(crate) fn log_prob(&self, i: usize) -> f64 {
        self.distribution.log_prob(self.params(i), self.mask(i), self.action(i))
    }

    pub(crate) fn rows(&self) -> usize {
        self.advantages.len()
    }

    pub(crate) fn batch(&self) -> Batch<'_, f64> {
        Batch {
            actions: &self.actions,
            masks: &self.masks,
            log_probs: &self.log_probs,
            values: &self.values,
            advantages: &self.advantages,
            value_targets: &self.value_targets,
            weights: &self.weights,
            episode_returns: &self.episode_returns,
            ..Batch::default()
        }
    }
}

/// Central differences of `f` at `x`.
pub(crate) fn finite_difference(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-6;
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|i| {
            moved[i] = x[i] + step;
            let above = f(&moved);
            moved[i] = x[i] - step;
            let below = f(&moved);
            moved[i] = x[i];
            (above - below) / (2.0 * step)
        })
        .collect()
}

#[track_caller]
pub(crate) fn assert_near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}[{i}]: {a} instead of {b}");
    }
}

/// The largest distance of two vectors.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

pub(crate) fn wide<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|x| x.wide()).collect()
}

/// Contexts of the bandit, each a one-hot observation.
pub(crate) const CONTEXTS: usize = 4;
pub(crate) const ROWS: usize = 256;

pub(crate) fn categorical() -> Distribution {
    Distribution::Categorical { n: 3 }
}

pub(crate) fn gaussian() -> Distribution {
    Distribution::DiagGaussian { dim: 2 }
}

/// The best action of a context: another one for each, or, for bits, the context in binary: the identity task.
pub(crate) fn best(distribution: &Distribution, context: usize) -> Vec<f32> {
    match distribution {
        Distribution::DiagGaussian { .. } => vec![0.5 * context as f32 - 0.75, [1.0, -1.0][context % 2]],
        Distribution::Bernoulli { .. } => vec![(context % 2) as f32, (context / 2) as f32],
        _ => vec![((context + 1) % 3) as f32],
    }
}

/// 1 for the best choice; for reals minus the squared distance from the best, for bits the share that is right.
fn reward(distribution: &Distribution, context: usize, action: &[f32]) -> f32 {
    let best = best(distribution, context);
    let distance: f32 = action.iter().zip(&best).map(|(a, b)| (a - b) * (a - b)).sum();
    match distribution {
        Distribution::DiagGaussian { .. } => -distance,
        Distribution::Bernoulli { .. } => 1.0 - 0.5 * distance,
        _ => f32::from(distance < 0.5),
    }
}

/// An algorithm with its settings.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Reinforce(ReinforceConfig),
    A2c(A2cConfig),
    OffPolicy(OffPolicyConfig),
}

impl Kind {
    pub(crate) fn build(&self, agent: &Agent<Mlp<f32>>) -> Result<Box<dyn Update<Mlp<f32>>>, UpdateError> {
        Ok(match self {
            Self::Reinforce(config) => Box::new(Reinforce::new(*config, agent)?),
            Self::A2c(config) => Box::new(A2c::new(*config, agent)?),
            Self::OffPolicy(config) => Box::new(OffPolicyGradient::new(*config, agent)?),
        })
    }
}

/// A training run with all its randomness.
pub(crate) struct Run {
    pub(crate) kind: Kind,
    pub(crate) agent: Agent<Mlp<f32>>,
    pub(crate) algorithm: Box<dyn Update<Mlp<f32>>>,
    pub(crate) acting: Stream,
    pub(crate) shuffling: Stream,
    pub(crate) threads: Threads,
}

pub(crate) fn agent(distribution: Distribution, shared: bool, seed: u64) -> Agent<Mlp<f32>> {
    let network = ActorCriticConfig::new(CONTEXTS, distribution).with_hidden(&[32]).with_shared_trunk(shared);
    Agent::new(network.build(), &mut Stream::new(seed, "initialise", 0))
}

impl Run {
    pub(crate) fn new(kind: &Kind, distribution: Distribution, shared: bool, seed: u64) -> Self {
        let agent = agent(distribution, shared, seed);
        Self {
            kind: kind.clone(),
            algorithm: kind.build(&agent).expect("valid settings"),
            agent,
            acting: Stream::new(seed, "act", 0),
            shuffling: Stream::new(seed, "update", 0),
            threads: Threads::new(1),
        }
    }

    /// One step in each of `rows` bandits. `advantages` are the returns for REINFORCE, which has its baselines, and
    /// what they exceed the value by for the others.
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
            rollout.rewards[i] = reward(&distribution, context, action);
        }
        let input = Input::all(&rollout.observations, CONTEXTS);
        self.agent.network.values(self.threads.team(), &self.agent.theta, input, &mut rollout.values);
        for i in 0..rows {
            let known = if let Kind::Reinforce(_) = self.kind { 0.0 } else { rollout.values[i] };
            rollout.advantages[i] = rollout.rewards[i] - known;
            rollout.value_targets[i] = rollout.rewards[i];
        }
        rollout.episode_returns.clone_from(&rollout.rewards);
        rollout
    }

    pub(crate) fn update(&mut self, rollout: &Rollout<f32>, progress: f64) -> Result<Metrics, UpdateError> {
        let context = Context { team: self.threads.team(), progress, rng: &mut self.shuffling };
        self.algorithm.update(&mut self.agent, &rollout.batch(), context)
    }

    pub(crate) fn train(&mut self, updates: usize, rows: usize) {
        for _ in 0..updates {
            let rollout = self.collect(rows);
            self.update(&rollout, 0.0).expect("finite numbers");
        }
    }

    /// In each context the best action's probability, or one minus the distance of the mean from the best.
    pub(crate) fn scores(&self) -> Vec<f64> {
        let distribution = self.agent.network.distribution();
        let mut policy = self.agent.network.freeze_policy(&self.agent.theta);
        let mut output = vec![0.0; self.agent.network.frozen_width()];
        let score = |context: usize| {
            let mut observation = [0.0; CONTEXTS];
            observation[context] = 1.0;
            policy.forward(&observation, &mut output);
            let (params, best) = (&output[..distribution.n_params()], best(distribution, context));
            match distribution {
                Distribution::DiagGaussian { .. } => {
                    1.0 - params.iter().zip(&best).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
                }
                _ => f64::from(distribution.log_prob(params, None, &best)).exp(),
            }
        };
        (0..CONTEXTS).map(score).collect()
    }

    /// Everything that training has changed, as bits.
    pub(crate) fn bits(&self) -> Vec<u64> {
        let UpdateState { tensors, scalars } = self.algorithm.state();
        let floats = self.agent.theta.iter().chain(tensors.values().flatten()).map(|&x| f64::from(x));
        floats.chain(scalars.into_values()).map(f64::to_bits).collect()
    }
}

pub(crate) fn non_finite(outcome: Result<Metrics, UpdateError>) -> (String, f64, u64) {
    match outcome {
        Err(UpdateError::NonFinite { quantity, value, update }) => (quantity, value, update),
        other => panic!("{other:?}"),
    }
}
