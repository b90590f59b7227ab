//! The update.

use gradus_core_math::{Adam, AdamConfig, Real, clip_factor};
use gradus_policy::{
    ActorCritic, Agent, Batch, Context, Descent, Metrics, Network, Team, Update, UpdateError, UpdateState,
    ValueScale, check_finite, check_present,
};
use rand::seq::SliceRandom;

use crate::adapted::Adapted;
use crate::config::{KL_TOLERANCE, PpoConfig};
use crate::loss::{LossConfig, Losses, Minibatch};
use crate::objective::Objective;
use crate::progress::Progress;

/// Proximal policy optimisation (Schulman et al. 2017, Algorithm 1), with the clipped objective or a penalty on the KL
/// divergence.
///
/// Where β or the learning rate follow the KL divergence, it is the mean of KL(π_old‖π_new) over all rows of the batch,
/// in closed form, after the last step of the update.
///
/// A batch with `weights` is refused: the objective is a mean over rows that count alike.
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
    adapted: Adapted,
    updates: u64,
    /// Parameters of the distributions after an update, `[B, n_params]`.
    params: Vec<T>,
    /// Rows, or sequences of rows where the network remembers, in the order of an epoch.
    pieces: Vec<u32>,
    /// The rows of the pieces.
    rows: Vec<u32>,
}

impl<T: Real> Ppo<T> {
    /// PPO for an agent.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new<N: Network<Scalar = T>>(config: PpoConfig, agent: &Agent<N>) -> Result<Self, UpdateError> {
        config.check()?;
        let adam = Adam::new(AdamConfig::new().with_epsilon(config.adam_epsilon), agent.theta.len())?;
        Ok(Self {
            adapted: Adapted::new(&config),
            config,
            adam,
            updates: 0,
            params: Vec::new(),
            pieces: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// What the critic's outputs stand for; see [`Update::value_scale`].
    pub fn value_scale(&self) -> Option<ValueScale> {
        self.adapted.values.as_ref().and_then(ValueScale::of)
    }

    fn learning_rate(&self, progress: f64) -> f64 {
        self.adapted.learning_rate.unwrap_or_else(|| self.config.learning_rate.at(progress))
    }

    /// The constants of an update's loss.
    fn loss(&self, progress: f64) -> LossConfig {
        let kl_coef = match self.config.objective {
            Objective::Penalty { kl_coef, .. } => self.adapted.kl_coef.unwrap_or(kl_coef),
            Objective::Clip { .. } => 0.0,
        };
        LossConfig {
            objective: self.config.objective.at(progress, kl_coef),
            value_clip_epsilon: self.config.value_clip_epsilon,
            entropy_coef: self.config.entropy_coef,
            value_coef: self.config.value_coef,
            normalize_advantage: self.config.normalize_advantage,
            value_scale: self.value_scale(),
        }
    }

    /// Moments of the targets, epochs, and what follows their KL.
    fn steps<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        let Context { mut team, progress, rng } = context;
        if let Some(values) = &mut self.adapted.values {
            batch.value_targets.iter().for_each(|&target| values.push(&[target]));
        }
        let (loss, learning_rate) = (self.loss(progress), self.learning_rate(progress));
        let context = Context { team: team.reborrow(), progress, rng };
        let mut done = self.epochs(agent, batch, &loss, learning_rate, context)?;
        agent.check(self.updates + 1)?;
        if self.adapted.follows_kl() {
            let kl = self.kl_old_new(team, agent, batch);
            check_finite("the mean of kl_old_new after the update", kl, self.updates + 1)?;
            self.adapted.follow(&self.config, kl);
            done.kl_after = Some(kl);
        }
        Ok(done.metrics(batch, learning_rate, loss.objective))
    }

    /// The mean of KL(π_old‖π_θ) over the batch.
    fn kl_old_new<N: Network<Scalar = T>>(
        &mut self,
        team: Team<'_>,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
    ) -> f64 {
        let distribution = agent.network.distribution().clone();
        let (n_params, mask_width) = (distribution.n_params(), distribution.mask_width());
        self.params.resize(batch.len() * n_params, T::zero());
        let input = batch.all();
        agent.network.policy_params(team, &agent.theta, input, &mut self.params);
        let rows = batch.distribution_params.chunks_exact(n_params).zip(self.params.chunks_exact(n_params));
        let kl = |(i, (old, new))| distribution.kl::<T>(old, new, batch.mask(mask_width, i)).wide();
        rows.enumerate().map(kl).sum::<f64>() / batch.len() as f64
    }

    /// K epochs over shuffled minibatches. Where the network remembers, whole sequences are shuffled. After an error
    /// parameters and Adam are as before.
    fn epochs<N: Network<Scalar = T>>(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, T>,
        loss: &LossConfig,
        learning_rate: f64,
        context: Context<'_>,
    ) -> Result<Progress, UpdateError> {
        let Context { mut team, rng, .. } = context;
        let distribution = agent.network.distribution().clone();
        let mut done = Progress::default();
        let length = batch.piece_length();
        let minibatches = self.config.minibatches.of_pieces(length);
        self.pieces.clear();
        self.pieces.extend(0..(batch.len() / length) as u32);
        let mut descent = Descent::begin(&agent.network, &agent.theta, &self.adam, learning_rate);
        'epochs: for _ in 0..self.config.epochs {
            self.pieces.shuffle(rng);
            batch.rows_of_pieces(&self.pieces, &mut self.rows);
            done.begin_epoch();
            let mut start = 0;
            for end in minibatches.ends(self.pieces.len()).map(|pieces| pieces * length) {
                let minibatch = Minibatch::new(loss, &distribution, batch, &self.rows[start..end]);
                let (losses, norm) = gradient(team.reborrow(), &mut descent, &mut agent.network, &minibatch);
                check_losses(&losses, norm, self.updates + 1)?;
                done.add(&losses, norm);
                if self.config.kl_target.is_some_and(|target| losses.kl_old_new > KL_TOLERANCE * target) {
                    done.stopped = true;
                    break 'epochs;
                }
                descent.step(self.config.max_grad_norm.map_or(1.0, |bound| clip_factor(norm, bound)));
                done.steps += 1;
                start = end;
            }
        }
        descent.end(team, &mut agent.theta, &mut self.adam);
        Ok(done)
    }

    /// The state for a checkpoint: see [`Update::state`].
    pub fn state(&self) -> UpdateState<T> {
        let mut state = UpdateState::default();
        state.put_optimizer(ADAM, &self.adam);
        self.adapted.put(&mut state);
        state.put_count("updates", self.updates);
        state
    }

    /// Continues from a state: see [`Update::load`].
    ///
    /// # Errors
    /// When the state is another algorithm's or another network's; this one is then unchanged.
    pub fn load(&mut self, mut state: UpdateState<T>) -> Result<(), UpdateError> {
        let updates = state.take_count("updates")?;
        let adam = state.take_optimizer(ADAM, &self.adam)?;
        let adapted = self.adapted.taken(&mut state)?;
        state.nothing_left()?;
        (self.adam, self.adapted, self.updates) = (adam, adapted, updates);
        Ok(())
    }
}

/// The gradient of the loss of a minibatch. Returns its losses and the norm.
fn gradient<N: Network>(
    team: Team<'_>,
    descent: &mut Descent<N::Scalar>,
    network: &mut ActorCritic<N>,
    minibatch: &Minibatch<'_, N::Scalar>,
) -> (Losses, f64) {
    let (mut losses, of_values, norm) = descent.gradient(
        team,
        network,
        minibatch.input(),
        &|first, params: &[N::Scalar], cotangent: &mut [N::Scalar]| {
            minibatch.policy(first, params, cotangent)
        },
        &|first, values: &[N::Scalar], cotangent: &mut [N::Scalar]| minibatch.value(first, values, cotangent),
    );
    losses += of_values;
    (losses, norm)
}

/// Everything is finite.
fn check_losses(losses: &Losses, norm: f64, update: u64) -> Result<(), UpdateError> {
    for (name, value) in [
        ("the policy loss", losses.policy_loss),
        ("the value loss", losses.value_loss),
        ("the entropy", losses.entropy),
        ("the norm of the gradient", norm),
    ] {
        check_finite(name, value, update)?;
    }
    Ok(())
}

/// The name of the optimiser in a state.
const ADAM: &str = "adam";

impl<N: Network> Update<N> for Ppo<N::Scalar> {
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError> {
        batch.check(agent.network.distribution(), self.updates + 1)?;
        batch.check_unweighted("PPO")?;
        let penalty = matches!(self.config.objective, Objective::Penalty { .. });
        if penalty || self.adapted.follows_kl() {
            check_present(batch.distribution_params, "distribution_params", "the KL divergence of PPO")?;
        }
        let before = (agent.theta.clone(), self.adam.clone(), self.adapted.clone());
        let outcome = self.steps(agent, batch, context);
        match &outcome {
            Ok(_) => self.updates += 1,
            Err(_) => (agent.theta, self.adam, self.adapted) = before,
        }
        outcome
    }

    fn state(&self) -> UpdateState<N::Scalar> {
        self.state()
    }

    fn load(&mut self, state: UpdateState<N::Scalar>) -> Result<(), UpdateError> {
        self.load(state)
    }

    fn value_scale(&self) -> Option<ValueScale> {
        self.value_scale()
    }
}
