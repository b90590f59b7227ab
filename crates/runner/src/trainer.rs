//! The training loop: collect, update, repeat.

use std::time::Instant;

use gradus_checkpoint::Checkpoint;
use gradus_core_math::Stream;
use gradus_envs::{Env, EnvError};
use gradus_policy::{
    ActorCritic, ActorCriticConfig, Agent, Body, Context, Mlp, Network, Policy, PolicyError, PolicySpec,
    Rollout, Threads, Update, UpdateError,
};
use thiserror::Error;

use crate::collector::{Acting, CollectError, Collector, CollectorConfig, MakeEnvs, one_by_one};
use crate::pace::Pace;
use crate::settings::{Settings, SettingsError};
use crate::training::{Iteration, Progress, Training};

/// Why training cannot begin or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The settings do not fit the task.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The device cannot be used.
    #[error("{0}")]
    Device(String),
    /// A task cannot be made or started.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// No rollout came about.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// No update came about.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The policy cannot be taken out.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] gradus_checkpoint::CheckpointError),
    /// A checkpoint is of another run.
    #[error("the checkpoint does not fit this run: {0}")]
    Mismatch(String),
}

/// A training run in memory: environments, agent, algorithm, and where it stands.
///
/// ```no_run
/// use gradus_envs::classic::CartPole;
/// use gradus_runner::{Settings, Trainer};
///
/// let settings = Settings::ppo().with_total_steps(50_000);
/// let mut trainer = Trainer::for_env("CartPole-v1", CartPole::v1, &settings)?;
/// while !trainer.is_done() {
///     let iteration = trainer.iterate()?;
///     println!("{} steps, mean return {:?}", iteration.steps, trainer.mean_return());
/// }
/// std::fs::write("cartpole.safetensors", trainer.policy()?.to_bytes()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<N: Network<Scalar = f32> = Mlp<f32>> {
    pub(crate) settings: Settings,
    pub(crate) spec: PolicySpec,
    pub(crate) agent: Agent<N>,
    pub(crate) algorithm: Box<dyn Update<N>>,
    pub(crate) collector: Collector<N>,
    pub(crate) updates_stream: Stream,
    pub(crate) progress: Progress,
    threads: Threads,
    pace: Pace,
}

impl Trainer {
    /// A run on environments that `make_env` makes one by one.
    ///
    /// # Errors
    /// When the settings do not fit the task, or it cannot be started.
    pub fn for_env<E: Env + 'static>(
        name: &str,
        make_env: impl Fn() -> E,
        settings: &Settings,
    ) -> Result<Self, TrainError> {
        Self::new(name, &one_by_one(make_env), settings)
    }

    /// A run on environments that `make` makes in groups.
    ///
    /// # Errors
    /// When the settings do not fit the task, or it cannot be started.
    pub fn new(name: &str, make: &MakeEnvs<'_>, settings: &Settings) -> Result<Self, TrainError> {
        Self::with_network(name, make, settings, ActorCriticConfig::build)
    }
}

impl<N: Network<Scalar = f32> + 'static> Trainer<N> {
    /// A run on environments that `make` makes in groups, with the networks that `build` makes from their
    /// description.
    ///
    /// # Errors
    /// When the settings do not fit the task, or it cannot be started.
    pub fn with_network(
        name: &str,
        make: &MakeEnvs<'_>,
        settings: &Settings,
        build: impl FnOnce(&ActorCriticConfig) -> ActorCritic<N>,
    ) -> Result<Self, TrainError> {
        settings.check()?;
        let sample = make(1, settings.seed, 0)?;
        let (observation, action) = (sample.observation_space().clone(), sample.action_space().clone());
        let network = settings.network(&observation, &action, sample.image_shape())?;
        drop(sample);
        let agent = Agent::new(build(&network), &mut Stream::new(settings.seed, "initialize", 0));
        let mut spec = PolicySpec {
            network,
            normalizer: None,
            action_map: settings.action_map(&action),
            env: name.to_owned(),
        };
        // What the description would not build is a network of the user's own, and only they can load it again.
        if spec.tensors()? != agent.network.policy_tensors() {
            spec.network.body = Body::Custom;
        }
        let algorithm = settings.algorithm.build(&agent)?.ok_or_else(|| SettingsError::Range {
            name: "algorithm",
            value: settings.algorithm.name().to_owned(),
            needed: "one with gradients; a SearchTrainer runs searches",
        })?;
        let pace = settings.threads.map_or_else(|| Pace::up_to(most_threads()), Pace::fixed);
        let config = CollectorConfig {
            n_envs: settings.n_envs,
            n_steps: settings.n_steps,
            seed: settings.seed,
            gamma: settings.gamma,
            gae_lambda: settings.gae_lambda,
            advantage: settings.advantage,
            normalize_observation: settings.normalize_observation,
            normalize_reward: settings.normalize_reward,
            action_map: spec.action_map.clone(),
            acting: if N::CONCURRENT { Acting::Apart } else { Acting::Together },
            sequence_length: settings.sequence_length(),
            vine: settings.algorithm.vine(),
        };
        Ok(Self {
            collector: Collector::new(config, make, &agent.network, &agent.theta, pace.most())?,
            algorithm,
            agent,
            spec,
            updates_stream: Stream::new(settings.seed, "update", 0),
            progress: Progress::default(),
            threads: Threads::new(pace.most()),
            pace,
            settings: settings.clone(),
        })
    }

    /// One rollout and one update.
    ///
    /// # Errors
    /// When the task, a network or the update fails; the parameters are then those before the update.
    pub fn iterate(&mut self) -> Result<Iteration, TrainError> {
        let (threads, start) = (self.pace.next(), Instant::now());
        self.collector.set_value_scale(self.algorithm.value_scale());
        let team = self.threads.first(threads);
        self.collector.collect(team, &mut self.agent.network, &self.agent.theta)?;
        let context = Context {
            team: self.threads.first(threads),
            progress: self.progress.steps() as f64 / self.settings.total_steps as f64,
            rng: &mut self.updates_stream,
        };
        let mut metrics =
            self.algorithm.update(&mut self.agent, &self.collector.rollout().batch(), context)?;
        if let Some(steps) = self.collector.branch_steps() {
            metrics.push("branch_steps", steps as f64);
        }
        self.progress.count(self.collector.steps(), self.collector.episodes());
        self.pace.took(start.elapsed());
        Ok(Iteration {
            steps: self.progress.steps(),
            updates: self.progress.updates(),
            episodes: self.collector.episodes().to_vec(),
            metrics,
        })
    }

    /// Iterates until the steps of the settings are done, and shows each iteration to `observe`.
    ///
    /// # Errors
    /// As [`iterate`](Trainer::iterate).
    pub fn train(&mut self, mut observe: impl FnMut(&Self, &Iteration)) -> Result<(), TrainError> {
        while !self.is_done() {
            let iteration = self.iterate()?;
            observe(self, &iteration);
        }
        Ok(())
    }

    /// Whether the steps of the settings are done, or their target is reached.
    pub fn is_done(&self) -> bool {
        self.progress.is_done(&self.settings)
    }

    /// Whether the last 100 episodes have the mean return at which training is to end early.
    pub fn has_reached_target(&self) -> bool {
        self.progress.has_reached_target(&self.settings)
    }

    /// Where the run stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Environment steps so far.
    pub fn steps(&self) -> u64 {
        self.progress.steps()
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.progress.updates()
    }

    /// Episodes so far.
    pub fn episodes(&self) -> u64 {
        self.progress.episodes()
    }

    /// The mean return of the last 100 episodes, or of as many as have ended.
    pub fn mean_return(&self) -> Option<f64> {
        self.progress.mean_return()
    }

    /// The mean length of the same episodes.
    pub fn mean_length(&self) -> Option<f64> {
        self.progress.mean_length()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The number of threads that compute: that of the settings, or else the one that was found to be the fastest, and
    /// at first the most that are tried.
    pub fn threads(&self) -> usize {
        self.pace.chosen()
    }

    /// The experience that the last update was made from.
    pub fn rollout(&self) -> &Rollout<f32> {
        self.collector.rollout()
    }

    /// The parameters of policy and critic.
    pub fn parameters(&self) -> &[f32] {
        &self.agent.theta
    }

    /// The number of parameters of policy and critic.
    pub fn parameter_count(&self) -> usize {
        self.agent.network.parameter_count()
    }

    /// The description of the present policy.
    pub(crate) fn policy_spec(&self) -> PolicySpec {
        PolicySpec { normalizer: self.collector.normalizer(), ..self.spec.clone() }
    }

    /// A copy of the present policy, ready to act or to be saved.
    ///
    /// # Errors
    /// When its parameters are not finite.
    pub fn policy(&self) -> Result<Policy, TrainError> {
        let Agent { network, theta } = &self.agent;
        Ok(Policy::with_network(self.policy_spec(), &theta[..network.policy_parameter_count()], network)?)
    }
}

impl<N: Network<Scalar = f32> + 'static> Training for Trainer<N> {
    fn iterate(&mut self) -> Result<Iteration, TrainError> {
        Trainer::iterate(self)
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn threads(&self) -> usize {
        Trainer::threads(self)
    }

    fn parameter_count(&self) -> usize {
        Trainer::parameter_count(self)
    }

    fn policy(&self) -> Result<Policy, TrainError> {
        Trainer::policy(self)
    }

    fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        Trainer::checkpoint(self)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        Trainer::restore(self, checkpoint)
    }
}

/// As many threads as processors, but no more than four: networks of the usual size have no work for more.
fn most_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4)
}
