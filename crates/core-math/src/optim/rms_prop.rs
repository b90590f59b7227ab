//! RMSProp.

use serde::{Deserialize, Serialize};

use super::{Optimizer, OptimizerError, OptimizerState, check_decay, check_epsilon};
use crate::Real;

/// The settings of [`RmsProp`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsPropConfig {
    /// Decay of the second moment; 0.99 (PyTorch's default, and that of A3C, Mnih et al. 2016).
    pub alpha: f64,
    /// Addend of the denominator; 1e-8 (PyTorch's default).
    pub epsilon: f64,
}

impl Default for RmsPropConfig {
    fn default() -> Self {
        Self { alpha: 0.99, epsilon: 1e-8 }
    }
}

impl RmsPropConfig {
    /// PyTorch's settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings with another decay rate.
    pub fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// The settings with another addend of the denominator.
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }
}

/// RMSProp (Hinton 2012, lecture 6e) in PyTorch's form.
///
///   v ← α v + (1 − α) g²
///   θ ← θ − η g / (√v + ε)
///
/// ε stands outside of the root and v starts at 0; TensorFlow's form √(v + ε) with v₀ = 1 takes smaller
/// first steps. There is no momentum and no centring.
#[derive(Clone, Debug, PartialEq)]
pub struct RmsProp<T> {
    config: RmsPropConfig,
    steps: u64,
    v: Vec<T>,
}

impl<T: Real> RmsProp<T> {
    /// RMSProp for `len` parameters, the second moment zero.
    ///
    /// # Errors
    /// Unless 0 ≤ α < 1 and 0 < ε < ∞.
    pub fn new(config: RmsPropConfig, len: usize) -> Result<Self, OptimizerError> {
        check_decay("alpha", config.alpha)?;
        check_epsilon(config.epsilon)?;
        Ok(Self { config, steps: 0, v: vec![T::zero(); len] })
    }

    /// The settings.
    pub fn config(&self) -> &RmsPropConfig {
        &self.config
    }
}

impl<T: Real> Optimizer<T> for RmsProp<T> {
    fn step(&mut self, params: &mut [T], gradient: &[T], learning_rate: f64) {
        let len = self.v.len();
        assert!(params.len() == len && gradient.len() == len, "the optimiser has {len} parameters");
        self.steps += 1;
        let (decay, weight) = (T::of(self.config.alpha), T::of(1.0 - self.config.alpha));
        let (rate, epsilon) = (T::of(learning_rate), T::of(self.config.epsilon));
        for ((param, &g), v) in params.iter_mut().zip(gradient).zip(&mut self.v) {
            *v = decay * *v + weight * (g * g);
            *param -= rate * g / (v.sqrt() + epsilon);
        }
    }

    fn moment_names(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn state(&self) -> OptimizerState<T> {
        OptimizerState { steps: self.steps, moments: vec![self.v.clone()] }
    }

    fn load(&mut self, state: OptimizerState<T>) -> Result<(), OptimizerError> {
        let steps = state.steps;
        [self.v] = state.into_moments(self.v.len())?;
        self.steps = steps;
        Ok(())
    }
}
