//! The best candidate so far.

use gradus_policy::{Candidate, UpdateError, UpdateState};

use crate::state::take_vector;

const PARAMETERS: &str = "best";
const VALUE: &str = "best_return";

/// The candidate with the highest return so far, if there was one; of equal ones the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Champion(Option<(Vec<f64>, f64)>);

impl Champion {
    pub(crate) fn get(&self) -> Option<Candidate<'_>> {
        self.0.as_ref().map(|(parameters, value)| Candidate { parameters, value: *value })
    }

    /// Compares with the best candidate of a generation.
    pub(crate) fn challenge(&mut self, parameters: &[f64], value: f64) {
        if self.0.as_ref().is_none_or(|(_, best)| value > *best) {
            self.0 = Some((parameters.to_vec(), value));
        }
    }

    pub(crate) fn save(&self, state: &mut UpdateState<f64>) {
        if let Some((parameters, value)) = &self.0 {
            state.tensors.insert(PARAMETERS.into(), parameters.clone());
            state.scalars.insert(VALUE.into(), *value);
        }
    }

    pub(crate) fn take(state: &mut UpdateState<f64>, dimension: usize) -> Result<Self, UpdateError> {
        match state.scalars.remove(VALUE) {
            None => Ok(Self(None)),
            Some(value) => Ok(Self(Some((take_vector(state, PARAMETERS, dimension)?, value)))),
        }
    }
}
