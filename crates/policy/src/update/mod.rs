//! The trait of algorithms that improve a policy from a batch.

mod descent;
mod error;
mod shared_step;
mod state;

pub use descent::Descent;
pub use error::{UpdateError, check_finite, check_present, check_schedule, check_setting};
pub use shared_step::SharedStep;
pub(crate) use shared_step::squared_norm;
pub use state::UpdateState;

use gradus_core_math::{Distribution, Real, Stream};

use crate::{ActorCritic, Batch, Network, Team, ValueScale};

/// A policy, its critic, and the parameters that training changes.
#[derive(Debug)]
pub struct Agent<N: Network> {
    /// The map.
    pub network: ActorCritic<N>,
    /// Its parameters.
    pub theta: Vec<N::Scalar>,
}

impl<N: Network> Agent<N> {
    /// `network` with initial parameters drawn from `rng`.
    pub fn new(network: ActorCritic<N>, rng: &mut Stream) -> Self {
        let mut theta = vec![N::Scalar::default(); network.parameter_count()];
        network.initialize(rng, &mut theta);
        Self { network, theta }
    }
}

/// What an update reports, by name: losses, `kl_old_new`, `entropy`, and so on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Vec<(&'static str, f64)>);

impl Metrics {
    /// No metrics yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, name: &'static str, value: f64) {
        self.0.push((name, value));
    }

    /// One, by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// All, in the order of their coming.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.0.iter().copied()
    }
}

impl<T: Real> Batch<'_, T> {
    /// What every update looks at first: that there are rows, and that every number in them is finite.
    ///
    /// # Errors
    /// Names the first culprit; `update` is the number of the update in the message.
    ///
    /// # Panics
    /// When the arrays do not fit together.
    pub fn check(&self, distribution: &Distribution, update: u64) -> Result<(), UpdateError> {
        if self.is_empty() {
            return Err(UpdateError::EmptyBatch);
        }
        self.assert_lengths(distribution);
        let Some((array, place, value)) = self.find_non_finite() else { return Ok(()) };
        Err(UpdateError::NonFinite {
            quantity: format!("element {place} of the batch's {array}"),
            value,
            update,
        })
    }

    /// Refuses a batch whose rows are weighted, for `algorithm`, whose objective has no such weights. To drop them
    /// in silence would be another estimate than the one asked for.
    ///
    /// # Errors
    /// When there are weights.
    pub fn check_unweighted(&self, algorithm: &'static str) -> Result<(), UpdateError> {
        if self.weights.is_empty() { Ok(()) } else { Err(UpdateError::Weighted { algorithm }) }
    }
}

impl<N: Network> Agent<N> {
    /// Checks that every parameter is finite.
    ///
    /// # Errors
    /// Names the first culprit; `update` is the number of the update in the message.
    pub fn check(&self, update: u64) -> Result<(), UpdateError> {
        let Some((tensor, place)) = self.network.find_non_finite(&self.theta) else { return Ok(()) };
        let quantity = format!("element {place} of the parameters {tensor}");
        let value = self.theta.iter().find(|x| !x.wide().is_finite()).map_or(f64::NAN, |x| x.wide());
        Err(UpdateError::NonFinite { quantity, value, update })
    }
}

/// What an update is given beside agent and batch.
pub struct Context<'a> {
    /// The threads to use.
    pub team: Team<'a>,
    /// How much of the training is done, from 0 to 1; schedules follow it.
    pub progress: f64,
    /// The random stream of the updates.
    pub rng: &'a mut Stream,
}

/// An algorithm that improves an agent from one batch of experience (REINFORCE, A2C, NPG, TRPO, PPO).
pub trait Update<N: Network>: Send {
    /// Makes one update.
    ///
    /// # Errors
    /// When a quantity is not finite, or the batch is empty; agent and algorithm are then as they were before
    /// (the random stream has moved on).
    ///
    /// # Panics
    /// When the batch is not of this agent's network, or the agent not of the kind that the algorithm was made for.
    fn update(
        &mut self,
        agent: &mut Agent<N>,
        batch: &Batch<'_, N::Scalar>,
        context: Context<'_>,
    ) -> Result<Metrics, UpdateError>;

    /// The state for a checkpoint.
    fn state(&self) -> UpdateState<N::Scalar>;

    /// Continues from a state that [`state`](Update::state) gave, exactly.
    ///
    /// # Errors
    /// When the state is another algorithm's or another network's; the algorithm is then unchanged.
    fn load(&mut self, state: UpdateState<N::Scalar>) -> Result<(), UpdateError>;

    /// What the critic's outputs stand for, where they are not the values themselves. Whoever fills a batch applies it
    /// to what [`ActorCritic::values`] gives, with that of the time of collection.
    fn value_scale(&self) -> Option<ValueScale> {
        None
    }
}
