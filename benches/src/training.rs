//! What PPO is trained with in the comparisons.

use gradus_ppo::{LossConfig, LossObjective, Minibatches, PpoConfig};
use gradus_runner::{Algorithm, Settings, Trainer};

/// The settings of PPO's loss in the comparisons with other libraries.
pub const LOSS: LossConfig = LossConfig {
    objective: LossObjective::Clip { epsilon: 0.2, dual: None },
    value_clip_epsilon: None,
    entropy_coef: 0.01,
    value_coef: 0.5,
    normalize_advantage: true,
    value_scale: None,
};

/// A task and how PPO is trained on it: two separate networks with tanh.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The task.
    pub env: &'static str,
    /// Environments side by side.
    pub n_envs: usize,
    /// Steps of a rollout.
    pub n_steps: usize,
    /// Passes over a rollout.
    pub epochs: usize,
    /// How a rollout is cut.
    pub minibatches: Minibatches,
    /// The width of both hidden layers.
    pub width: usize,
}

impl Workload {
    /// Such as `CartPole-v1 8x128, 4x4`.
    pub fn name(&self) -> String {
        let minibatches = match self.minibatches {
            Minibatches::Count(count) => format!("{}x{count}", self.epochs),
            Minibatches::Size(size) => format!("{} epochs of {size}", self.epochs),
        };
        format!("{} {}x{}, {minibatches}", self.env, self.n_envs, self.n_steps)
    }

    /// The settings of its updates.
    pub fn ppo(&self) -> PpoConfig {
        PpoConfig::new().with_epochs(self.epochs).with_minibatches(self.minibatches)
    }

    /// Its training from the beginning. `u64::MAX` steps are never reached: then criterion says when it is enough.
    ///
    /// # Panics
    /// When the settings do not fit the task.
    pub fn trainer(&self, total_steps: u64, thread_count: usize) -> Trainer {
        let settings = Settings::new(Algorithm::Ppo(self.ppo()))
            .with_rollout(self.n_envs, self.n_steps)
            .with_hidden(&[self.width, self.width])
            .with_total_steps(total_steps)
            .with_threads(thread_count);
        let make = |n: usize, seed: u64, first: usize| gradus_envs::make_vector(self.env, n, seed, first);
        Trainer::new(self.env, &make, &settings).expect("settings that fit the task")
    }
}
