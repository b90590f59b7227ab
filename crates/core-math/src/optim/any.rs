//! A choice between the optimisers, made at run time.

use serde::{Deserialize, Serialize};

use super::{
    Adam, AdamConfig, GradientDescent, Optimizer, OptimizerError, OptimizerState, RmsProp, RmsPropConfig,
};
use crate::Real;

/// Which optimiser, with its settings.
///
/// ```
/// use gradus_core_math::{AnyOptimizer, Optimizer, OptimizerConfig};
/// let mut optimizer: AnyOptimizer<f64> = OptimizerConfig::Plain.build(1)?;
/// let mut params = [1.0];
/// optimizer.step(&mut params, &[2.0], 0.25);
/// assert_eq!(params, [0.5]);
/// # Ok::<(), gradus_core_math::OptimizerError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerConfig {
    /// θ ← θ − α ∇L, which is gradient ascent on the objective −L.
    Plain,
    /// [`Adam`].
    Adam(AdamConfig),
    /// [`RmsProp`].
    RmsProp(RmsPropConfig),
}

impl OptimizerConfig {
    /// The optimiser for `len` parameters.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn build<T: Real>(&self, len: usize) -> Result<AnyOptimizer<T>, OptimizerError> {
        Ok(match *self {
            Self::Plain => AnyOptimizer::Plain(GradientDescent::new()),
            Self::Adam(config) => AnyOptimizer::Adam(Adam::new(config, len)?),
            Self::RmsProp(config) => AnyOptimizer::RmsProp(RmsProp::new(config, len)?),
        })
    }
}

/// One of the optimisers that minimise.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyOptimizer<T> {
    /// Plain steps.
    Plain(GradientDescent),
    /// [`Adam`].
    Adam(Adam<T>),
    /// [`RmsProp`].
    RmsProp(RmsProp<T>),
}

/// The same call on whichever it is.
macro_rules! whichever {
    ($self:expr, $optimizer:ident => $call:expr) => {
        match $self {
            AnyOptimizer::Plain($optimizer) => $call,
            AnyOptimizer::Adam($optimizer) => $call,
            AnyOptimizer::RmsProp($optimizer) => $call,
        }
    };
}

impl<T> AnyOptimizer<T> {
    /// The name in files: `plain`, `adam` or `rms_prop`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plain(_) => "plain",
            Self::Adam(_) => "adam",
            Self::RmsProp(_) => "rms_prop",
        }
    }
}

impl<T: Real> Optimizer<T> for AnyOptimizer<T> {
    fn step(&mut self, params: &mut [T], gradient: &[T], learning_rate: f64) {
        whichever!(self, optimizer => optimizer.step(params, gradient, learning_rate));
    }

    fn moment_names(&self) -> &'static [&'static str] {
        whichever!(self, optimizer => Optimizer::<T>::moment_names(optimizer))
    }

    fn state(&self) -> OptimizerState<T> {
        whichever!(self, optimizer => optimizer.state())
    }

    fn load(&mut self, state: OptimizerState<T>) -> Result<(), OptimizerError> {
        whichever!(self, optimizer => optimizer.load(state))
    }
}
