//! Adam.

use serde::{Deserialize, Serialize};

use super::{Optimizer, OptimizerError, OptimizerState, check_decay, check_epsilon};
use crate::Real;

/// The settings of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the first moment; 0.9 (Kingma & Ba 2015, algorithm 1).
    pub beta1: f64,
    /// Decay of the second moment; 0.999 (Kingma & Ba 2015, algorithm 1).
    pub beta2: f64,
    /// Addend of the denominator; 1e-8 (Kingma & Ba 2015, algorithm 1).
    pub epsilon: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl AdamConfig {
    /// The settings of the paper.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings with other decay rates.
    pub fn with_betas(self, beta1: f64, beta2: f64) -> Self {
        Self { beta1, beta2, ..self }
    }

    /// The settings with another addend of the denominator.
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }
}

/// Adam (Kingma & Ba 2015, algorithm 1), with the bias corrections where PyTorch puts them.
///
///   m ← m + (1 − β₁)(g − m)
///   v ← β₂ v + (1 − β₂) g²
///   θ ← θ − (α / (1 − β₁ᵗ)) · m / (√v / √(1 − β₂ᵗ) + ε),  t = 1, 2, …
///
/// ε stands outside of the corrected root, as in the paper's algorithm 1.
///
/// The step is elementwise, so that its bits do not depend on how the vector is cut. A caller with threads
/// takes [`begin_step`](Self::begin_step) and applies the [`AdamStep`] to pieces.
///
/// ```
/// use gradus_core_math::{Adam, AdamConfig, Optimizer};
/// let mut adam = Adam::new(AdamConfig::new(), 2)?;
/// let mut params = [1.0, 1.0_f64];
/// adam.step(&mut params, &[5.0, -0.1], 0.01);
/// // The first step has the length of the learning rate, whatever the gradient's scale.
/// assert!((params[0] - 0.99).abs() < 1e-8 && (params[1] - 1.01).abs() < 1e-8);
/// # Ok::<(), gradus_core_math::OptimizerError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Adam<T> {
    config: AdamConfig,
    steps: u64,
    m: Vec<T>,
    v: Vec<T>,
}

impl<T: Real> Adam<T> {
    /// Adam for `len` parameters, both moments zero.
    ///
    /// # Errors
    /// Unless 0 ≤ β < 1 and 0 < ε < ∞.
    pub fn new(config: AdamConfig, len: usize) -> Result<Self, OptimizerError> {
        check_decay("beta1", config.beta1)?;
        check_decay("beta2", config.beta2)?;
        check_epsilon(config.epsilon)?;
        Ok(Self { config, steps: 0, m: vec![T::zero(); len], v: vec![T::zero(); len] })
    }

    /// Counts a step and returns its constants with the moments (m, v), to which, and to the parameters,
    /// the caller then applies it piece by piece, every index once.
    pub fn begin_step(&mut self, learning_rate: f64) -> (AdamStep<T>, &mut [T], &mut [T]) {
        self.steps += 1;
        (AdamStep::new(&self.config, self.steps, learning_rate), &mut self.m, &mut self.v)
    }

    /// The settings.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments (m, v).
    pub fn moments(&self) -> (&[T], &[T]) {
        (&self.m, &self.v)
    }
}

/// One step of [`Adam`], as a function on any piece of the vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep<T> {
    m_weight: T,
    v_decay: T,
    v_weight: T,
    step_size: T,
    root_scale: T,
    epsilon: T,
}

impl<T: Real> AdamStep<T> {
    /// The constants of step number `count`, the first of which is 1.
    pub fn new(config: &AdamConfig, count: u64, learning_rate: f64) -> Self {
        let AdamConfig { beta1, beta2, epsilon } = *config;
        // The exponent is exact up to 2^53 steps.
        let count = count as f64;
        Self {
            m_weight: T::of(1.0 - beta1),
            v_decay: T::of(beta2),
            v_weight: T::of(1.0 - beta2),
            step_size: T::of(learning_rate / (1.0 - beta1.powf(count))),
            root_scale: T::of(1.0 / (1.0 - beta2.powf(count)).sqrt()),
            epsilon: T::of(epsilon),
        }
    }

    /// Applies the step to one piece of the parameters, with the same piece of gradient and moments.
    ///
    /// It is always inlined, so that a caller compiled for wider vectors gets a loop of that width; the
    /// result does not depend on the width, as no operation is contracted.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline(always)]
    pub fn apply(&self, params: &mut [T], gradient: &[T], m: &mut [T], v: &mut [T]) {
        let len = params.len();
        assert!(
            gradient.len() == len && m.len() == len && v.len() == len,
            "pieces of one step have one length"
        );
        for (((param, &g), m), v) in params.iter_mut().zip(gradient).zip(m).zip(v) {
            // Reading again what was just written would wait for it, long where a register reaches over two cache lines.
            let (next_m, next_v) =
                (*m + self.m_weight * (g - *m), self.v_decay * *v + self.v_weight * (g * g));
            (*m, *v) = (next_m, next_v);
            *param -= self.step_size * next_m / (next_v.sqrt() * self.root_scale + self.epsilon);
        }
    }
}

impl<T: Real> Optimizer<T> for Adam<T> {
    fn step(&mut self, params: &mut [T], gradient: &[T], learning_rate: f64) {
        let (step, m, v) = self.begin_step(learning_rate);
        step.apply(params, gradient, m, v);
    }

    fn moment_names(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn state(&self) -> OptimizerState<T> {
        OptimizerState { steps: self.steps, moments: vec![self.m.clone(), self.v.clone()] }
    }

    fn load(&mut self, state: OptimizerState<T>) -> Result<(), OptimizerError> {
        let steps = state.steps;
        [self.m, self.v] = state.into_moments(self.m.len())?;
        self.steps = steps;
        Ok(())
    }
}
