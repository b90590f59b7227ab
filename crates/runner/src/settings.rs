//! The typed settings of a training run.

use gradus_core_math::Distribution;
use gradus_envs::Space;
use gradus_policy::{ActionMap, Activation, ActorCriticConfig, Body, ConvConfig, ConvLayer};
use gradus_ppo::PpoConfig;
use gradus_trpo::TrpoConfig;
use thiserror::Error;

use crate::algorithm::{Algorithm, advantage_estimator};
use crate::collector::{AdvantageEstimator, VineConfig};
use crate::config::{Config, ConfigError, Problem};

/// The device of the fused kernels.
pub(crate) const CPU: &str = "cpu";

/// The most steps of an update, all environments together. Far beyond what anybody has found useful; what it keeps
/// from happening is that a slip of the keyboard asks the system for terabytes.
const MAX_ROWS: usize = 1 << 27;

/// The most roll-outs that a rollout branches into, for each of which an environment is kept.
const MAX_BRANCHES: usize = 1 << 20;

/// How actions are brought into the bounds of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionScaling {
    /// Clipped into the bounds.
    Clip,
    /// Clipped into [−1, 1] and mapped onto the bounds, where these are finite; clipped otherwise.
    Rescale,
}

/// What sees an observation before the hidden layers do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// Nothing.
    #[default]
    Dense,
    /// Convolutions over the image that an observation is; with none given, those of
    /// [`ConvConfig::for_image`](gradus_policy::ConvConfig::for_image).
    Conv(Option<Vec<ConvLayer>>),
    /// A gated recurrent unit.
    Gru {
        /// The length of its state.
        width: usize,
        /// Steps that are learnt from in one piece; divides the steps of a rollout.
        sequence_length: usize,
    },
}

/// All that determines a training run, beside the task.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The seed of everything random.
    pub seed: u64,
    /// Environment steps to train for, over all environments together.
    pub total_steps: u64,
    /// The mean return of the last 100 training episodes at which training ends early.
    pub target_return: Option<f64>,
    /// Threads to compute on; `None` for as many as help. The result does not depend on it.
    pub threads: Option<usize>,
    /// Where networks are evaluated: `cpu` for the fused kernels, or a device of Burn's such as `flex` or `wgpu`.
    pub device: String,
    /// Environments that are stepped side by side, N.
    pub n_envs: usize,
    /// Steps of each environment between two updates, T.
    pub n_steps: usize,
    /// Discount of future rewards, γ.
    pub gamma: f64,
    /// λ of the advantage estimates.
    pub gae_lambda: f64,
    /// How advantages, or for REINFORCE returns, are estimated.
    pub advantage: AdvantageEstimator,
    /// Whether the networks see observations with mean 0 and variance 1.
    pub normalize_observation: bool,
    /// Whether rewards are divided by the standard deviation of discounted returns.
    pub normalize_reward: bool,
    /// How actions are brought into the bounds of a box.
    pub action_scaling: ActionScaling,
    /// What sees an observation before the hidden layers.
    pub body: BodyKind,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// Whether policy and critic share their hidden layers.
    pub shared_trunk: bool,
    /// The log_std that a Gaussian policy begins with.
    pub log_std_init: f64,
    /// Searches without gradients: the episodes by whose mean return a candidate is judged.
    pub episodes_per_candidate: usize,
}

/// Why settings do not fit a task.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A setting is outside its range.
    #[error("{name} is {value}, it must be {needed}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What it was given.
        value: String,
        /// What it may be.
        needed: &'static str,
    },
    /// A space that no policy is made for.
    #[error("the task's {what} space {space} cannot be trained on: {reason}")]
    Space {
        /// Observation or action.
        what: &'static str,
        /// The space.
        space: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Settings {
    /// Settings for an algorithm: the defaults of PPO's authors for many small environments.
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            seed: 0,
            total_steps: 100_000,
            target_return: None,
            threads: None,
            device: CPU.to_owned(),
            n_envs: 8,
            n_steps: 256,
            gamma: 0.99,
            gae_lambda: 0.95,
            advantage: AdvantageEstimator::Gae,
            normalize_observation: false,
            normalize_reward: false,
            action_scaling: ActionScaling::Rescale,
            body: BodyKind::Dense,
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            shared_trunk: false,
            log_std_init: 0.0,
            episodes_per_candidate: 1,
        }
    }

    /// TRPO, with the settings of its paper: 4 environments, 512 steps each, mean KL at most 0.01.
    pub fn trpo() -> Self {
        Self::new(Algorithm::Trpo(TrpoConfig::new())).with_rollout(4, 512)
    }

    /// PPO, with settings that learn most small tasks: 8 environments, 256 steps each, 10 epochs.
    pub fn ppo() -> Self {
        Self::new(Algorithm::Ppo(PpoConfig::new()))
    }

    /// Another seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Another length of training.
    pub fn with_total_steps(mut self, total_steps: u64) -> Self {
        self.total_steps = total_steps;
        self
    }

    /// A mean return of the last 100 episodes at which training ends early.
    pub fn with_target_return(mut self, target_return: f64) -> Self {
        self.target_return = Some(target_return);
        self
    }

    /// Another number of environments and of steps between updates.
    pub fn with_rollout(mut self, n_envs: usize, n_steps: usize) -> Self {
        (self.n_envs, self.n_steps) = (n_envs, n_steps);
        self
    }

    /// Another estimate of advantages.
    pub fn with_advantage(mut self, advantage: AdvantageEstimator) -> Self {
        self.advantage = advantage;
        self
    }

    /// Other episodes by whose mean return a search judges a candidate.
    pub fn with_episodes_per_candidate(mut self, episodes: usize) -> Self {
        self.episodes_per_candidate = episodes;
        self
    }

    /// Another discount, and λ of the advantage estimates.
    pub fn with_discount(mut self, gamma: f64, gae_lambda: f64) -> Self {
        (self.gamma, self.gae_lambda) = (gamma, gae_lambda);
        self
    }

    /// Whether observations and rewards are normalised.
    pub fn with_normalization(mut self, observation: bool, reward: bool) -> Self {
        (self.normalize_observation, self.normalize_reward) = (observation, reward);
        self
    }

    /// Other hidden layers.
    pub fn with_hidden(mut self, hidden: &[usize]) -> Self {
        self.hidden = hidden.to_vec();
        self
    }

    /// Another device to evaluate networks on.
    pub fn with_device(mut self, device: &str) -> Self {
        self.device = device.to_owned();
        self
    }

    /// Something else before the hidden layers.
    pub fn with_body(mut self, body: BodyKind) -> Self {
        self.body = body;
        self
    }

    /// A fixed number of threads.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The settings that a checked configuration describes.
    ///
    /// # Errors
    /// When keys that are fine each by themselves do not fit together.
    pub fn from_config(config: &Config) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let rows = config.count("n_envs").saturating_mul(config.count("n_steps"));
        if rows > MAX_ROWS {
            let reason =
                format!("n_envs · n_steps = {rows} is more than an update can have, {MAX_ROWS} steps");
            problems.push(config.problem("n_steps", reason));
        }
        let body = body(config, &mut problems);
        let algorithm = Algorithm::from_config(config, rows, &mut problems);
        let advantage = advantage_estimator(config, algorithm.as_ref(), &mut problems);
        let Some(algorithm) = algorithm.filter(|_| problems.is_empty()) else {
            return Err(ConfigError::new(problems));
        };
        Ok(Self {
            algorithm,
            seed: config.unsigned("seed"),
            total_steps: config.unsigned("total_steps"),
            target_return: config.optional_float("target_return"),
            threads: config.optional_count("threads"),
            device: config.text("device").to_owned(),
            body,
            n_envs: config.count("n_envs"),
            n_steps: config.count("n_steps"),
            gamma: config.float("gamma"),
            gae_lambda: config.float("gae_lambda"),
            normalize_observation: config.bool("normalize_observation"),
            normalize_reward: config.bool("normalize_reward"),
            action_scaling: match config.text("action_scaling") {
                "clip" => ActionScaling::Clip,
                _ => ActionScaling::Rescale,
            },
            hidden: config.counts("hidden"),
            activation: if config.text("activation") == "relu" { Activation::Relu } else { Activation::Tanh },
            shared_trunk: config.bool("shared_trunk"),
            log_std_init: config.float("log_std_init"),
            advantage,
            episodes_per_candidate: config.count("episodes_per_candidate"),
        })
    }

    /// The steps of a sequence that a network with a memory learns from; those of a rollout if nothing else is said.
    pub(crate) fn sequence_length(&self) -> usize {
        match self.body {
            BodyKind::Gru { sequence_length, .. } => sequence_length,
            _ => self.n_steps,
        }
    }

    /// Checks what does not depend on the task; the algorithm checks its own settings.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        check(self.n_envs > 0, "n_envs", self.n_envs.to_string(), "at least 1")?;
        check(self.n_steps > 0, "n_steps", self.n_steps.to_string(), "at least 1")?;
        let rows = self.n_envs.saturating_mul(self.n_steps);
        check(rows <= MAX_ROWS, "n_envs · n_steps", rows.to_string(), "at most 134217728")?;
        check(self.total_steps > 0, "total_steps", self.total_steps.to_string(), "at least 1")?;
        check(self.threads != Some(0), "threads", "0".into(), "at least 1")?;
        check((0.0..=1.0).contains(&self.gamma), "gamma", self.gamma.to_string(), "from 0 to 1")?;
        let lambda = self.gae_lambda;
        check((0.0..=1.0).contains(&lambda), "gae_lambda", lambda.to_string(), "from 0 to 1")?;
        self.check_algorithm()?;
        let on_cpu = self.device == CPU && self.body != BodyKind::Dense;
        check(!on_cpu, "device", self.device.clone(), "another than cpu for convolutions and memories")?;
        if let BodyKind::Gru { width, sequence_length } = self.body {
            check(width > 0, "gru_width", width.to_string(), "at least 1")?;
            let divides = sequence_length > 0 && self.n_steps.is_multiple_of(sequence_length);
            check(divides, "sequence_length", sequence_length.to_string(), "a divisor of n_steps")?;
            check(self.shared_trunk, "shared_trunk", "false".into(), "true for a network with a memory")?;
        }
        check(!self.hidden.contains(&0), "hidden", format!("{:?}", self.hidden), "widths of at least 1")?;
        let log_std = self.log_std_init;
        check(log_std.is_finite(), "log_std_init", log_std.to_string(), "a finite number")
    }

    /// Checks what the algorithm needs of the other settings.
    fn check_algorithm(&self) -> Result<(), SettingsError> {
        let advantage = self.advantage;
        check(advantage != AdvantageEstimator::NStep(0), "advantage_steps", "0".into(), "at least 1")?;
        if self.algorithm.is_search() {
            let episodes = self.episodes_per_candidate;
            check(episodes > 0, "episodes_per_candidate", episodes.to_string(), "at least 1")?;
            check(self.device == CPU, "device", self.device.clone(), "cpu for a search without gradients")?;
            let shared = self.shared_trunk;
            return check(
                !shared,
                "shared_trunk",
                shared.to_string(),
                "false for a search, which has no critic",
            );
        }
        if let Some(vine) = self.algorithm.vine() {
            self.check_vine(vine)?;
        }
        let (found, returns) = (format!("{advantage:?}"), advantage.is_return());
        match &self.algorithm {
            Algorithm::Reinforce(_) => check(returns, "advantage", found, "a return for REINFORCE"),
            _ => check(!returns, "advantage", found, "an advantage for all algorithms but REINFORCE"),
        }
    }

    fn check_vine(&self, vine: VineConfig) -> Result<(), SettingsError> {
        let states = (1..=self.n_steps).contains(&vine.states);
        check(states, "vine_states", vine.states.to_string(), "from 1 to n_steps")?;
        check(vine.actions >= 2, "vine_actions", vine.actions.to_string(), "at least 2")?;
        check(vine.length >= 1, "vine_length", vine.length.to_string(), "at least 1")?;
        let branches = self.n_envs.saturating_mul(vine.states).saturating_mul(vine.actions);
        let name = "n_envs · vine_states · vine_actions";
        check(branches <= MAX_BRANCHES, name, branches.to_string(), "at most 1048576")?;
        check(!self.normalize_reward, "normalize_reward", "true".into(), "false for trpo-vine")?;
        let remembers = matches!(self.body, BodyKind::Gru { .. });
        check(!remembers, "body", "a memory".into(), "one without a memory for trpo-vine")
    }

    /// The networks for a task's spaces, of which the observations may be images.
    pub(crate) fn network(
        &self,
        observation: &Space,
        action: &Space,
        image: Option<[usize; 3]>,
    ) -> Result<ActorCriticConfig, SettingsError> {
        let width = observation_width(observation)?;
        let body = match &self.body {
            BodyKind::Dense => Body::Dense,
            BodyKind::Gru { width, .. } => Body::Gru { width: *width },
            BodyKind::Conv(layers) => {
                let image = image.ok_or_else(|| space_error("observation", observation, "it is no image"))?;
                let mut conv = ConvConfig::for_image(image);
                conv.layers = layers.clone().unwrap_or(conv.layers);
                if conv.shapes().is_none() {
                    let reason = format!("the convolutions {:?} do not fit into {image:?}", conv.layers);
                    return Err(space_error("observation", observation, reason));
                }
                Body::Conv(conv)
            }
        };
        Ok(ActorCriticConfig::new(width, distribution_for(action)?)
            .with_body(body)
            .with_hidden(&self.hidden)
            .with_activation(self.activation)
            .with_shared_trunk(self.shared_trunk)
            .with_log_std_init(self.log_std_init))
    }

    /// From the policy's actions to the environment's.
    pub(crate) fn action_map(&self, action: &Space) -> ActionMap {
        let Space::Box { low, high } = action else { return ActionMap::Identity };
        let (low, high) = (low.clone(), high.clone());
        let all = |test: fn(f32) -> bool| low.iter().chain(&high).all(|&bound| test(bound));
        if all(f32::is_infinite) {
            ActionMap::Identity
        } else if self.action_scaling == ActionScaling::Rescale && all(f32::is_finite) {
            ActionMap::Rescale { low, high }
        } else {
            ActionMap::Clip { low, high }
        }
    }
}

/// An error for a setting that is outside its range.
fn check(ok: bool, name: &'static str, value: String, needed: &'static str) -> Result<(), SettingsError> {
    if ok { Ok(()) } else { Err(SettingsError::Range { name, value, needed }) }
}

/// The body that a configuration asks for; what is wrong goes to `problems`.
fn body(config: &Config, problems: &mut Vec<Problem>) -> BodyKind {
    let kind = config.text("network");
    if kind != "dense" && config.text("device") == CPU {
        let reason = "the fused kernels of the device cpu evaluate dense layers alone; \
                      give another device, such as --device flex";
        problems.push(config.problem("network", reason));
    }
    match kind {
        "conv" => BodyKind::Conv(conv_layers(config, problems)),
        "gru" => {
            let (n_steps, sequence_length) = (config.count("n_steps"), config.count("sequence_length"));
            if !n_steps.is_multiple_of(sequence_length) {
                let reason = format!("n_steps = {n_steps} is no multiple of it");
                problems.push(config.problem("sequence_length", reason));
            }
            if !config.bool("shared_trunk") {
                let reason = "a network with a memory shares its trunk: set shared_trunk=true";
                problems.push(config.problem("network", reason));
            }
            BodyKind::Gru { width: config.count("gru_width"), sequence_length }
        }
        _ => BodyKind::Dense,
    }
}

fn conv_layers(config: &Config, problems: &mut Vec<Problem>) -> Option<Vec<ConvLayer>> {
    let numbers = config.optional_counts("conv_layers")?;
    if !numbers.len().is_multiple_of(3) {
        let reason = "it must be channels, kernel and stride of each convolution, three numbers a layer";
        problems.push(config.problem("conv_layers", reason));
    }
    let layer = |n: &[usize]| ConvLayer { channels: n[0], kernel: n[1], stride: n[2] };
    Some(numbers.chunks_exact(3).map(layer).collect())
}

fn space_error(what: &'static str, space: &Space, reason: impl ToString) -> SettingsError {
    SettingsError::Space { what, space: space.to_string(), reason: reason.to_string() }
}

fn observation_width(space: &Space) -> Result<usize, SettingsError> {
    space.validate().map_err(|error| space_error("observation", space, error))?;
    match space.width() {
        0 => Err(space_error("observation", space, "it has no component")),
        width => Ok(width),
    }
}

/// The family of distributions over the actions of a space.
///
/// # Errors
/// When the space is empty or malformed.
pub fn distribution_for(space: &Space) -> Result<Distribution, SettingsError> {
    space.validate().map_err(|error| space_error("action", space, error))?;
    if space.width() == 0 {
        return Err(space_error("action", space, "it has no component"));
    }
    Ok(match space {
        Space::Discrete { n } => Distribution::Categorical { n: *n },
        Space::MultiDiscrete { sizes } => Distribution::MultiCategorical { sizes: sizes.clone() },
        Space::MultiBinary { n } => Distribution::Bernoulli { n: *n },
        Space::Box { low, .. } => Distribution::DiagGaussian { dim: low.len() },
    })
}
