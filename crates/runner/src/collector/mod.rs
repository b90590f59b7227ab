//! Experience from environments: many of them, shared out over threads.

mod actor;
mod branches;
mod branching;
mod estimate;
mod rewards;
mod shard;
mod values;

use gradus_advantage::AdvantageError;
use gradus_core_math::{Distribution, RunningMoments, Stream};
use gradus_envs::{Env, EnvError, Episode, Outcome, State, VecEnv, VectorEnv};
use gradus_policy::{
    ActionMap, ActorCritic, FrozenHead, Network, Normalizer, Remembered, Rollout, Team, ValueScale,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use actor::Actor;
use branching::Brancher;
pub use branching::VineConfig;
pub use estimate::AdvantageEstimator;
pub use rewards::RewardScale;
use shard::{Maps, Shard};
use values::Extra;

/// Makes `n` environments of a task whose streams are numbered from `first_index` on:
/// `make(n, seed, first_index)`.
pub type MakeEnvs<'a> = dyn Fn(usize, u64, usize) -> Result<Box<dyn VectorEnv>, EnvError> + 'a;

/// [`MakeEnvs`] of environments that `make_env` makes one by one.
pub(crate) fn one_by_one<E: Env + 'static>(
    make_env: impl Fn() -> E,
) -> impl Fn(usize, u64, usize) -> Result<Box<dyn VectorEnv>, EnvError> {
    move |n, seed, first| {
        let envs = (0..n).map(|_| make_env()).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?))
    }
}

/// Who answers the environments. What is collected is the same, to the bit, where a row of the network does not
/// depend on the rows beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acting {
    /// Every thread has a copy of the policy and goes through the whole rollout without meeting the others.
    #[default]
    Apart,
    /// One copy answers all environments at once, step by step: for devices that take one batch at a time.
    Together,
}

/// What a collector does beside stepping.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectorConfig {
    /// The number of environments, N.
    pub n_envs: usize,
    /// Steps of each environment a rollout, T.
    pub n_steps: usize,
    /// The run's seed.
    pub seed: u64,
    /// γ
    pub gamma: f64,
    /// λ of the advantage estimates.
    pub gae_lambda: f64,
    /// How advantages are estimated.
    pub advantage: AdvantageEstimator,
    /// Whether the networks see observations with mean 0 and variance 1.
    pub normalize_observation: bool,
    /// Whether rewards are divided by the standard deviation of discounted returns.
    pub normalize_reward: bool,
    /// From the policy's actions to the environments'.
    pub action_map: ActionMap,
    /// Who answers the environments.
    pub acting: Acting,
    /// For a network that remembers: the steps of a sequence that is learnt from, of which `n_steps` is a multiple.
    pub sequence_length: usize,
    /// Whether and how other actions are tried out on the way.
    pub vine: Option<VineConfig>,
}

/// The state of a collector between rollouts, for a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectorState {
    envs: Vec<State>,
    streams: Vec<Stream>,
    /// What the policy remembers of each environment, `[N, state_width]`.
    memories: Vec<f32>,
    observations: Option<RunningMoments>,
    rewards: Option<RewardScale>,
    /// Draws the steps in which rollouts branch, if they do.
    forks_stream: Option<Stream>,
}

/// Why no rollout came about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A task failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The policy put out something that is no distribution.
    #[error("the policy's output for environment {env} at step {step} of the rollout is not finite")]
    Policy {
        /// Which environment.
        env: usize,
        /// Which step of the rollout.
        step: usize,
    },
    /// A reward is finite, but not as an `f32`.
    #[error(
        "the reward of environment {env} at step {step} of the rollout is {value:e}, too large for training"
    )]
    Reward {
        /// Which environment.
        env: usize,
        /// Which step of the rollout.
        step: usize,
        /// The reward.
        value: f64,
    },
    /// The critic's value is not finite.
    #[error("the critic's value for environment {env} at step {step} of the rollout is {value}")]
    Value {
        /// Which environment.
        env: usize,
        /// Which step of the rollout.
        step: usize,
        /// The value.
        value: f32,
    },
    /// The arrays of a rollout do not fit together.
    #[error(transparent)]
    Advantage(#[from] AdvantageError),
    /// There is no finished episode to learn from.
    #[error(
        "no episode ended within the {n_steps} steps of a rollout, and the estimate of returns knows finished ones \
         alone: raise n_steps above the length of an episode, or set advantage_estimator to bootstrapped-return"
    )]
    NoEpisode {
        /// T.
        n_steps: usize,
    },
    /// A saved state does not fit.
    #[error("the saved state does not fit: {0}")]
    State(String),
}

/// N environments that a policy acts in, shared out over the threads of a team.
///
/// Every environment draws its transitions and its actions from streams of its own, a row of a network does
/// not depend on the rows beside it, and statistics are merged in the order of the environments: what is
/// collected is the same, to the bit, for any number of threads.
pub struct Collector<N: Network<Scalar = f32>> {
    config: CollectorConfig,
    distribution: Distribution,
    shards: Vec<Shard>,
    /// The policy: a copy for each shard, or one for all.
    actors: Vec<Actor<FrozenHead<N::Frozen>>>,
    /// The observations of all environments, where one copy answers them.
    observed: Vec<f32>,
    observations: Option<RunningMoments>,
    rewards: Option<RewardScale>,
    rollout: Rollout<f32>,
    forks_stream: Option<Stream>,
    /// The steps of this rollout in which it branches, in their order.
    forks: Vec<usize>,
    episodes: Vec<Episode>,
    /// How many episodes of each shard are told already, while they are put in order.
    told: Vec<usize>,
    extra: Extra,
    value_scale: Option<ValueScale>,
}

impl<N: Network<Scalar = f32>> Collector<N> {
    /// N environments from `make` in `threads` shards, with every episode at its start.
    ///
    /// # Errors
    /// When an environment cannot be made or started.
    pub fn new(
        config: CollectorConfig,
        make: &MakeEnvs<'_>,
        network: &ActorCritic<N>,
        theta: &[f32],
        threads: usize,
    ) -> Result<Self, EnvError> {
        let distribution = network.distribution().clone();
        let count = threads.clamp(1, config.n_envs.max(1));
        let mut shards = Vec::with_capacity(count);
        for k in 0..count {
            let (first, end) = (k * config.n_envs / count, (k + 1) * config.n_envs / count);
            let mut env = make(end - first, config.seed, first)?;
            env.reset_all()?;
            let mut shard = Shard::new(env, first, config.seed, distribution.clone());
            if let Some(vine) = config.vine {
                let one = || make(1, config.seed, 0);
                shard.brancher = Some(Brancher::new(vine, config.gamma, end - first, &distribution, one)?);
            }
            shards.push(shard);
        }
        let length = config.sequence_length;
        let actor = |n: usize| Actor::new(network.freeze_policy(theta), network.frozen_width(), n, length);
        let actors = match config.acting {
            Acting::Apart => shards.iter().map(|shard| actor(shard.env.n_envs())).collect(),
            Acting::Together => vec![actor(config.n_envs)],
        };
        let width = network.input_width();
        let masked = shards.first().is_some_and(|shard| !shard.env.masks().is_empty());
        let mut rollout = Rollout::new(config.n_steps, config.n_envs, width, &distribution, masked);
        if network.state_width() > 0 {
            let remembered = Remembered::new(config.n_steps, config.n_envs, length, network.state_width());
            rollout.remembered = Some(remembered);
        }
        Ok(Self {
            observations: config.normalize_observation.then(|| RunningMoments::new(width)),
            rewards: config.normalize_reward.then(|| RewardScale::new(config.n_envs)),
            rollout,
            forks_stream: config.vine.map(|_| Stream::new(config.seed, "vine", 0)),
            forks: Vec::new(),
            config,
            distribution,
            shards,
            actors,
            observed: Vec::new(),
            episodes: Vec::new(),
            told: Vec::new(),
            extra: Extra::default(),
            value_scale: None,
        })
    }

    /// The present normalisation of observations.
    pub fn normalizer(&self) -> Option<Normalizer> {
        self.observations.as_ref().map(Normalizer::new)
    }

    /// The settings.
    pub fn config(&self) -> &CollectorConfig {
        &self.config
    }

    /// What the critic's outputs stand for from now on, where they are not the values themselves: what the algorithm's
    /// [`value_scale`](gradus_policy::Update::value_scale) says before each rollout.
    pub fn set_value_scale(&mut self, value_scale: Option<ValueScale>) {
        self.value_scale = value_scale;
    }

    /// The last rollout, with advantages and value targets.
    pub fn rollout(&self) -> &Rollout<f32> {
        &self.rollout
    }

    /// The episodes that ended in the last rollout, in the order of their ends; of those that ended with the same
    /// step, in the order of the environments.
    pub fn episodes(&self) -> &[Episode] {
        &self.episodes
    }

    /// Steps all environments T times with the policy, and estimates values and advantages.
    ///
    /// # Errors
    /// When a task fails, or a network's output is not finite.
    pub fn collect(
        &mut self,
        mut team: Team<'_>,
        network: &mut ActorCritic<N>,
        theta: &[f32],
    ) -> Result<(), CollectError> {
        if self.config.advantage.needs_whole_episodes() {
            self.begin_episodes()?;
        }
        self.draw_forks();
        self.act(team.reborrow(), &theta[..network.policy_parameter_count()]);
        self.assemble()?;
        self.value_branches(team.reborrow(), network, theta);
        self.take_statistics();
        self.evaluate(team, network, theta)?;
        self.estimate_advantages()
    }

    /// Begins a new episode in every environment.
    fn begin_episodes(&mut self) -> Result<(), CollectError> {
        for shard in &mut self.shards {
            shard.env.reset_all()?;
        }
        self.actors.iter_mut().for_each(Actor::forget_all);
        if let Some(scale) = &mut self.rewards {
            scale.begin_episodes();
        }
        Ok(())
    }

    /// Steps all environments T times with the policy of these parameters.
    fn act(&mut self, mut team: Team<'_>, policy: &[f32]) {
        let normalizer = self.normalizer();
        let Self { config, shards, actors, observed, forks, .. } = self;
        let maps = Maps { normalizer: normalizer.as_ref(), action_map: &config.action_map };
        if config.acting == Acting::Apart {
            let mut pairs: Vec<_> = shards.iter_mut().zip(actors).collect();
            return team.for_each(&mut pairs, |_, (shard, actor)| {
                shard.run(actor, policy, (config.n_steps, forks), maps);
            });
        }
        let [actor] = &mut actors[..] else { return };
        actor.begin(policy);
        team.for_each(shards, |_, shard| shard.begin(maps));
        for t in 0..config.n_steps {
            if forks.contains(&t) {
                team.for_each(shards, |_, shard| shard.fork());
            }
            observed.clear();
            shards.iter().for_each(|shard| observed.extend_from_slice(&shard.observed));
            actor.answer(observed);
            let answers = actor.answers();
            team.for_each(shards, |_, shard| shard.step(answers.skip(shard.first), maps));
            shards.iter().for_each(|shard| actor.forget(shard.first, shard.env.outcomes()));
        }
        for shard in shards {
            shard.end();
            shard.branch(actor, forks, maps);
        }
    }

    /// Puts the records of the shards together, `[T, N, ...]`.
    fn assemble(&mut self) -> Result<(), CollectError> {
        self.check_shards()?;
        let Self { rollout, shards, distribution, .. } = self;
        let n_envs = rollout.n_envs;
        for shard in shards.iter() {
            let (first, n) = (shard.first, shard.env.n_envs());
            let record = &shard.record;
            let place = Place { n_envs, first, n };
            place.copy(&record.observations, &mut rollout.observations, rollout.observation_width);
            place.copy(&record.actions, &mut rollout.actions, distribution.action_width());
            place.copy(&record.log_probs, &mut rollout.log_probs, 1);
            place.copy(&record.params, &mut rollout.distribution_params, distribution.n_params());
            if !rollout.masks.is_empty() {
                place.copy(&record.masks, &mut rollout.masks, distribution.mask_width());
            }
            place.map(&record.rewards, &mut rollout.rewards, |r| r as f32);
            place.map(&record.outcomes, &mut rollout.terminated, |o| o == Outcome::Terminated);
            place.map(&record.outcomes, &mut rollout.truncated, |o| o == Outcome::Truncated);
        }
        self.order_episodes();
        self.remember();
        self.check_rewards()
    }

    /// What the policy remembered, and where it had to forget.
    fn remember(&mut self) {
        let Rollout { n_envs, remembered, terminated, truncated, .. } = &mut self.rollout;
        let Some(Remembered { states, starts, .. }) = remembered else { return };
        let (n_envs, mut first) = (*n_envs, 0);
        for actor in &self.actors {
            let n = actor.n_envs();
            let width = actor.states().len() / n;
            Place { n_envs, first, n }.copy(&actor.sequence_states, states, width);
            first += n;
        }
        let ends =
            terminated.iter().zip(truncated.iter()).map(|(terminated, truncated)| terminated | truncated);
        // Where an episode begins with the first step, the state is that of a beginning already.
        starts[n_envs..].iter_mut().zip(ends).for_each(|(start, end)| *start = end);
    }

    /// The environments' rewards are finite, but of more digits than the rollout's.
    fn check_rewards(&self) -> Result<(), CollectError> {
        let Some(place) = self.rollout.rewards.iter().position(|reward| !reward.is_finite()) else {
            return Ok(());
        };
        let (env, step) = (place % self.rollout.n_envs, place / self.rollout.n_envs);
        let of_shard = |shard: &Shard| {
            let column = env.checked_sub(shard.first).filter(|column| *column < shard.env.n_envs())?;
            shard.record.rewards.get(step * shard.env.n_envs() + column).copied()
        };
        let value = self.shards.iter().find_map(of_shard).unwrap_or(f64::NAN);
        Err(CollectError::Reward { env, step, value })
    }

    /// Merges the episodes of the shards, so that their order, on which the last hundred depend, does not tell how
    /// many shards there are.
    fn order_episodes(&mut self) {
        let Self { rollout, shards, episodes, told, .. } = self;
        episodes.clear();
        told.clear();
        told.resize(shards.len(), 0);
        for t in 0..rollout.n_steps {
            for (shard, told) in shards.iter().zip(told.iter_mut()) {
                let n = shard.env.n_envs();
                let record = &shard.record;
                let ends = record.outcomes[t * n..][..n].iter().filter(|outcome| outcome.is_over()).count();
                let until = (*told + ends).min(record.episodes.len());
                episodes.extend_from_slice(&record.episodes[*told..until]);
                *told = until;
            }
        }
    }

    /// The failure that came first, whatever the number of shards. A policy that puts out NaN is at fault for what
    /// the environment makes of it.
    fn check_shards(&mut self) -> Result<(), CollectError> {
        let mut first: Option<(usize, CollectError)> = None;
        for shard in &mut self.shards {
            let steps_done = shard.record.outcomes.len() / shard.env.n_envs();
            let of_env = shard.error.take().map(|error| (steps_done, CollectError::Env(error)));
            for (step, error) in policy_error(shard).into_iter().chain(of_env) {
                if first.as_ref().is_none_or(|(before, _)| step < *before) {
                    first = Some((step, error));
                }
            }
        }
        first.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Merges what the environments saw, in their order, and scales the rewards.
    fn take_statistics(&mut self) {
        if let Some(moments) = &mut self.observations {
            for of_env in self.shards.iter().flat_map(|shard| &shard.record.moments) {
                moments.merge(of_env);
            }
        }
        if let Some(scale) = &mut self.rewards {
            let Rollout { rewards, terminated, truncated, .. } = &mut self.rollout;
            scale.apply(rewards, terminated, truncated, self.config.gamma);
        }
    }

    fn estimate_advantages(&mut self) -> Result<(), CollectError> {
        let CollectorConfig { gamma, gae_lambda, advantage, n_steps, .. } = self.config;
        advantage.estimate(&mut self.rollout, gamma as f32, gae_lambda as f32)?;
        if advantage.needs_whole_episodes() && self.rollout.episode_returns.is_empty() {
            return Err(CollectError::NoEpisode { n_steps });
        }
        Ok(())
    }

    /// The state between rollouts.
    pub fn state(&self) -> CollectorState {
        CollectorState {
            envs: self.shards.iter().flat_map(|shard| shard.env.save()).collect(),
            streams: self.shards.iter().flat_map(|shard| shard.streams.iter().cloned()).collect(),
            memories: self.actors.iter().flat_map(Actor::states).copied().collect(),
            observations: self.observations.clone(),
            rewards: self.rewards.clone(),
            forks_stream: self.forks_stream.clone(),
        }
    }

    /// Continues exactly from a state that [`state`](Collector::state) gave, whatever the number of threads.
    ///
    /// # Errors
    /// When the state is of other environments or another number of them.
    pub fn load(&mut self, state: CollectorState) -> Result<(), CollectError> {
        let n = self.config.n_envs;
        if state.envs.len() != n || state.streams.len() != n {
            let found = state.envs.len();
            return Err(CollectError::State(format!("it has {found} environments, the run has {n}")));
        }
        let widths = |moments: &Option<RunningMoments>| moments.as_ref().map(|m| m.mean().len());
        if widths(&state.observations) != widths(&self.observations)
            || state.rewards.as_ref().map(RewardScale::n_envs)
                != self.rewards.as_ref().map(RewardScale::n_envs)
        {
            return Err(CollectError::State("its statistics are of other observations or rewards".into()));
        }
        if state.forks_stream.is_some() != self.forks_stream.is_some() {
            return Err(CollectError::State(
                "of it and this run, one branches and the other does not".into(),
            ));
        }
        let width = self.actors.iter().map(|actor| actor.states().len()).sum::<usize>();
        if state.memories.len() != width {
            let found = state.memories.len();
            return Err(CollectError::State(format!("it remembers {found} numbers, the run {width}")));
        }
        let mut memories = &state.memories[..];
        for actor in &mut self.actors {
            let (own, rest) = memories.split_at(actor.states().len());
            actor.load_states(own);
            memories = rest;
        }
        for shard in &mut self.shards {
            let range = shard.first..shard.first + shard.env.n_envs();
            shard.env.restore(&state.envs[range.clone()])?;
            shard.streams.clone_from_slice(&state.streams[range]);
        }
        self.observations = state.observations;
        self.rewards = state.rewards;
        self.forks_stream = state.forks_stream;
        Ok(())
    }
}

/// The first log-probability that is not finite, which every broken output leads to, and its step.
fn policy_error(shard: &Shard) -> Option<(usize, CollectError)> {
    let place = shard.record.log_probs.iter().position(|p| !p.is_finite())?;
    let n = shard.env.n_envs();
    Some((place / n, CollectError::Policy { env: shard.first + place % n, step: place / n }))
}

/// The columns of a shard's environments in a rollout.
#[derive(Clone, Copy)]
struct Place {
    n_envs: usize,
    first: usize,
    n: usize,
}

impl Place {
    /// Copies rows of `width` from `[T, n, width]` to columns of `[T, N, width]`.
    fn copy<U: Copy>(self, from: &[U], to: &mut [U], width: usize) {
        let to = to.chunks_exact_mut(self.n_envs * width);
        for (from, to) in from.chunks_exact(self.n * width).zip(to) {
            to[self.first * width..][..self.n * width].copy_from_slice(from);
        }
    }

    /// Maps `[T, n]` to columns of `[T, N]`.
    fn map<U: Copy, V>(self, from: &[U], to: &mut [V], f: impl Fn(U) -> V) {
        let to = to.chunks_exact_mut(self.n_envs);
        for (from, to) in from.chunks_exact(self.n).zip(to) {
            for (to, &from) in to[self.first..].iter_mut().zip(from) {
                *to = f(from);
            }
        }
    }
}
