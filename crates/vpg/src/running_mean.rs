//! A baseline that remembers earlier batches.

use gradus_policy::{UpdateError, UpdateState};

/// The weighted mean of the means of earlier batches, where a batch counts `decay` times what the one after it does:
/// b = Σ_k decay^k m_{−k} / Σ_k decay^k.
///
/// The batch in hand is not in it: b does not depend on the actions that it is subtracted for, so that it adds no bias.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RunningMean {
    /// Σ decay^k m_{−k}
    sum: f64,
    /// Σ decay^k
    weight: f64,
}

impl RunningMean {
    /// b; 0 before the first batch.
    pub(crate) fn value(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }

    pub(crate) fn push(&mut self, mean: f64, decay: f64) {
        self.sum = decay * self.sum + mean;
        self.weight = decay * self.weight + 1.0;
    }

    pub(crate) fn put<T>(&self, state: &mut UpdateState<T>) {
        state.scalars.insert("baseline.sum".into(), self.sum);
        state.scalars.insert("baseline.weight".into(), self.weight);
    }

    pub(crate) fn take<T>(state: &mut UpdateState<T>) -> Result<Self, UpdateError> {
        let (sum, weight) = (state.take_number("baseline.sum")?, state.take_number("baseline.weight")?);
        Ok(Self { sum, weight })
    }
}
