//! Several gradient steps on the importance-sampled surrogate.

use gradus_core_math::{Real, explained_variance};
use gradus_policy::{
    Agent, Batch, Context, Metrics, Network, Rows, Update, UpdateError, UpdateState, check_setting,
};
use serde::{Deserialize, Serialize};

use crate::step::{StepConfig, Stepper, check_coefs};
use crate::surrogate::{SurrogateConfig, SurrogateLosses, surrogate_and_cotangent};

/// The settings of [`OffPolicyGradient`].
///
/// The defaults are one step of Adam 3e-4, which at θ = θ' is the policy gradient; value coefficient 0.5 and gradients
/// of at most 0.5 as in stable-baselines3's A2C.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OffPolicyConfig {
    /// How a gradient becomes a step.
    pub step: StepConfig,
    /// Steps on each batch, each with all its rows.
    pub gradient_steps: usize,
    /// Whether weighted advantages are divided by the sum of the weights instead of their number.
    pub self_normalize: bool,
    /// The weight c₁ of the mean squared error of the value.
    pub value_coef: f64,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// Whether advantages are brought to mean 0 and standard deviation 1 over the batch.
    pub normalize_advantage: bool,
}

impl Default for OffPolicyConfig {
    fn default() -> Self {
        Self {
            step: StepConfig::adam(3e-4).with_max_grad_norm(Some(0.5)),
            gradient_steps: 1,
            self_normalize: false,
            value_coef: 0.5,
            entropy_coef: 0.0,
            normalize_advantage: false,
        }
    }
}

impl OffPolicyConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another way to step.
    pub fn with_step(self, step: StepConfig) -> Self {
        Self { step, ..self }
    }

    /// Another number of steps a batch.
    pub fn with_gradient_steps(self, gradient_steps: usize) -> Self {
        Self { gradient_steps, ..self }
    }

    /// The self-normalised surrogate, or the plain one.
    pub fn with_self_normalize(self, self_normalize: bool) -> Self {
        Self { self_normalize, ..self }
    }

    /// Another weight of the value loss.
    pub fn with_value_coef(self, value_coef: f64) -> Self {
        Self { value_coef, ..self }
    }

    /// Another weight of the entropy bonus.
    pub fn with_entropy_coef(self, entropy_coef: f64) -> Self {
        Self { entropy_coef, ..self }
    }

    /// Standardised advantages, or as they are.
    pub fn with_normalize_advantage(self, normalize_advantage: bool) -> Self {
        Self { normalize_advantage, ..self }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        self.step.check()?;
        let steps = self.gradient_steps;
        check_setting("gradient_steps", steps as f64, steps > 0, "at least 1")?;
        check_coefs(&[("value_coef", self.value_coef), ("entropy_coef", self.entropy_coef)])
    }
}

/// Policy gradient from data of another policy: steps on E_{a∼π'}[π_θ(a|s)/π'(a|s) · A], with log π' as the batch holds
/// it. π' may be the policy before the update, of which each batch then serves several steps, or any other one.
///
/// Nothing holds θ near θ': neither a clip nor a constraint. What it costs is told by the metrics `weight_mean`,
/// `weight_variance` and `effective_sample_size`, those of the last step's ratios; when the effective sample size falls,
/// the gradient is that of a few rows ("destructively large policy updates", Schulman et al. 2017, section 2.1).
///
/// A batch with `weights` is refused: the surrogate is a mean over rows that count alike.
///
/// ```
/// use gradus_core_math::{Distribution, Stream};
/// use gradus_policy::{ActorCriticConfig, Agent, Context, Rollout, Team, Update};
/// use gradus_vpg::{OffPolicyConfig, OffPolicyGradient};
///
/// let family = Distribution::Categorical { n: 2 };
/// let network = ActorCriticConfig::new(4, family.clone()).build::<f32>();
/// let mut agent = Agent::new(network, &mut Stream::new(0, "initialize", 0));
/// let mut off_policy = OffPolicyGradient::new(OffPolicyConfig::new().with_gradient_steps(3), &agent)?;
///
/// // Two rows from a policy that took the first action with probability 0.9.
/// let mut rollout = Rollout::new(2, 1, 4, &family, false);
/// rollout.actions[1] = 1.0;
/// rollout.log_probs.copy_from_slice(&[0.9_f32.ln(), 0.1_f32.ln()]);
/// rollout.advantages.copy_from_slice(&[1.0, -1.0]);
///
/// let mut rng = Stream::new(0, "update", 0);
/// let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
/// let metrics = off_policy.update(&mut agent, &rollout.batch(), context)?;
/// // Weights of about 0.5/0.9 and 0.5/0.1 leave little more than one sample of two.
/// assert!(metrics.get("effective_sample_size") < Some(1.3));
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OffPolicyGradient<T> {
    config: OffPolicyConfig,
    stepper: Stepper<T>,
    updates: u64,
    advantages: Vec<T>,
    weights: Vec<T>,
}

impl<T: Real> OffPolicyGradient<T> {
    /// The update for an agent.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new<N: Network<Scalar = T>>(
        config: OffPolicyConfig,
        agent: &Agent<N>,
    ) -> Result<Self, UpdateError> {
        config.check()?;
        let stepper = Stepper::new(config.step, agent.theta.len())?;
        Ok(Self { config, stepper, updates: 0, advantages: Vec::new(), weights: Vec::new() })
    }

    /// The settings.
    pub fn config(&self) -> &OffPolicyConfig {
        &self.config
    }

    /// All steps on one batch. Returns losses and the norm of the gradient: losses are means over the steps, weights
    /// those of the last one.
    fn steps<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<(SurrogateLosses, f64), UpdateError> {
        let Context { mut team, progress, .. } = context;
        let update = self.updates + 1;
        let (mean, scale) = match self.config.normalize_advantage {
            true => batch.standardization(Rows::First(batch.len())),
            false => (0.0, 1.0),
        };
        self.advantages.clear();
        self.advantages.extend(batch.advantages.iter().map(|a| T::of((a.wide() - mean) * scale)));
        self.weights.resize(batch.len(), T::zero());
        let OffPolicyConfig { self_normalize, entropy_coef, value_coef, .. } = self.config;
        let config = SurrogateConfig { self_normalize, entropy_coef, value_coef };
        let distribution = agent.network.distribution().clone();
        let input = batch.all();
        let share = 1.0 / self.config.gradient_steps as f64;
        let (mut sum, mut norms) = (SurrogateLosses::default(), 0.0);
        for _ in 0..self.config.gradient_steps {
            let (advantages, weights) = (&self.advantages, &mut self.weights);
            let loss = |outputs: &[T], cotangent: &mut [T]| {
                let losses = surrogate_and_cotangent(
                    &config,
                    &distribution,
                    batch,
                    advantages,
                    outputs,
                    cotangent,
                    weights,
                );
                losses.check(update).map(|()| losses)
            };
            let (network, theta) = (&mut agent.network, &mut agent.theta);
            let (losses, norm) =
                self.stepper.step(team.reborrow(), network, theta, input, progress, update, loss)?;
            sum.policy_loss += losses.policy_loss * share;
            sum.value_loss += losses.value_loss * share;
            sum.entropy += losses.entropy * share;
            sum.weights = losses.weights;
            norms += norm * share;
        }
        agent.check(update)?;
        Ok((sum, norms))
    }

    fn metrics(&self, losses: &SurrogateLosses, norm: f64, batch: &Batch<'_, T>, progress: f64) -> Metrics {
        let mut metrics = Metrics::new();
        metrics.push("policy_loss", losses.policy_loss);
        metrics.push("value_loss", losses.value_loss);
        metrics.push("entropy", losses.entropy);
        metrics.push("weight_mean", losses.weights.mean);
        metrics.push("weight_variance", losses.weights.variance);
        metrics.push("effective_sample_size", losses.weights.effective_sample_size);
        metrics.push("gradient_norm", norm);
        metrics.push("explained_variance", explained_variance(batch.values, batch.value_targets));
        metrics.push("gradient_steps", self.config.gradient_steps as f64);
        metrics.push("learning_rate", self.stepper.learning_rate(progress));
        metrics
    }

    /// The state for a checkpoint: see [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let mut state = UpdateState::default();
        self.stepper.put(&mut state);
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
        state.nothing_left()?;
        (self.updates, self.stepper.optimizer) = (updates, optimizer);
        Ok(())
    }
}

impl<N: Network> Update<N> for OffPolicyGradient<N::Scalar> {
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        batch.check(agent.network.distribution(), self.updates + 1)?;
        batch.check_unweighted("the off-policy gradient")?;
        let progress = context.progress;
        let before = (agent.theta.clone(), self.stepper.optimizer.clone());
        match self.steps(agent, batch, context) {
            Ok((losses, norm)) => {
                self.updates += 1;
                Ok(self.metrics(&losses, norm, batch, progress))
            }
            Err(error) => {
                (agent.theta, self.stepper.optimizer) = before;
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
