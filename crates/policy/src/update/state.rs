//! What an algorithm leaves in a checkpoint.

use std::collections::BTreeMap;

use gradus_core_math::{Optimizer, OptimizerState, Real};

use super::UpdateError;

/// All that the next update depends on beside the parameters, for a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateState<T> {
    /// Vectors, by name.
    pub tensors: BTreeMap<String, Vec<T>>,
    /// Numbers, by name.
    pub scalars: BTreeMap<String, f64>,
}

impl<T> UpdateState<T> {
    /// Puts the count `name` in.
    pub fn put_count(&mut self, name: &str, count: u64) {
        // Counts are exact in f64 up to 2^53.
        self.scalars.insert(name.to_owned(), count as f64);
    }

    /// Takes the count `name` out.
    ///
    /// # Errors
    /// When it is not there, or is not a count.
    pub fn take_count(&mut self, name: &str) -> Result<u64, UpdateError> {
        match self.scalars.remove(name) {
            None => Err(UpdateError::State(format!("it has no \"{name}\""))),
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

    /// Takes the number `name` out.
    ///
    /// # Errors
    /// When it is not there, or is not finite.
    pub fn take_number(&mut self, name: &str) -> Result<f64, UpdateError> {
        match self.scalars.remove(name) {
            None => Err(UpdateError::State(format!("it has no \"{name}\""))),
            Some(number) if number.is_finite() => Ok(number),
            Some(other) => Err(UpdateError::State(format!("\"{name}\" is {other}"))),
        }
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

impl<T: Real> UpdateState<T> {
    /// Puts the state of an optimiser in: the count `{name}.steps` and its vectors, such as `{name}.m`.
    pub fn put_optimizer(&mut self, name: &str, optimizer: &impl Optimizer<T>) {
        let OptimizerState { steps, moments } = optimizer.state();
        for (moment, values) in optimizer.moment_names().iter().zip(moments) {
            self.tensors.insert(format!("{name}.{moment}"), values);
        }
        self.put_count(&format!("{name}.steps"), steps);
    }

    /// Takes the state that [`put_optimizer`](Self::put_optimizer) put in, as a copy of `like` which has it.
    ///
    /// # Errors
    /// When a part is not there, or is of other parameters.
    pub fn take_optimizer<O: Optimizer<T> + Clone>(
        &mut self,
        name: &str,
        like: &O,
    ) -> Result<O, UpdateError> {
        let steps = self.take_count(&format!("{name}.steps"))?;
        let take = |moment: &&str| self.take_tensor(&format!("{name}.{moment}"));
        let moments = like.moment_names().iter().map(take).collect::<Result<_, _>>()?;
        let mut optimizer = like.clone();
        optimizer
            .load(OptimizerState { steps, moments })
            .map_err(|error| UpdateError::State(format!("{name}: {error}")))?;
        Ok(optimizer)
    }
}
