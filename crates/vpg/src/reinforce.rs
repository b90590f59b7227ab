//! REINFORCE.

use gradus_core_math::{Real, explained_variance, mean};
use gradus_policy::{
    Agent, Batch, Context, CriticConfig, CriticFit, Metrics, Network, Update, UpdateError, UpdateState,
    check_finite, check_present, check_setting,
};
use serde::{Deserialize, Serialize};

use crate::loss::{Average, LossConfig, Losses, divisor, loss_and_cotangent};
use crate::running_mean::RunningMean;
use crate::step::{StepConfig, Stepper, check_coefs};

/// What is subtracted from the return before it weighs the score.
///
/// Any number that does not depend on the row's action leaves the gradient unbiased, since E[∇log π] = 0 (Williams 1992,
/// section 4; Greensmith et al. 2004).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Baseline {
    /// Nothing.
    None,
    /// b, the running mean of the returns of earlier batches, 0 for the first one.
    RunningMean {
        /// Mean over what: `Episodes` is b ≈ E[R(τ)], for Ψ the return of the whole episode, from the batch's
        /// `episode_returns`; `Steps` is the mean of its `advantages` over the rows that count, for the reward-to-go,
        /// whose mean is another number.
        over: Average,
        /// How much a batch counts beside the one after it: 1 for the plain mean over all batches, less to forget
        /// the returns of worse policies.
        decay: f64,
    },
    /// The values V(s) of the batch, of a critic that is fitted to `value_targets` after the policy's step.
    Value(CriticConfig),
}

/// The settings of [`Reinforce`].
///
/// The defaults are the plain estimate of Williams 1992 with Adam 3e-4, the policy's optimiser in Spinning Up's "vpg".
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReinforceConfig {
    /// How the gradient becomes a step.
    pub step: StepConfig,
    /// What sums over rows are divided by.
    pub average: Average,
    /// What is subtracted from the returns.
    pub baseline: Baseline,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
}

impl Default for ReinforceConfig {
    fn default() -> Self {
        Self {
            step: StepConfig::adam(3e-4),
            average: Average::Episodes,
            baseline: Baseline::None,
            entropy_coef: 0.0,
        }
    }
}

impl ReinforceConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another way to step.
    pub fn with_step(self, step: StepConfig) -> Self {
        Self { step, ..self }
    }

    /// Another divisor of sums.
    pub fn with_average(self, average: Average) -> Self {
        Self { average, ..self }
    }

    /// Another baseline.
    pub fn with_baseline(self, baseline: Baseline) -> Self {
        Self { baseline, ..self }
    }

    /// Another weight of the entropy bonus.
    pub fn with_entropy_coef(self, entropy_coef: f64) -> Self {
        Self { entropy_coef, ..self }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        self.step.check()?;
        check_coefs(&[("entropy_coef", self.entropy_coef)])?;
        match self.baseline {
            Baseline::None => Ok(()),
            Baseline::RunningMean { decay, .. } => {
                check_setting("baseline decay", decay, (0.0..=1.0).contains(&decay), "from 0 to 1")
            }
            Baseline::Value(critic) => critic.check(),
        }
    }

    /// Whether the batch's `episode_returns` are read.
    fn reads_episodes(&self) -> bool {
        let mean_of_episodes = matches!(self.baseline, Baseline::RunningMean { over: Average::Episodes, .. });
        mean_of_episodes || self.average == Average::Episodes
    }
}

/// REINFORCE (Williams 1992): one step of the policy along
///
///   ĝ = (1/D) Σ_n Σ_t w_t (Ψ_t − b) ∇log π(a_t|s_t) + c₂ ∇H,
///
/// after which the data are used up. Ψ is what the batch's `advantages` hold: the return of the whole episode
/// (`gradus_advantage::whole_episode_returns`) or the reward-to-go (`reward_to_go`). w are the batch's `weights`: none
/// for common practice; γ^t (`discount_weights`) makes the reward-to-go unbiased for the gradient of the discounted
/// return; 0 leaves out the steps of an episode that did not end (`finished_episodes`). D is the number of episodes, or
/// of steps ([`Average`]), and b the [`Baseline`].
///
/// Where policy and critic are two networks, the policy's alone is evaluated, and the critic's only if it is the
/// baseline.
///
/// ```
/// use gradus_core_math::{Distribution, Stream};
/// use gradus_policy::{ActorCriticConfig, Agent, Context, Rollout, Team, Update};
/// use gradus_vpg::{Reinforce, ReinforceConfig, StepConfig};
///
/// let family = Distribution::Categorical { n: 2 };
/// let network = ActorCriticConfig::new(4, family.clone()).build::<f32>();
/// let mut agent = Agent::new(network, &mut Stream::new(0, "initialize", 0));
/// let mut reinforce = Reinforce::new(ReinforceConfig::new().with_step(StepConfig::ascent(0.1)), &agent)?;
///
/// // One episode of three steps with rewards 5, 0, −2; Ψ is its whole return.
/// let mut rollout = Rollout::new(3, 1, 4, &family, false);
/// rollout.advantages.fill(3.0);
/// rollout.episode_returns.push(3.0);
///
/// let mut rng = Stream::new(0, "update", 0);
/// let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
/// let metrics = reinforce.update(&mut agent, &rollout.batch(), context)?;
/// assert!(metrics.get("gradient_norm") > Some(0.0));
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reinforce<T> {
    config: ReinforceConfig,
    stepper: Stepper<T>,
    critic: Option<CriticFit<T>>,
    baseline: RunningMean,
    updates: u64,
    psi: Vec<T>,
}

/// What a step came to.
struct Done {
    losses: Losses,
    gradient_norm: f64,
    /// The mean of this batch, for the baseline of the next ones.
    batch_mean: f64,
    value_loss: Option<f64>,
}

impl<T: Real> Reinforce<T> {
    /// REINFORCE for an agent.
    ///
    /// # Errors
    /// When a setting is outside its range, or a critic that is the baseline shares its trunk with the policy: it is
    /// fitted apart. [`A2c`](crate::A2c) takes both.
    pub fn new<N: Network<Scalar = T>>(
        config: ReinforceConfig,
        agent: &Agent<N>,
    ) -> Result<Self, UpdateError> {
        config.check()?;
        let of_policy = agent.network.policy_parameter_count();
        let critic = match config.baseline {
            Baseline::Value(_) if agent.network.is_shared() => return Err(UpdateError::SharedTrunk),
            Baseline::Value(critic) => Some(CriticFit::new(critic, agent.theta.len() - of_policy)?),
            _ => None,
        };
        Ok(Self {
            config,
            stepper: Stepper::new(config.step, of_policy)?,
            critic,
            baseline: RunningMean::default(),
            updates: 0,
            psi: Vec::new(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &ReinforceConfig {
        &self.config
    }

    /// Ψ − b for every row.
    fn fill_psi(&mut self, batch: &Batch<'_, T>) {
        self.psi.clear();
        match self.config.baseline {
            Baseline::None => self.psi.extend_from_slice(batch.advantages),
            Baseline::RunningMean { .. } => {
                let baseline = self.baseline.value();
                self.psi.extend(batch.advantages.iter().map(|psi| T::of(psi.wide() - baseline)));
            }
            Baseline::Value(_) => {
                let pairs = batch.advantages.iter().zip(batch.values);
                self.psi.extend(pairs.map(|(&psi, &value)| psi - value));
            }
        }
    }

    /// The mean that the running baseline takes of a batch.
    fn batch_mean(&self, batch: &Batch<'_, T>) -> f64 {
        match self.config.baseline {
            Baseline::RunningMean { over: Average::Episodes, .. } => mean(batch.episode_returns),
            Baseline::RunningMean { over: Average::Steps, .. } => {
                let counted = (0..batch.len()).filter(|&i| batch.weight(i) != T::zero());
                let (sum, count) = counted
                    .fold((0.0, 0.0), |(sum, count), i| (sum + batch.advantages[i].wide(), count + 1.0));
                sum / count
            }
            _ => 0.0,
        }
    }

    /// The policy's step, then the critic's fit.
    fn steps<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<Done, UpdateError> {
        let Context { mut team, progress, rng } = context;
        let update = self.updates + 1;
        self.fill_psi(batch);
        let distribution = agent.network.distribution().clone();
        let config = LossConfig {
            average: self.config.average,
            entropy_coef: self.config.entropy_coef,
            value_coef: 0.0,
        };
        let (psi, stepper) = (&self.psi, &mut self.stepper);
        let loss = |outputs: &[T], cotangent: &mut [T]| {
            let losses = loss_and_cotangent(&config, &distribution, batch, psi, outputs, cotangent)?;
            losses.check(update).map(|()| losses)
        };
        let input = batch.all();
        let (of_policy, of_critic) = agent.theta.split_at_mut(agent.network.policy_parameter_count());
        let mut value_loss = None;
        let (losses, gradient_norm) = match agent.network.split_mut() {
            None => {
                let network = &mut agent.network;
                stepper.step(team, network, of_policy, input, progress, update, loss)?
            }
            Some((policy, critic)) => {
                let done = stepper.step(team.reborrow(), policy, of_policy, input, progress, update, loss)?;
                if let Some(fit) = &mut self.critic {
                    let context = Context { team, progress, rng };
                    let loss = fit.fit(critic, of_critic, batch, context);
                    check_finite("the value loss", loss, update)?;
                    value_loss = Some(loss);
                }
                done
            }
        };
        agent.check(update)?;
        Ok(Done { losses, gradient_norm, batch_mean: self.batch_mean(batch), value_loss })
    }

    fn metrics(&self, done: &Done, batch: &Batch<'_, T>, progress: f64) -> Metrics {
        let mut metrics = Metrics::new();
        metrics.push("policy_loss", done.losses.policy_loss);
        metrics.push("entropy", done.losses.entropy);
        metrics.push("gradient_norm", done.gradient_norm);
        metrics.push("learning_rate", self.stepper.learning_rate(progress));
        if let Baseline::RunningMean { .. } = self.config.baseline {
            metrics.push("baseline", self.baseline.value());
        }
        if let Some(value_loss) = done.value_loss {
            metrics.push("value_loss", value_loss);
            metrics.push("explained_variance", explained_variance(batch.values, batch.value_targets));
        }
        metrics
    }

    /// The state for a checkpoint: see [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let mut state = UpdateState::default();
        self.stepper.put(&mut state);
        if let Some(critic) = &self.critic {
            critic.put_adam(&mut state);
        }
        if let Baseline::RunningMean { .. } = self.config.baseline {
            self.baseline.put(&mut state);
        }
        state.put_count("updates", self.updates);
        state
    }

    /// Continues from a state: see [`Update::load`].
    ///
    /// # Errors
    /// When the state is another algorithm's or another network's; this one is then unchanged.
    pub fn load(&mut self, mut state: UpdateState<T>) -> Result<(), UpdateError> {
        let updates = state.take_count("updates")?;
        let optimizer = self.stepper.taken(&mut state)?;
        let adam = self.critic.as_ref().map(|critic| critic.take_adam(&mut state)).transpose()?;
        let baseline = match self.config.baseline {
            Baseline::RunningMean { .. } => RunningMean::take(&mut state)?,
            _ => self.baseline,
        };
        state.nothing_left()?;
        (self.updates, self.stepper.optimizer, self.baseline) = (updates, optimizer, baseline);
        if let (Some(critic), Some(adam)) = (&mut self.critic, adam) {
            critic.set_adam(adam);
        }
        Ok(())
    }
}

impl<N: Network> Update<N> for Reinforce<N::Scalar> {
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        batch.check(agent.network.distribution(), self.updates + 1)?;
        if self.config.reads_episodes() {
            check_present(batch.episode_returns, "episode_returns", "REINFORCE's mean over episodes")?;
        }
        divisor(self.config.average, batch)?;
        let progress = context.progress;
        let before = (agent.theta.clone(), self.stepper.optimizer.clone());
        let critic = self.critic.as_ref().map(|critic| critic.adam().clone());
        match self.steps(agent, batch, context) {
            Ok(done) => {
                let metrics = self.metrics(&done, batch, progress);
                if let Baseline::RunningMean { decay, .. } = self.config.baseline {
                    self.baseline.push(done.batch_mean, decay);
                }
                self.updates += 1;
                Ok(metrics)
            }
            Err(error) => {
                (agent.theta, self.stepper.optimizer) = before;
                if let (Some(fit), Some(adam)) = (&mut self.critic, critic) {
                    fit.set_adam(adam);
                }
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
