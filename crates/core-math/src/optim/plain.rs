//! Plain gradient steps, and the clip of a gradient's norm.

use std::convert::identity;
use std::ops::Neg;

use super::{Optimizer, OptimizerError, OptimizerState};
use crate::Real;
use crate::linalg::{axpy, norm};

/// Gradient descent θ ← θ − α g, which minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GradientDescent {
    steps: u64,
}

/// Gradient ascent θ ← θ + α g, which maximises: the only optimiser here whose gradient is that of an
/// objective, as policy-gradient papers write it (Williams 1992).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GradientAscent {
    steps: u64,
}

impl GradientDescent {
    /// Gradient descent for any number of parameters.
    pub fn new() -> Self {
        Self::default()
    }
}

impl GradientAscent {
    /// Gradient ascent for any number of parameters.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Both differ in the sign only.
macro_rules! plain_optimizer {
    ($rule:ty, $signed:expr) => {
        impl<T: Real> Optimizer<T> for $rule {
            fn step(&mut self, params: &mut [T], gradient: &[T], learning_rate: f64) {
                axpy(T::of($signed(learning_rate)), gradient, params);
                self.steps += 1;
            }

            fn moment_names(&self) -> &'static [&'static str] {
                &[]
            }

            fn state(&self) -> OptimizerState<T> {
                OptimizerState { steps: self.steps, moments: Vec::new() }
            }

            fn load(&mut self, state: OptimizerState<T>) -> Result<(), OptimizerError> {
                let steps = state.steps;
                let [] = state.into_moments(0)?;
                self.steps = steps;
                Ok(())
            }
        }
    };
}

plain_optimizer!(GradientDescent, Neg::neg);
plain_optimizer!(GradientAscent, identity);

/// Keeps a margin between the norm and the divisor, as PyTorch's `clip_grad_norm_` does; it also makes the
/// clip of a zero gradient harmless.
const NORM_MARGIN: f64 = 1e-6;

/// Shortens a gradient whose Euclidean norm exceeds `max_norm` and returns the norm it had before.
///
/// gradient ← gradient · min(1, `max_norm` / (norm + 1e-6)), PyTorch's `clip_grad_norm_`. The norm is
/// accumulated in `f64`.
///
/// A norm that is not finite leaves the gradient as it is: check the returned norm.
///
/// ```
/// use gradus_core_math::clip_global_norm;
/// let mut gradient = [3.0, 4.0_f64];
/// assert_eq!(clip_global_norm(&mut gradient, 0.5), 5.0);
/// assert!((gradient[0] - 0.3).abs() < 1e-6 && (gradient[1] - 0.4).abs() < 1e-6);
/// ```
pub fn clip_global_norm<T: Real>(gradient: &mut [T], max_norm: f64) -> T {
    let norm = norm(gradient);
    let factor = clip_factor(norm, max_norm);
    if factor < 1.0 {
        let factor = T::of(factor);
        for g in gradient {
            *g *= factor;
        }
    }
    T::of(norm)
}

/// What [`clip_global_norm`] multiplies a gradient of this norm by: at most 1, and 1 for a norm that is not finite.
pub fn clip_factor(norm: f64, max_norm: f64) -> f64 {
    let factor = max_norm / (norm + NORM_MARGIN);
    if norm.is_finite() && factor < 1.0 { factor } else { 1.0 }
}
