//! The update.

use gradus_core_math::{
    CgInfo, CgSolver, LineSearchOutcome, Optimizer, OptimizerState, Real, RejectReason, axpy,
    explained_variance, norm,
};
use gradus_policy::{
    Agent, Batch, Context, Input, Linearized, Metrics, Network, Team, Update, UpdateError, UpdateState,
};

use crate::config::TrpoConfig;
use crate::critic::CriticFit;
use crate::step::{fisher_vector_product, line_search, step_length, surrogate_gradient};
use crate::surrogate::Surrogate;

/// Trust region policy optimisation, single path (Schulman et al. 2015, sections 5.1 and 6 and appendix C), or the
/// natural policy gradient (Kakade 2001) where the configuration has no line search.
///
/// With L(θ) the mean of A π_θ(a|s)/π_old(a|s), and F the mean of JᵀMJ, which is the Hessian of the mean of
/// `kl_old_new`, plus damping · 1,
///
///   g = ∇L(θ_old),  F x = g,  s = √(2δ / xᵀF x) x,  θ = θ_old + ratio^k s
///
/// for the first k from 0 on at which L(θ) > L(θ_old) and the mean of `kl_old_new` is at most δ. Where there is none,
/// and where g = 0, θ stays θ_old bit for bit; metrics say which it was (`rejected` with its reason,
/// `zero_gradient`). Then the critic is fitted.
///
/// Departures: F is damped, and has the same damping in the step's length; both conditions of the search are judged
/// apart.
///
/// ```
/// use gradus_core_math::{Distribution, Stream};
/// use gradus_policy::{ActorCriticConfig, Agent};
/// use gradus_trpo::{Trpo, TrpoConfig};
///
/// let network = ActorCriticConfig::new(4, Distribution::Categorical { n: 2 }).build::<f32>();
/// let agent = Agent::new(network, &mut Stream::new(0, "initialize", 0));
/// let trpo = Trpo::new(TrpoConfig::new().with_max_kl(0.02), &agent)?;
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trpo<T> {
    config: TrpoConfig,
    solver: CgSolver<T>,
    critic: CriticFit<T>,
    updates: u64,
    gradient: Vec<T>,
    step: Vec<T>,
    /// Rows of the policy's outputs: old parameters, and two of scratch.
    rows: [Vec<T>; 3],
}

/// What the policy's step came to.
struct PolicyStep {
    gradient_norm: f64,
    info: CgInfo,
    full_step_norm: f64,
    surrogate_old: f64,
    surrogate_new: f64,
    kl_old_new: f64,
    entropy: f64,
    /// The share of the full step that was taken; 0 where the search was rejected or there was no step.
    scale: f64,
    trials: usize,
    rejected: Option<RejectReason>,
}

impl<T: Real> Trpo<T> {
    /// TRPO for an agent.
    ///
    /// # Errors
    /// When a setting is outside its range, or the critic shares its trunk with the policy: fitting the critic
    /// would then move the policy out of the trust region.
    pub fn new<N: Network<Scalar = T>>(config: TrpoConfig, agent: &Agent<N>) -> Result<Self, UpdateError> {
        config.check()?;
        if agent.network.is_shared() {
            return Err(UpdateError::SharedTrunk);
        }
        let of_policy = agent.network.policy_parameter_count();
        let of_critic = agent.theta.len() - of_policy;
        let solver = CgSolver::new(config.conjugate_gradient, of_policy).map_err(|error| {
            UpdateError::Setting { name: error.name, value: error.value, range: error.range }
        })?;
        Ok(Self {
            critic: CriticFit::new(&config.critic, of_critic)?,
            config,
            solver,
            updates: 0,
            gradient: vec![T::zero(); of_policy],
            step: vec![T::zero(); of_policy],
            rows: Default::default(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &TrpoConfig {
        &self.config
    }

    /// Gradient, natural direction and step length at θ, from one linearisation; the full step into `self.step`, the
    /// outputs there into the first of `self.rows`.
    fn full_step<N: Network<Scalar = T>>(
        &mut self,
        mut team: Team<'_>,
        policy: &mut N,
        theta: &[T],
        surrogate: &Surrogate<'_, T>,
        input: Input<'_, T>,
    ) -> Result<PolicyStep, UpdateError> {
        let update = self.updates + 1;
        let damping = self.config.cg_damping;
        let Self { gradient, step, rows: [params_old, scratch, more_scratch], solver, .. } = self;
        let mut point = policy.linearize(team.reborrow(), theta, input);
        params_old.clear();
        params_old.extend_from_slice(point.outputs());
        scratch.resize(params_old.len(), T::zero());
        more_scratch.resize(params_old.len(), T::zero());

        let surrogate_old = surrogate_gradient(team.reborrow(), &mut point, surrogate, scratch, gradient);
        let gradient_norm = norm(gradient);
        finite("the surrogate", surrogate_old, update)?;
        finite("the norm of the surrogate's gradient", gradient_norm, update)?;
        let product = |v: &[T], out: &mut [T]| {
            let buffers = (&mut scratch[..], &mut more_scratch[..]);
            fisher_vector_product(team.reborrow(), &mut point, surrogate, damping, v, buffers, out);
        };
        let info =
            solver.solve(product, gradient, step).map_err(|error| UpdateError::Solver { error, update })?;
        let length = T::of(step_length(self.config.max_kl, &info));
        step.iter_mut().for_each(|x| *x *= length);
        let full_step_norm = norm(step);
        finite("the norm of the full step", full_step_norm, update)?;
        Ok(PolicyStep {
            gradient_norm,
            info,
            full_step_norm,
            surrogate_old,
            surrogate_new: surrogate_old,
            kl_old_new: 0.0,
            entropy: surrogate.entropy(params_old),
            scale: 0.0,
            trials: 0,
            rejected: None,
        })
    }

    /// Moves θ by what the line search accepts of `self.step`, or by all of it where there is no search.
    fn take_step<N: Network<Scalar = T>>(
        &mut self,
        team: Team<'_>,
        policy: &mut N,
        theta: &mut [T],
        surrogate: &Surrogate<'_, T>,
        input: Input<'_, T>,
        done: &mut PolicyStep,
    ) -> Result<(), UpdateError> {
        let update = self.updates + 1;
        let Self { step, rows: [params_old, params, _], config, .. } = self;
        if let Some(search) = &config.line_search {
            let bounds = (done.surrogate_old, config.max_kl);
            let buffers = (&params_old[..], &mut params[..]);
            let outcome = line_search(team, policy, theta, step, input, surrogate, bounds, search, buffers);
            done.take(&outcome);
            return Ok(());
        }
        axpy(T::one(), step, theta);
        policy.forward(team, theta, input, params);
        (done.surrogate_new, done.kl_old_new) = surrogate.value_and_kl(params_old, params);
        (done.scale, done.trials) = (1.0, 1);
        finite("the surrogate after the step", done.surrogate_new, update)?;
        finite("kl_old_new after the step", done.kl_old_new, update)
    }

    /// The policy's step, then the critic's epochs.
    fn both_steps<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<(PolicyStep, f64), UpdateError> {
        let Context { mut team, progress, rng } = context;
        let distribution = agent.network.distribution().clone();
        let (of_policy, of_critic) = agent.theta.split_at_mut(agent.network.policy_parameter_count());
        let (policy, critic) = agent.network.split_mut().ok_or(UpdateError::SharedTrunk)?;
        let surrogate = Surrogate::new(&distribution, batch, self.config.normalize_advantage);
        let input = Input::all(batch.observations, batch.observation_width);

        let mut step = self.full_step(team.reborrow(), policy, of_policy, &surrogate, input)?;
        if !step.is_zero() {
            self.take_step(team.reborrow(), policy, of_policy, &surrogate, input, &mut step)?;
        }
        let context = Context { team, progress, rng };
        let value_loss = self.critic.fit(&self.config.critic, critic, of_critic, batch, context);
        finite("the value loss", value_loss, self.updates + 1)?;
        Ok((step, value_loss))
    }

    /// The state for a checkpoint; the same as [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let OptimizerState { steps, moments } = self.critic.adam.state();
        let mut state = UpdateState::default();
        for (name, moment) in ["critic.adam.m", "critic.adam.v"].into_iter().zip(moments) {
            state.tensors.insert(name.into(), moment);
        }
        // Counts are exact in f64 up to 2^53.
        state.scalars.insert("critic.adam.steps".into(), steps as f64);
        state.scalars.insert("updates".into(), self.updates as f64);
        state
    }

    /// Continues from a state that [`state`](Trpo::state) gave, exactly; the same as [`Update::load`].
    ///
    /// # Errors
    /// When the state is another algorithm's or another network's; this one is then unchanged.
    pub fn load(&mut self, mut state: UpdateState<T>) -> Result<(), UpdateError> {
        let steps = state.take_count("critic.adam.steps")?;
        let updates = state.take_count("updates")?;
        let moments = vec![state.take_tensor("critic.adam.m")?, state.take_tensor("critic.adam.v")?];
        state.nothing_left()?;
        self.critic
            .adam
            .load(OptimizerState { steps, moments })
            .map_err(|error| UpdateError::State(error.to_string()))?;
        self.updates = updates;
        Ok(())
    }
}

/// Passes if `value` is finite, else says what is not.
fn finite(quantity: &str, value: f64, update: u64) -> Result<(), UpdateError> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(UpdateError::NonFinite { quantity: quantity.into(), value, update })
    }
}

impl PolicyStep {
    /// Whether the gradient is zero (to the tolerance of conjugate gradient), so that no direction improves the
    /// surrogate and there is nothing to search: the policy stays.
    fn is_zero(&self) -> bool {
        self.info.iterations == 0
    }

    fn take(&mut self, outcome: &LineSearchOutcome) {
        self.trials = outcome.trials().len();
        match *outcome {
            LineSearchOutcome::Accepted { scale, objective, constraint, .. } => {
                (self.scale, self.surrogate_new, self.kl_old_new) = (scale, objective, constraint);
            }
            LineSearchOutcome::Rejected { reason, .. } => self.rejected = Some(reason),
        }
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::new();
        metrics.push("surrogate_improvement", self.surrogate_new - self.surrogate_old);
        metrics.push("kl_old_new", self.kl_old_new);
        metrics.push("entropy", self.entropy);
        metrics.push("zero_gradient", f64::from(self.is_zero()));
        metrics.push("step_scale", self.scale);
        metrics.push("line_search_trials", self.trials as f64);
        let rejected = |reasons: &[RejectReason]| {
            f64::from(self.rejected.is_some_and(|reason| reasons.contains(&reason)))
        };
        use RejectReason::{
            ConstraintViolated, InitialNotFinite, NoImprovement, NoImprovementAndConstraintViolated,
            NotFinite,
        };
        let both = NoImprovementAndConstraintViolated;
        metrics.push("rejected", f64::from(self.rejected.is_some()));
        metrics.push("rejected_no_improvement", rejected(&[NoImprovement, both]));
        metrics.push("rejected_kl", rejected(&[ConstraintViolated, both]));
        metrics.push("rejected_not_finite", rejected(&[NotFinite, InitialNotFinite]));
        metrics.push("gradient_norm", self.gradient_norm);
        metrics.push("full_step_norm", self.full_step_norm);
        metrics.push("cg_iterations", self.info.iterations as f64);
        metrics.push("cg_relative_residual", self.info.relative_residual);
        metrics
    }
}

impl<N: Network> Update<N> for Trpo<N::Scalar> {
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        batch.check(agent.network.distribution(), self.updates + 1)?;
        let before = (agent.theta.clone(), self.critic.adam.clone());
        let outcome = self.both_steps(agent, batch, context);
        match outcome.and_then(|done| agent.check(self.updates + 1).map(|()| done)) {
            Ok((step, value_loss)) => {
                self.updates += 1;
                let mut metrics = step.metrics();
                metrics.push("value_loss", value_loss);
                metrics.push("explained_variance", explained_variance(batch.values, batch.value_targets));
                Ok(metrics)
            }
            Err(error) => {
                (agent.theta, self.critic.adam) = before;
                Err(error)
            }
        }
    }

    fn state(&self) -> UpdateState<N::Scalar> {
        Trpo::state(self)
    }

    fn load(&mut self, state: UpdateState<N::Scalar>) -> Result<(), UpdateError> {
        Trpo::load(self, state)
    }
}
