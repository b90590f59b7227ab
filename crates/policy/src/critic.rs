//! A critic that is fitted apart from the policy.

use gradus_core_math::{Adam, AdamConfig, Real, Schedule};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{
    Batch, Context, Network, Rows, SharedStep, UpdateError, UpdateState, check_schedule, check_setting,
};

/// How the critic is fitted, apart from the policy.
///
/// The defaults are sb3-contrib's: Adam 1e-3, 10 epochs of minibatches of 128.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticConfig {
    /// Adam's step size.
    pub learning_rate: Schedule,
    /// Passes over each batch.
    pub epochs: usize,
    /// Rows of a minibatch; the last one of a pass may be smaller.
    pub minibatch_size: usize,
    /// ε of Adam.
    pub adam_epsilon: f64,
}

impl Default for CriticConfig {
    fn default() -> Self {
        Self { learning_rate: Schedule::Constant(1e-3), epochs: 10, minibatch_size: 128, adam_epsilon: 1e-5 }
    }
}

impl CriticConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another step size.
    pub fn with_learning_rate(mut self, learning_rate: Schedule) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Another number of passes.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Another size of minibatches.
    pub fn with_minibatch_size(mut self, minibatch_size: usize) -> Self {
        self.minibatch_size = minibatch_size;
        self
    }

    /// Another ε of Adam.
    pub fn with_adam_epsilon(mut self, adam_epsilon: f64) -> Self {
        self.adam_epsilon = adam_epsilon;
        self
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        check_setting("critic epochs", self.epochs as f64, self.epochs > 0, "at least 1")?;
        let size = self.minibatch_size;
        check_setting("critic minibatch_size", size as f64, size > 0, "at least 1")?;
        check_schedule("critic learning_rate", self.learning_rate)?;
        let epsilon = self.adam_epsilon;
        let ok = epsilon.is_finite() && epsilon > 0.0;
        check_setting("critic adam_epsilon", epsilon, ok, "a number above 0")
    }
}

/// Fits V to the value targets by Adam on mean[(V − target)²] over shuffled minibatches.
#[derive(Clone, Debug)]
pub struct CriticFit<T> {
    config: CriticConfig,
    adam: Adam<T>,
    rows: Vec<u32>,
    gradient: Vec<T>,
}

/// The name of Adam in a state.
const ADAM: &str = "critic.adam";

impl<T: Real> CriticFit<T> {
    /// The fit of a critic with so many parameters.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new(config: CriticConfig, parameters: usize) -> Result<Self, UpdateError> {
        config.check()?;
        let adam = Adam::new(AdamConfig::new().with_epsilon(config.adam_epsilon), parameters)?;
        let gradient = vec![T::zero(); parameters];
        Ok(Self { config, adam, rows: Vec::new(), gradient })
    }

    /// All epochs over one batch. Returns the mean loss of the last one; the caller checks that it is finite.
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn fit<N: Network<Scalar = T>>(
        &mut self,
        critic: &mut N,
        theta: &mut [T],
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> f64 {
        let Context { mut team, progress, rng } = context;
        let learning_rate = self.config.learning_rate.at(progress);
        self.rows.clear();
        self.rows.extend(0..batch.len() as u32);
        let mut loss = 0.0;
        for _ in 0..self.config.epochs {
            self.rows.shuffle(rng);
            loss = 0.0;
            for rows in self.rows.chunks(self.config.minibatch_size) {
                let input = batch.input(Rows::Listed(rows));
                let per_row = T::of(2.0 / rows.len() as f64);
                let squares = |first: usize, values: &[T], cotangent: &mut [T]| {
                    let mut sum = 0.0;
                    for ((&value, &row), to) in values.iter().zip(&rows[first..]).zip(cotangent) {
                        let error = value - batch.value_targets[row as usize];
                        sum += (error * error).wide();
                        *to = error * per_row;
                    }
                    sum
                };
                loss += critic.gradient(team.reborrow(), theta, input, &squares, &mut self.gradient);
                let step = SharedStep::new(&mut self.adam, 1.0, learning_rate);
                step.take(team.reborrow(), theta, &mut self.gradient);
            }
        }
        loss / batch.len() as f64
    }

    /// The optimiser, for a copy before an update that may fail.
    pub fn adam(&self) -> &Adam<T> {
        &self.adam
    }

    /// Goes on with another optimiser: one that [`adam`](Self::adam) or [`take_adam`](Self::take_adam) gave.
    pub fn set_adam(&mut self, adam: Adam<T>) {
        self.adam = adam;
    }

    /// Puts Adam's state into that of an algorithm.
    pub fn put_adam(&self, state: &mut UpdateState<T>) {
        state.put_optimizer(ADAM, &self.adam);
    }

    /// Takes Adam out of the state of an algorithm, for [`set_adam`](Self::set_adam).
    ///
    /// # Errors
    /// When it is not there, or is of another critic.
    pub fn take_adam(&self, state: &mut UpdateState<T>) -> Result<Adam<T>, UpdateError> {
        state.take_optimizer(ADAM, &self.adam)
    }
}
