//! The update.

use gradus_core_math::{
    Adam, AdamConfig, Distribution, Optimizer, OptimizerState, Real, clip_global_norm, explained_variance,
};
use gradus_policy::{
    Agent, Batch, Context, Input, Linearized, Metrics, Network, Team, Update, UpdateError, UpdateState,
};
use rand::seq::SliceRandom;

use crate::config::{KL_TOLERANCE, PpoConfig};
use crate::loss::{LossConfig, Losses, loss_and_cotangent};

/// Proximal policy optimisation with the clipped objective (Schulman et al. 2017, Algorithm 1).
///
/// ```
/// use gradus_core_math::{Distribution, Stream};
/// use gradus_policy::{ActorCriticConfig, Agent, Context, Rollout, Team, Update};
/// use gradus_ppo::{Ppo, PpoConfig};
///
/// let family = Distribution::Categorical { n: 2 };
/// let network = ActorCriticConfig::new(4, family.clone()).build::<f32>();
/// let mut agent = Agent::new(network, &mut Stream::new(0, "initialise", 0));
/// let mut ppo = Ppo::new(PpoConfig::new().with_epochs(4), &agent)?;
///
/// // 8 steps of 2 environments, as a collector would fill them: the first action was better than expected.
/// let mut rollout = Rollout::new(8, 2, 4, &family, false);
/// rollout.log_probs.fill(0.5_f32.ln());
/// rollout.advantages[0] = 1.0;
///
/// let mut rng = Stream::new(0, "update", 0);
/// let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
/// let metrics = ppo.update(&mut agent, &rollout.batch(), context)?;
/// assert_eq!(metrics.get("gradient_steps"), Some(4.0));
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ppo<T> {
    config: PpoConfig,
    adam: Adam<T>,
    updates: u64,
    gradient: Vec<T>,
    cotangent: Vec<T>,
    rows: Vec<u32>,
}

/// What the minibatches of an update add up to.
#[derive(Default)]
struct Progress {
    sum: Losses,
    gradient_norm: f64,
    minibatches: usize,
    /// Minibatches that were followed by a step: all, or all but the one that stopped the update.
    steps: usize,
    /// Of the last epoch alone: how far the update has gone.
    last_epoch: Losses,
    last_epoch_minibatches: usize,
    stopped: bool,
}

impl<T: Real> Ppo<T> {
    /// PPO for an agent.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new<N: Network<Scalar = T>>(config: PpoConfig, agent: &Agent<N>) -> Result<Self, UpdateError> {
        config.check()?;
        let adam = Adam::new(AdamConfig::new().with_epsilon(config.adam_epsilon), agent.theta.len())
            .map_err(|error| UpdateError::State(error.to_string()))?;
        Ok(Self {
            config,
            adam,
            updates: 0,
            gradient: vec![T::zero(); agent.theta.len()],
            cotangent: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// K epochs over shuffled minibatches.
    fn epochs<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<Progress, UpdateError> {
        let Context { mut team, progress, rng } = context;
        let learning_rate = self.config.learning_rate.at(progress);
        let loss = LossConfig {
            clip_epsilon: self.config.clip_epsilon.at(progress),
            value_clip_epsilon: self.config.value_clip_epsilon,
            entropy_coef: self.config.entropy_coef,
            value_coef: self.config.value_coef,
            normalize_advantage: self.config.normalize_advantage,
        };
        let distribution = agent.network.distribution().clone();
        let mut done = Progress::default();
        self.rows.clear();
        self.rows.extend(0..batch.len() as u32);
        for _ in 0..self.config.epochs {
            self.rows.shuffle(rng);
            done.last_epoch = Losses::default();
            done.last_epoch_minibatches = 0;
            let mut start = 0;
            for end in self.config.minibatches.ends(batch.len()) {
                let losses = self.gradient(
                    team.reborrow(),
                    agent,
                    &distribution,
                    batch,
                    start..end,
                    &loss,
                    &mut done,
                )?;
                if self.config.kl_target.is_some_and(|target| losses.kl_old_new > KL_TOLERANCE * target) {
                    done.stopped = true;
                    return Ok(done);
                }
                self.adam.step(&mut agent.theta, &self.gradient, learning_rate);
                done.steps += 1;
                start = end;
            }
        }
        Ok(done)
    }

    /// The clipped gradient of the loss over the rows of one minibatch: linearise, cotangent, vjp.
    #[allow(clippy::too_many_arguments, reason = "the parts of one formula, at its one call")]
    fn gradient<N: Network<Scalar = T>>(
        &mut self,
        mut team: Team<'_>,
        agent: &mut Agent<N>,
        distribution: &Distribution,
        batch: &Batch<'_, T>,
        minibatch: std::ops::Range<usize>,
        loss: &LossConfig,
        done: &mut Progress,
    ) -> Result<Losses, UpdateError> {
        let rows = &self.rows[minibatch];
        let input = Input::listed(batch.observations, batch.observation_width, rows);
        let mut point = agent.network.linearize(team.reborrow(), &agent.theta, input);
        self.cotangent.resize(point.outputs().len(), T::zero());
        let losses =
            loss_and_cotangent(loss, distribution, batch, rows, point.outputs(), &mut self.cotangent);
        for (name, value) in [
            ("the policy loss", losses.policy_loss),
            ("the value loss", losses.value_loss),
            ("the entropy", losses.entropy),
        ] {
            self.finite(name, value)?;
        }
        point.vjp(team, &self.cotangent, &mut self.gradient);
        let norm = clip_global_norm(&mut self.gradient, self.config.max_grad_norm.unwrap_or(f64::INFINITY));
        self.finite("the norm of the gradient", norm.wide())?;
        done.add(&losses, norm.wide());
        Ok(losses)
    }

    fn finite(&self, quantity: &str, value: f64) -> Result<(), UpdateError> {
        if value.is_finite() {
            return Ok(());
        }
        Err(UpdateError::NonFinite { quantity: quantity.into(), value, update: self.updates + 1 })
    }

    /// The state for a checkpoint: see [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let OptimizerState { steps, moments } = self.adam.state();
        let mut state = UpdateState::default();
        for (name, moment) in MOMENTS.into_iter().zip(moments) {
            state.tensors.insert(name.into(), moment);
        }
        // Counts are exact in f64 up to 2^53.
        state.scalars.insert("adam.steps".into(), steps as f64);
        state.scalars.insert("updates".into(), self.updates as f64);
        state
    }

    /// Continues from a state: see [`Update::load`].
    ///
    /// # Errors
    /// When the state is another algorithm's or another network's; this one is then unchanged.
    pub fn load(&mut self, mut state: UpdateState<T>) -> Result<(), UpdateError> {
        let (steps, updates) = (state.take_count("adam.steps")?, state.take_count("updates")?);
        let moments = MOMENTS.into_iter().map(|name| state.take_tensor(name)).collect::<Result<_, _>>()?;
        state.nothing_left()?;
        self.adam
            .load(OptimizerState { steps, moments })
            .map_err(|error| UpdateError::State(error.to_string()))?;
        self.updates = updates;
        Ok(())
    }
}

/// The names of Adam's moments in a state.
const MOMENTS: [&str; 2] = ["adam.m", "adam.v"];

impl Progress {
    fn add(&mut self, losses: &Losses, gradient_norm: f64) {
        for sum in [&mut self.sum, &mut self.last_epoch] {
            sum.policy_loss += losses.policy_loss;
            sum.value_loss += losses.value_loss;
            sum.entropy += losses.entropy;
            sum.clip_fraction += losses.clip_fraction;
            sum.kl_old_new += losses.kl_old_new;
        }
        self.gradient_norm += gradient_norm;
        self.minibatches += 1;
        self.last_epoch_minibatches += 1;
    }

    /// Losses are means over all minibatches, `kl_old_new` and `clip_fraction` over those of the last epoch.
    fn metrics<T: Real>(&self, batch: &Batch<'_, T>, learning_rate: f64, clip_epsilon: f64) -> Metrics {
        let all = 1.0 / self.minibatches.max(1) as f64;
        let last = 1.0 / self.last_epoch_minibatches.max(1) as f64;
        let mut metrics = Metrics::new();
        metrics.push("policy_loss", self.sum.policy_loss * all);
        metrics.push("value_loss", self.sum.value_loss * all);
        metrics.push("entropy", self.sum.entropy * all);
        metrics.push("kl_old_new", self.last_epoch.kl_old_new * last);
        metrics.push("clip_fraction", self.last_epoch.clip_fraction * last);
        metrics.push("gradient_norm", self.gradient_norm * all);
        metrics.push("explained_variance", explained_variance(batch.values, batch.value_targets));
        metrics.push("gradient_steps", self.steps as f64);
        metrics.push("stopped_on_kl", f64::from(self.stopped));
        metrics.push("learning_rate", learning_rate);
        metrics.push("clip_epsilon", clip_epsilon);
        metrics
    }
}

impl<N: Network> Update<N> for Ppo<N::Scalar> {
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        batch.check(agent.network.distribution(), self.updates + 1)?;
        let progress = context.progress;
        let before = (agent.theta.clone(), self.adam.clone());
        let outcome = self.epochs(agent, batch, context).and_then(|done| {
            agent.check(self.updates + 1)?;
            Ok(done)
        });
        match outcome {
            Ok(done) => {
                self.updates += 1;
                let learning_rate = self.config.learning_rate.at(progress);
                Ok(done.metrics(batch, learning_rate, self.config.clip_epsilon.at(progress)))
            }
            Err(error) => {
                (agent.theta, self.adam) = before;
                Err(error)
            }
        }
    }

    fn state(&self) -> UpdateState<N::Scalar> {
        self.state()
    }

    fn load(&mut self, state: UpdateState<N::Scalar>) -> Result<(), UpdateError> {
        self.load(state)
    }
}
