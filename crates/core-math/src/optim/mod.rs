//! Optimisers on one flat parameter vector.

mod adam;
mod any;
mod plain;
mod rms_prop;

pub use adam::{Adam, AdamConfig, AdamStep};
pub use any::{AnyOptimizer, OptimizerConfig};
pub use plain::{GradientAscent, GradientDescent, clip_factor, clip_global_norm};
pub use rms_prop::{RmsProp, RmsPropConfig};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Real;

/// A rule that changes parameters along a gradient.
///
/// All optimisers minimise: the gradient is that of a loss, and a step goes against it. The one exception is
/// [`GradientAscent`], which maximises.
pub trait Optimizer<T: Real> {
    /// Changes `params` by one step.
    ///
    /// A gradient that is not finite makes parameters and state not finite; callers check it first.
    ///
    /// # Shapes
    /// `params`, `gradient`: `[parameters]`.
    ///
    /// # Panics
    /// If the lengths differ, from each other or from the optimiser's.
    fn step(&mut self, params: &mut [T], gradient: &[T], learning_rate: f64);

    /// The names of the vectors in [`OptimizerState::moments`], in their order, for files.
    fn moment_names(&self) -> &'static [&'static str];

    /// All that the next step depends on, for a checkpoint.
    fn state(&self) -> OptimizerState<T>;

    /// Continues from a state that [`state`](Self::state) gave, exactly.
    ///
    /// # Errors
    /// If the state has another number of moments or parameters; then the optimiser is unchanged.
    fn load(&mut self, state: OptimizerState<T>) -> Result<(), OptimizerError>;
}

/// The state of an optimiser. It serialises exactly where the format keeps all digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerState<T> {
    /// The number of steps taken.
    pub steps: u64,
    /// Vectors of the parameters' length: first and second moment for [`Adam`], the second moment for
    /// [`RmsProp`], none for plain gradient steps.
    pub moments: Vec<Vec<T>>,
}

impl<T> OptimizerState<T> {
    /// The moments as an array, if they are `N` vectors of length `len`.
    fn into_moments<const N: usize>(self, len: usize) -> Result<[Vec<T>; N], OptimizerError> {
        let found: Vec<usize> = self.moments.iter().map(Vec::len).collect();
        let mismatch = OptimizerError::StateMismatch { moments: N, len, found: found.clone() };
        if found.iter().any(|&found| found != len) {
            return Err(mismatch);
        }
        self.moments.try_into().map_err(|_| mismatch)
    }
}

/// What is wrong with an optimiser's settings or with a state to load.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// A setting is outside its range.
    #[error("{name} is {value}, it must be {range}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range in words.
        range: &'static str,
    },
    /// A state belongs to another optimiser or to other parameters.
    #[error("the state needs {moments} moments of {len} values, found moments of lengths {found:?}")]
    StateMismatch {
        /// How many moments the optimiser has.
        moments: usize,
        /// How many parameters it has.
        len: usize,
        /// The lengths of the moments in the state.
        found: Vec<usize>,
    },
}

/// Checks a decay rate: 0 ≤ value < 1.
fn check_decay(name: &'static str, value: f64) -> Result<(), OptimizerError> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(OptimizerError::Setting { name, value, range: "at least 0 and below 1" })
    }
}

/// Checks an addend of a denominator: 0 < value < ∞.
fn check_epsilon(value: f64) -> Result<(), OptimizerError> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(OptimizerError::Setting { name: "epsilon", value, range: "positive and finite" })
    }
}
