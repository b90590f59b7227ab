//! The update.

use gradus_core_math::{Real, explained_variance};
use gradus_policy::{
    Agent, Batch, Context, CriticFit, Metrics, Network, Team, Update, UpdateError, UpdateState, check_finite,
};

use crate::config::TrpoConfig;
use crate::policy_step::{PolicyStep, PolicyStepper};
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
/// `zero_gradient`). The critic is fitted either way.
///
/// With [`KlConstraint::Max`](crate::KlConstraint) the greatest `kl_old_new` of the batch's states takes the place of the
/// mean in the search, and in the step's length the greatest of their quadratic models; with
/// [`Fisher::Empirical`](crate::Fisher) F is the mean of the outer products of the scores.
///
/// Departures: F is damped, and has the same damping in the step's length; both conditions of the search are judged
/// apart. A batch with `weights` is refused: the surrogate is a mean over rows that count alike.
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
    policy: PolicyStepper<T>,
    critic: CriticFit<T>,
    updates: u64,
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
        Ok(Self {
            policy: PolicyStepper::new(&config, of_policy)?,
            critic: CriticFit::new(config.critic, of_critic)?,
            config,
            updates: 0,
        })
    }

    /// The settings.
    pub fn config(&self) -> &TrpoConfig {
        &self.config
    }

    /// The policy's step and the critic's epochs, side by side where there are threads: neither reads what the other
    /// writes.
    fn both_steps<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<(PolicyStep, f64), UpdateError> {
        let Context { team, progress, rng } = context;
        let update = self.updates + 1;
        let distribution = agent.network.distribution().clone();
        let (of_policy, of_critic) = agent.theta.split_at_mut(agent.network.policy_parameter_count());
        let (policy, critic) = agent.network.split_mut().ok_or(UpdateError::SharedTrunk)?;
        let surrogate = Surrogate::new(&distribution, batch, self.config.normalize_advantage)
            .with_constraint(self.config.constraint)
            .with_fisher(self.config.fisher);
        let Self { policy: stepper, critic: fit, .. } = self;

        let mut team = if N::CONCURRENT { team } else { Team::single() };
        let (value_loss, step) = team.join(
            |team| fit.fit(critic, of_critic, batch, Context { team, progress, rng }),
            |team| stepper.step(team, policy, of_policy, &surrogate, update),
        );
        let step = step?;
        check_finite("the value loss", value_loss, update)?;
        Ok((step, value_loss))
    }

    /// The state for a checkpoint; the same as [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let mut state = UpdateState::default();
        self.critic.put_adam(&mut state);
        state.put_count("updates", self.updates);
        state
    }

    /// Continues from a state that [`state`](Trpo::state) gave, exactly; the same as [`Update::load`].
    ///
    /// # Errors
    /// When the state is another algorithm's or another network's; this one is then unchanged.
    pub fn load(&mut self, mut state: UpdateState<T>) -> Result<(), UpdateError> {
        let updates = state.take_count("updates")?;
        let adam = self.critic.take_adam(&mut state)?;
        state.nothing_left()?;
        self.critic.set_adam(adam);
        self.updates = updates;
        Ok(())
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
        batch.check_unweighted("TRPO")?;
        let before = (agent.theta.clone(), self.critic.adam().clone());
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
                let (theta, adam) = before;
                agent.theta = theta;
                self.critic.set_adam(adam);
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
