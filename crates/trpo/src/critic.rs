//! The critic, fitted apart from the policy.

use gradus_core_math::{Adam, AdamConfig, Optimizer, Real};
use gradus_policy::{Batch, Context, Input, Linearized, Network, UpdateError};
use rand::seq::SliceRandom;

use crate::config::CriticConfig;

/// Fits V to the value targets by Adam on mean[(V − target)²] over shuffled minibatches.
#[derive(Clone, Debug)]
pub(crate) struct CriticFit<T> {
    pub(crate) adam: Adam<T>,
    rows: Vec<u32>,
    cotangent: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Real> CriticFit<T> {
    pub(crate) fn new(config: &CriticConfig, parameters: usize) -> Result<Self, UpdateError> {
        let adam = Adam::new(AdamConfig::new().with_epsilon(config.adam_epsilon), parameters)
            .map_err(|error| UpdateError::State(error.to_string()))?;
        Ok(Self { adam, rows: Vec::new(), cotangent: Vec::new(), gradient: vec![T::zero(); parameters] })
    }

    /// All epochs over one batch. Returns the mean loss of the last one.
    pub(crate) fn epochs<N: Network<Scalar = T>>(
        &mut self,
        config: &CriticConfig,
        critic: &mut N,
        theta: &mut [T],
        batch: &Batch<'_, T>,
        context: Context<'_>,
    ) -> f64 {
        let Context { mut team, progress, rng } = context;
        let learning_rate = config.learning_rate.at(progress);
        self.rows.clear();
        self.rows.extend(0..batch.len() as u32);
        let mut loss = 0.0;
        for _ in 0..config.epochs {
            self.rows.shuffle(rng);
            loss = 0.0;
            for rows in self.rows.chunks(config.minibatch_size) {
                let input = Input::listed(batch.observations, batch.observation_width, rows);
                let mut point = critic.linearize(team.reborrow(), theta, input);
                self.cotangent.clear();
                let per_row = 2.0 / rows.len() as f64;
                for (&value, &row) in point.outputs().iter().zip(rows) {
                    let error = value - batch.value_targets[row as usize];
                    loss += (error * error).wide();
                    self.cotangent.push(error * T::of(per_row));
                }
                point.vjp(team.reborrow(), &self.cotangent, &mut self.gradient);
                drop(point);
                self.adam.step(theta, &self.gradient, learning_rate);
            }
        }
        loss / batch.len() as f64
    }
}
