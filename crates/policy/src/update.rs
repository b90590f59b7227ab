//! The trait of algorithms that improve a policy from a batch.

use std::collections::BTreeMap;

use gradus_core_math::{CgError, Distribution, Real, Stream};
use thiserror::Error;

use crate::{ActorCritic, Batch, Network, SearchError, Team};

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

/// All that the next update depends on beside the parameters, for a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateState<T> {
    /// Vectors, by name.
    pub tensors: BTreeMap<String, Vec<T>>,
    /// Numbers, by name.
    pub scalars: BTreeMap<String, f64>,
}

impl<T> UpdateState<T> {
    /// Takes the count `name` out.
    ///
    /// # Errors
    /// When it is not there, or is not a count.
    pub fn take_count(&mut self, name: &str) -> Result<u64, UpdateError> {
        match self.scalars.remove(name) {
            None => Err(UpdateError::State(format!("it has no \"{name}\""))),
            // Counts are exact in f64 up to 2^53.
            Some(count) if count >= 0.0 && count.fract().abs() < f64::MIN_POSITIVE => Ok(count as u64),
            Some(other) => Err(UpdateError::State(format!("\"{name}\" is {other}, not a count"))),
        }
    }

    /// Takes the vector `name` out.
    ///
    /// # Errors
    /// When it is not there.
    pub fn take_tensor(&mut self, name: &str) -> Result<Vec<T>, UpdateError> {
        self.tensors.remove(name).ok_or_else(|| UpdateError::State(format!("it has no \"{name}\"")))
    }

    /// Checks that everything was taken out: what is left would be lost.
    ///
    /// # Errors
    /// Names the first entry that is left.
    pub fn nothing_left(&self) -> Result<(), UpdateError> {
        match self.tensors.keys().chain(self.scalars.keys()).next() {
            None => Ok(()),
            Some(name) => Err(UpdateError::State(format!("its \"{name}\" is unknown"))),
        }
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

/// Why an update could not be made. The agent is then as it was before.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// A setting is outside its range.
    #[error("{name} is {value}, it must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was given.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// The batch has no row.
    #[error("the batch is empty")]
    EmptyBatch,
    /// A quantity is NaN or infinite.
    #[error(
        "{quantity} is {value} in update {update}; the parameters are those from before it. \
         A smaller learning rate, normalised observations and rewards, or gradient clipping may help"
    )]
    NonFinite {
        /// What it is.
        quantity: String,
        /// The value found.
        value: f64,
        /// The number of the update, from 1.
        update: u64,
    },
    /// Conjugate gradient found no direction.
    #[error("conjugate gradient failed in update {update}: {error}; the parameters are those from before it")]
    Solver {
        /// What it met.
        error: CgError,
        /// The number of the update, from 1.
        update: u64,
    },
    /// A trust region around the policy means nothing where fitting the critic moves the policy.
    #[error(
        "a trust region needs a critic of its own, and this one shares its trunk with the policy: use two networks"
    )]
    SharedTrunk,
    /// A search without derivatives could not go on.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A saved state does not fit this algorithm or network.
    #[error("the saved state does not fit: {0}")]
    State(String),
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
}
