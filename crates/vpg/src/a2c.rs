//! Advantage actor-critic.

use gradus_core_math::{OptimizerConfig, Real, RmsPropConfig, explained_variance};
use gradus_policy::{
    Agent, Batch, Context, Metrics, Network, Rows, Update, UpdateError, UpdateState, check_finite,
};
use serde::{Deserialize, Serialize};

use crate::loss::{Average, LossConfig, Losses, divisor, loss_and_cotangent};
use crate::step::{StepConfig, Stepper, check_coefs};
use crate::trust_region::{Projected, TrustRegionConfig, project};

/// The settings of [`A2c`].
///
/// The defaults are those of stable-baselines3's A2C: RMSProp with ε = 1e-5 and α = 0.99, learning rate 7e-4, value
/// coefficient 0.5, gradients of at most 0.5, advantages as they are. Its rollouts have 5 steps, its advantages
/// λ = 1: that is n-step returns, bootstrapped behind the rollout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct A2cConfig {
    /// How the gradient becomes a step.
    pub step: StepConfig,
    /// The weight c₁ of the mean squared error of the value.
    pub value_coef: f64,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// Whether advantages are brought to mean 0 and standard deviation 1 over the batch.
    pub normalize_advantage: bool,
    /// A trust region around an average policy, or none.
    pub trust_region: Option<TrustRegionConfig>,
}

impl Default for A2cConfig {
    fn default() -> Self {
        let rms_prop = RmsPropConfig::new().with_alpha(0.99).with_epsilon(1e-5);
        Self {
            step: StepConfig::ascent(7e-4)
                .with_optimizer(OptimizerConfig::RmsProp(rms_prop))
                .with_max_grad_norm(Some(0.5)),
            value_coef: 0.5,
            entropy_coef: 0.0,
            normalize_advantage: false,
            trust_region: None,
        }
    }
}

impl A2cConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another way to step.
    pub fn with_step(self, step: StepConfig) -> Self {
        Self { step, ..self }
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

    /// A trust region, or none.
    pub fn with_trust_region(self, trust_region: Option<TrustRegionConfig>) -> Self {
        Self { trust_region, ..self }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        self.step.check()?;
        check_coefs(&[("value_coef", self.value_coef), ("entropy_coef", self.entropy_coef)])?;
        self.trust_region.map_or(Ok(()), |region| region.check())
    }
}

/// Advantage actor-critic, the synchronous form of Mnih et al. 2016: one gradient step a rollout on
///
///   L = −mean(A log π(a|s)) + c₁ mean((V − target)²) − c₂ mean(H).
///
/// A and the targets are the batch's: one step of temporal difference, n steps, Monte Carlo or anything between
/// (`gradus-advantage`). Policy and critic may share a trunk. A batch with `weights` weighs each row's A with them, and
/// leaves rows of weight 0 out of the policy's part; the value loss is over all rows.
///
/// With a trust region (Wang et al. 2016, section 3.3) the derivative g of A log π + c₂ H in the parameters φ of each
/// row's distribution is replaced by the nearest vector along which KL(π_average‖π) grows by δ at most
/// ([`trust_region_gradient`](crate::trust_region_gradient)), before the chain rule goes on into the network. The
/// average policy has the running mean of the policy's parameters. In ACER the gradient is also corrected for data that
/// another policy drew; here they are the policy's own. A shared trunk is allowed, as there: the region bounds the
/// policy's gradient, not the critic's.
///
/// ```
/// use gradus_core_math::{Distribution, Stream};
/// use gradus_policy::{ActorCriticConfig, Agent};
/// use gradus_vpg::{A2c, A2cConfig, TrustRegionConfig};
///
/// let network = ActorCriticConfig::new(4, Distribution::Categorical { n: 2 }).build::<f32>();
/// let agent = Agent::new(network, &mut Stream::new(0, "initialize", 0));
/// let a2c = A2c::new(A2cConfig::new().with_trust_region(Some(TrustRegionConfig::new())), &agent)?;
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct A2c<T> {
    config: A2cConfig,
    stepper: Stepper<T>,
    /// θ_a, of the policy; empty without a trust region.
    average: Vec<T>,
    updates: u64,
    psi: Vec<T>,
    /// Parameters of the average policy's distributions, `[B, n_params]`.
    params_average: Vec<T>,
}

/// What a step came to.
struct Done {
    losses: Losses,
    gradient_norm: f64,
    projected: Projected,
}

impl<T: Real> A2c<T> {
    /// A2C for an agent; with a trust region the average policy begins with the agent's.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new<N: Network<Scalar = T>>(config: A2cConfig, agent: &Agent<N>) -> Result<Self, UpdateError> {
        config.check()?;
        let of_policy = &agent.theta[..agent.network.policy_parameter_count()];
        Ok(Self {
            config,
            stepper: Stepper::new(config.step, agent.theta.len())?,
            average: if config.trust_region.is_some() { of_policy.to_vec() } else { Vec::new() },
            updates: 0,
            psi: Vec::new(),
            params_average: Vec::new(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &A2cConfig {
        &self.config
    }

    fn step<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<Done, UpdateError> {
        let Context { mut team, progress, .. } = context;
        let update = self.updates + 1;
        let (mean, scale) = match self.config.normalize_advantage {
            true => batch.standardization(Rows::First(batch.len())),
            false => (0.0, 1.0),
        };
        self.psi.clear();
        self.psi.extend(batch.advantages.iter().map(|a| T::of((a.wide() - mean) * scale)));
        let distribution = agent.network.distribution().clone();
        let input = batch.all();
        if self.config.trust_region.is_some() {
            self.params_average.resize(batch.len() * distribution.n_params(), T::zero());
            let params = &mut self.params_average;
            agent.network.policy_params(team.reborrow(), &self.average, input, params);
        }
        let A2cConfig { value_coef, entropy_coef, .. } = self.config;
        let config = LossConfig { average: Average::Steps, entropy_coef, value_coef };
        let (divisor, _) = divisor(config.average, batch)?;
        let (psi, average, region) = (&self.psi, &self.params_average, self.config.trust_region);
        let loss = |outputs: &[T], cotangent: &mut [T]| {
            let losses = loss_and_cotangent(&config, &distribution, batch, psi, outputs, cotangent)?;
            losses.check(update)?;
            let projected = region.map_or_else(Projected::default, |region| {
                project(region.max_kl, &distribution, batch, (outputs, average), divisor, cotangent)
            });
            check_finite("the mean of kl_average_new", projected.kl_average_new, update)?;
            Ok((losses, projected))
        };
        let (network, theta) = (&mut agent.network, &mut agent.theta);
        let ((losses, projected), gradient_norm) =
            self.stepper.step(team, network, theta, input, progress, update, loss)?;
        agent.check(update)?;
        Ok(Done { losses, gradient_norm, projected })
    }

    /// θ_a ← α θ_a + (1−α) θ.
    fn follow(&mut self, theta: &[T]) {
        let Some(region) = self.config.trust_region else { return };
        let share = T::of(1.0 - region.average_decay);
        for (average, &theta) in self.average.iter_mut().zip(theta) {
            *average += share * (theta - *average);
        }
    }

    fn metrics(&self, done: &Done, batch: &Batch<'_, T>, progress: f64) -> Metrics {
        let mut metrics = Metrics::new();
        metrics.push("policy_loss", done.losses.policy_loss);
        metrics.push("value_loss", done.losses.value_loss);
        metrics.push("entropy", done.losses.entropy);
        metrics.push("gradient_norm", done.gradient_norm);
        metrics.push("explained_variance", explained_variance(batch.values, batch.value_targets));
        metrics.push("learning_rate", self.stepper.learning_rate(progress));
        if self.config.trust_region.is_some() {
            metrics.push("kl_average_new", done.projected.kl_average_new);
            metrics.push("trust_region_share", done.projected.share);
        }
        metrics
    }

    /// The state for a checkpoint: see [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let mut state = UpdateState::default();
        self.stepper.put(&mut state);
        if self.config.trust_region.is_some() {
            state.tensors.insert(AVERAGE.into(), self.average.clone());
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
        let average = match self.config.trust_region {
            Some(_) => state.take_tensor(AVERAGE)?,
            None => Vec::new(),
        };
        state.nothing_left()?;
        let (found, needed) = (average.len(), self.average.len());
        if found != needed {
            let text = format!("\"{AVERAGE}\" has {found} values, the policy {needed} parameters");
            return Err(UpdateError::State(text));
        }
        (self.updates, self.stepper.optimizer, self.average) = (updates, optimizer, average);
        Ok(())
    }
}

/// The name of θ_a in a state.
const AVERAGE: &str = "average_policy";

impl<N: Network> Update<N> for A2c<N::Scalar> {
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        batch.check(agent.network.distribution(), self.updates + 1)?;
        let progress = context.progress;
        let before = (agent.theta.clone(), self.stepper.optimizer.clone());
        match self.step(agent, batch, context) {
            Ok(done) => {
                self.follow(&agent.theta);
                self.updates += 1;
                Ok(self.metrics(&done, batch, progress))
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
