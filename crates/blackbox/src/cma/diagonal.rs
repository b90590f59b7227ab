//! A diagonal covariance.

use gradus_policy::{SearchError, UpdateError, UpdateState};

use super::covariance::{Change, check_finite, conditioning};
use crate::state::take_vector;

const VARIANCES: &str = "covariance";

/// C = diag(variances), of which only the diagonal of every change is taken (Ros & Hansen 2008).
#[derive(Clone, Debug)]
pub(crate) struct DiagonalCovariance {
    variances: Vec<f64>,
    /// The roots of the variances.
    deviations: Vec<f64>,
    max_condition: f64,
}

impl DiagonalCovariance {
    pub(crate) fn identity(dimension: usize, max_condition: f64) -> Self {
        Self { variances: vec![1.0; dimension], deviations: vec![1.0; dimension], max_condition }
    }

    pub(crate) fn variances(&self) -> &[f64] {
        &self.variances
    }

    pub(crate) fn transform(&self, z: &[f64], y: &mut [f64]) {
        for ((y, z), deviation) in y.iter_mut().zip(z).zip(&self.deviations) {
            *y = deviation * z;
        }
    }

    pub(crate) fn change(&mut self, change: &Change<'_>) {
        self.variances.iter_mut().for_each(|variance| *variance *= change.keep);
        for (weight, v) in &change.terms {
            for (variance, v) in self.variances.iter_mut().zip(*v) {
                *variance += weight * v * v;
            }
        }
    }

    pub(crate) fn refresh(&mut self, generation: u64) -> Result<(), SearchError> {
        check_finite(&self.variances, "the covariance", generation)?;
        let (smallest, largest) = extremes(&self.variances);
        let more = conditioning(smallest, largest, self.max_condition);
        self.variances.iter_mut().for_each(|variance| *variance += more);
        self.deviations = roots(&self.variances);
        check_finite(&self.deviations, "a deviation", generation)
    }

    pub(crate) fn axis_ratio(&self) -> f64 {
        let (smallest, largest) = extremes(&self.deviations);
        largest / smallest
    }

    pub(crate) fn save(&self, state: &mut UpdateState<f64>) {
        state.tensors.insert(VARIANCES.into(), self.variances.clone());
    }

    pub(crate) fn taken_from(&self, state: &mut UpdateState<f64>) -> Result<Self, UpdateError> {
        let variances = take_vector(state, VARIANCES, self.variances.len())?;
        if let Some(variance) = variances.iter().find(|x| **x <= 0.0) {
            return Err(UpdateError::State(format!("its \"{VARIANCES}\" has the variance {variance}")));
        }
        Ok(Self { deviations: roots(&variances), variances, max_condition: self.max_condition })
    }
}

fn roots(variances: &[f64]) -> Vec<f64> {
    variances.iter().map(|x| x.sqrt()).collect()
}

fn extremes(numbers: &[f64]) -> (f64, f64) {
    numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}
