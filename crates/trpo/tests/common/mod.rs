//! Small tasks on which an agent is trained by batches that it samples itself.

use gradus_core_math::{Distribution, Stream};
use gradus_policy::{
    ActorCriticConfig, Agent, Context, Frozen, Input, Kernel, Metrics, Mlp, Rollout, Threads, Update,
    UpdateError,
};
use gradus_trpo::{CriticConfig, Trpo, TrpoConfig};
use rand::RngExt;

/// Contexts of the bandit and states of the chain, each a one-hot observation.
pub(crate) const STATES: usize = 4;
/// The width of the one hidden layer.
pub(crate) const HIDDEN: usize = 16;

pub(crate) fn categorical() -> Distribution {
    Distribution::Categorical { n: 3 }
}

pub(crate) fn gaussian() -> Distribution {
    Distribution::DiagGaussian { dim: 2 }
}

/// A larger trust region than the default, to learn in few updates.
pub(crate) fn config() -> TrpoConfig {
    let critic = CriticConfig::new().with_minibatch_size(64).with_epochs(5);
    TrpoConfig::new().with_max_kl(0.02).with_critic(critic)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Task {
    /// Independent contexts, one step each. See [`best`].
    Bandit,
    /// A walk on states 0, 1, 2, 3 that begins in a random one. The action 0, or a positive first number, goes right;
    /// every other goes left; one step in ten slips and goes the other way. Right of 3 is the goal, with reward 1;
    /// left of 0 a lesser one, with reward 0.2.
    Chain,
}

/// The discount of the chain.
const GAMMA: f64 = 0.95;

/// The best action of a context.
pub(crate) fn best(distribution: &Distribution, context: usize) -> Vec<f64> {
    match distribution {
        Distribution::DiagGaussian { .. } => vec![0.5 * context as f64 - 0.75, [1.0, -1.0][context % 2]],
        _ => vec![((context + 1) % 3) as f64],
    }
}

/// 1 for the best choice; for reals minus the squared distance from the best.
fn bandit_reward(distribution: &Distribution, context: usize, action: &[f64]) -> f64 {
    let distance: f64 = action.iter().zip(best(distribution, context)).map(|(a, b)| (a - b) * (a - b)).sum();
    match distribution {
        Distribution::DiagGaussian { .. } => -distance,
        _ => f64::from(distance < 0.5),
    }
}

/// A training run with all its randomness.
pub(crate) struct Run<T: Kernel> {
    pub(crate) task: Task,
    pub(crate) agent: Agent<Mlp<T>>,
    pub(crate) trpo: Trpo<T>,
    pub(crate) acting: Stream,
    pub(crate) shuffling: Stream,
    pub(crate) threads: Threads,
}

impl<T: Kernel> Run<T> {
    pub(crate) fn new(task: Task, config: TrpoConfig, distribution: Distribution, seed: u64) -> Self {
        let network = ActorCriticConfig::new(STATES, distribution).with_hidden(&[HIDDEN]);
        let agent = Agent::new(network.build(), &mut Stream::new(seed, "initialise", 0));
        Self {
            task,
            trpo: Trpo::new(config, &agent).expect("valid settings"),
            agent,
            acting: Stream::new(seed, "act", 0),
            shuffling: Stream::new(seed, "update", 0),
            threads: Threads::new(1),
        }
    }

    /// `rows` steps of the task with the agent's own policy.
    pub(crate) fn collect(&mut self, rows: usize) -> Rollout<T> {
        let distribution = self.agent.network.distribution().clone();
        let mut rollout = Rollout::new(rows, 1, STATES, &distribution, false);
        let mut policy = self.agent.network.freeze_policy(&self.agent.theta);
        let mut params = vec![T::zero(); self.agent.network.frozen_width()];
        let (n_params, width) = (distribution.n_params(), distribution.action_width());
        let mut state = self.acting.random_range(0..STATES);
        for i in 0..rows {
            let observation = &mut rollout.observations[i * STATES..][..STATES];
            observation[state] = T::one();
            policy.forward(observation, &mut params);
            let action = &mut rollout.actions[i * width..][..width];
            distribution.sample(&params, None, &mut self.acting, action);
            rollout.log_probs[i] = distribution.log_prob(&params, None, action);
            rollout.distribution_params[i * n_params..][..n_params].copy_from_slice(&params);
            let action: Vec<f64> = action.iter().map(|a| a.wide()).collect();
            let (reward, next) = self.step(&distribution, state, &action);
            rollout.rewards[i] = T::of(reward);
            rollout.terminated[i] = next.is_none();
            state = next.unwrap_or_else(|| self.acting.random_range(0..STATES));
        }
        let input = Input::all(&rollout.observations, STATES);
        self.agent.network.values(self.threads.team(), &self.agent.theta, input, &mut rollout.values);
        // The last episode may be cut: what is left of it counts as nothing.
        let mut after = 0.0;
        for i in (0..rows).rev() {
            let rest = if rollout.terminated[i] { 0.0 } else { after };
            after = rollout.rewards[i].wide() + GAMMA * rest;
            rollout.value_targets[i] = T::of(after);
            rollout.advantages[i] = T::of(after - rollout.values[i].wide());
        }
        rollout
    }

    /// The reward, and the next state unless the episode ends.
    fn step(&mut self, distribution: &Distribution, state: usize, action: &[f64]) -> (f64, Option<usize>) {
        if self.task == Task::Bandit {
            return (bandit_reward(distribution, state, action), None);
        }
        let meant = match distribution {
            Distribution::DiagGaussian { .. } => action[0] > 0.0,
            _ => action[0] < 0.5,
        };
        let right = meant != (self.acting.random::<f64>() < 0.1);
        match (right, state) {
            (true, 3) => (1.0, None),
            (true, _) => (0.0, Some(state + 1)),
            (false, 0) => (0.2, None),
            (false, _) => (0.0, Some(state - 1)),
        }
    }

    pub(crate) fn update(&mut self, rollout: &Rollout<T>, progress: f64) -> Result<Metrics, UpdateError> {
        let context = Context { team: self.threads.team(), progress, rng: &mut self.shuffling };
        self.trpo.update(&mut self.agent, &rollout.batch(), context)
    }

    pub(crate) fn train(&mut self, updates: usize, rows: usize) {
        for _ in 0..updates {
            let rollout = self.collect(rows);
            self.update(&rollout, 0.0).expect("finite numbers");
        }
    }

    /// θ of the policy.
    pub(crate) fn policy_theta(&self) -> &[T] {
        &self.agent.theta[..self.agent.network.policy_parameter_count()]
    }

    /// θ of the critic.
    pub(crate) fn critic_theta(&self) -> &[T] {
        &self.agent.theta[self.agent.network.policy_parameter_count()..]
    }

    /// The parameters of the distribution in each state.
    pub(crate) fn params(&self) -> Vec<Vec<f64>> {
        let theta: Vec<f64> = self.policy_theta().iter().map(|x| x.wide()).collect();
        (0..STATES).map(|state| params(self.agent.network.distribution(), &theta, state)).collect()
    }

    /// In each context of the bandit the best action's probability, or one minus the distance of the mean from the
    /// best.
    pub(crate) fn bandit_scores(&self) -> Vec<f64> {
        let distribution = self.agent.network.distribution();
        let score = |(context, params): (usize, Vec<f64>)| {
            let best = best(distribution, context);
            match distribution {
                Distribution::DiagGaussian { .. } => {
                    1.0 - params.iter().zip(&best).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
                }
                _ => log_prob(distribution, &params, &best).exp(),
            }
        };
        self.params().into_iter().enumerate().map(score).collect()
    }

    /// Everything that training has changed, as bits (those of f32 survive the conversion).
    pub(crate) fn bits(&self) -> Vec<u64> {
        let state = self.trpo.state();
        let moments = state.tensors.values().flatten();
        let numbers = self.agent.theta.iter().chain(moments).map(|x| x.wide());
        numbers.chain(state.scalars.into_values()).map(f64::to_bits).collect()
    }
}

/// The network in f64, written down again: one hidden layer of tanh, then log_std.
pub(crate) fn params(distribution: &Distribution, theta: &[f64], state: usize) -> Vec<f64> {
    let outputs = match distribution {
        Distribution::DiagGaussian { dim } => *dim,
        other => other.n_params(),
    };
    let (first, rest) = theta.split_at((STATES + 1) * HIDDEN);
    let (second, log_std) = rest.split_at((HIDDEN + 1) * outputs);
    // The observation is one-hot.
    let hidden: Vec<f64> =
        (0..HIDDEN).map(|j| (first[state * HIDDEN + j] + first[STATES * HIDDEN + j]).tanh()).collect();
    let output = |k: usize| {
        let sum: f64 = hidden.iter().enumerate().map(|(j, h)| h * second[j * outputs + k]).sum();
        sum + second[HIDDEN * outputs + k]
    };
    (0..outputs).map(output).chain(log_std.iter().copied()).collect()
}

/// log π(a), written down again.
pub(crate) fn log_prob(distribution: &Distribution, params: &[f64], action: &[f64]) -> f64 {
    match distribution {
        Distribution::DiagGaussian { dim } => (0..*dim)
            .map(|d| {
                let z = (action[d] - params[d]) / params[dim + d].exp();
                -0.5 * z * z - params[dim + d] - 0.5 * std::f64::consts::TAU.ln()
            })
            .sum(),
        _ => params[action[0] as usize] - params.iter().map(|x| x.exp()).sum::<f64>().ln(),
    }
}

/// KL(p‖q), written down again.
pub(crate) fn kl(distribution: &Distribution, p: &[f64], q: &[f64]) -> f64 {
    match distribution {
        Distribution::DiagGaussian { dim } => (0..*dim)
            .map(|d| {
                let (s_p, s_q) = (p[dim + d].exp(), q[dim + d].exp());
                let distance = p[d] - q[d];
                (s_q / s_p).ln() + (s_p * s_p + distance * distance) / (2.0 * s_q * s_q) - 0.5
            })
            .sum(),
        _ => (0..p.len())
            .map(|a| {
                let [p, q] = [p, q].map(|x| log_prob(distribution, x, &[a as f64]));
                p.exp() * (p - q)
            })
            .sum(),
    }
}

/// The surrogate at θ and the mean of KL(π_old‖π_θ), by these formulas, with standardised advantages.
pub(crate) fn surrogate_and_kl<T: Kernel>(
    distribution: &Distribution,
    rollout: &Rollout<T>,
    theta_old: &[f64],
    theta: &[f64],
) -> (f64, f64) {
    let n = rollout.log_probs.len();
    let width = distribution.action_width();
    let advantages: Vec<f64> = rollout.advantages.iter().map(|a| a.wide()).collect();
    let mean = advantages.iter().sum::<f64>() / n as f64;
    let variance = advantages.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / (n - 1) as f64;
    let (mut value, mut divergence) = (0.0, 0.0);
    for (i, advantage) in advantages.iter().enumerate() {
        let observation = &rollout.observations[i * STATES..][..STATES];
        let state = observation.iter().position(|x| x.wide() > 0.5).expect("a one-hot observation");
        let [old, new] = [theta_old, theta].map(|theta| params(distribution, theta, state));
        let action: Vec<f64> = rollout.actions[i * width..][..width].iter().map(|a| a.wide()).collect();
        let ratio = (log_prob(distribution, &new, &action) - rollout.log_probs[i].wide()).exp();
        value += ratio * (advantage - mean) / (variance.sqrt() + 1e-8);
        divergence += kl(distribution, &old, &new);
    }
    (value / n as f64, divergence / n as f64)
}
