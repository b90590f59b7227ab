//! Conjugate gradient.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{SolverSettingError, require};
use crate::{Real, axpy, dot};

/// The settings of conjugate gradient, which runs until
///
///   ‖r‖ ≤ max(absolute_tolerance, relative_tolerance · ‖b‖)
///
/// or until `max_iterations` products with the operator are spent. With both tolerances 0 it stops early
/// only where the residual is exactly 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConjugateGradient {
    /// The most iterations, each of which costs one product; 10 (Schulman et al. 2015, appendix C; `cg_iters`
    /// of OpenAI's baselines).
    pub max_iterations: usize,
    /// A residual norm that is small enough whatever the right side; 1e-10 (`residual_tol` of OpenAI's
    /// baselines). There it bounds ‖r‖², so that baselines stops at 1e-5 already; here it bounds ‖r‖, which
    /// keeps a small gradient from counting as solved by 0.
    pub absolute_tolerance: f64,
    /// A residual norm that is small enough, as a share of ‖b‖; 0, none (baselines has only the absolute one).
    pub relative_tolerance: f64,
}

impl Default for ConjugateGradient {
    fn default() -> Self {
        Self { max_iterations: 10, absolute_tolerance: 1e-10, relative_tolerance: 0.0 }
    }
}

impl ConjugateGradient {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings with another cap on the iterations.
    pub fn with_max_iterations(self, max_iterations: usize) -> Self {
        Self { max_iterations, ..self }
    }

    /// The settings with another bound on ‖r‖.
    pub fn with_absolute_tolerance(self, absolute_tolerance: f64) -> Self {
        Self { absolute_tolerance, ..self }
    }

    /// The settings with another bound on ‖r‖ / ‖b‖.
    pub fn with_relative_tolerance(self, relative_tolerance: f64) -> Self {
        Self { relative_tolerance, ..self }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Unless there is at least one iteration, the absolute tolerance is finite and not negative, and the
    /// relative one at least 0 and below 1, from where on x = 0 would always do.
    pub fn check(&self) -> Result<(), SolverSettingError> {
        let (absolute, relative) = (self.absolute_tolerance, self.relative_tolerance);
        require(self.max_iterations > 0, "max_iterations", 0.0, "at least 1")?;
        require(
            absolute >= 0.0 && absolute.is_finite(),
            "absolute_tolerance",
            absolute,
            "at least 0, finite",
        )?;
        require((0.0..1.0).contains(&relative), "relative_tolerance", relative, "at least 0 and below 1")
    }
}

/// How a run of conjugate gradient ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CgInfo {
    /// The iterations done, which is the number of products with the operator (one more after a warm start).
    pub iterations: usize,
    /// ‖r‖ of the residual that the iteration carries along. In exact arithmetic r = b − A x; in `f32` the
    /// true residual stops falling at about 1e-7 · ‖A‖ · ‖x‖ while this one goes on.
    pub residual_norm: f64,
    /// ‖r‖ / ‖b‖; 0 where b = 0.
    pub relative_residual: f64,
    /// The bound that `residual_norm` had to meet.
    pub tolerance: f64,
    /// xᵀ A x, as xᵀ(b − r), which costs no product and holds wherever the iteration stops. It is 0 where
    /// x = 0, as for a right side within the tolerance: a caller that divides by it has to look.
    pub curvature: f64,
    /// Whether `residual_norm` met the tolerance. Running into `max_iterations` is a normal end: TRPO stops
    /// after a fixed few iterations on purpose.
    pub converged: bool,
}

impl CgInfo {
    /// The same, but an error where the cap on iterations came before the tolerance.
    ///
    /// # Errors
    /// [`CgError::NonConvergence`] unless [`converged`](Self::converged).
    pub fn require_converged(self) -> Result<Self, CgError> {
        let Self { iterations, residual_norm, tolerance, .. } = self;
        if self.converged {
            Ok(self)
        } else {
            Err(CgError::NonConvergence { iterations, residual_norm, tolerance })
        }
    }
}

/// Why conjugate gradient has no solution to give.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CgError {
    /// The operator is not positive definite: along a direction p ≠ 0 the curvature is zero or negative, and
    /// there is no minimum to go to.
    #[error("pᵀAp is {curvature:e} after {iteration} iterations: the operator is not positive definite")]
    NegativeCurvature {
        /// The iterations completed before.
        iteration: usize,
        /// pᵀ A p.
        curvature: f64,
    },
    /// The cap on iterations came before the tolerance; only where convergence was asked for.
    #[error("the residual is {residual_norm:e} after {iterations} iterations, above {tolerance:e}")]
    NonConvergence {
        /// The iterations done, all that were allowed.
        iterations: usize,
        /// ‖r‖ at the end.
        residual_norm: f64,
        /// The bound that it had to meet.
        tolerance: f64,
    },
    /// A NaN or an infinity turned up.
    #[error("{quantity} is not finite after {iteration} iterations")]
    NotFinite {
        /// The iterations completed before.
        iteration: usize,
        /// What is not finite, in words.
        quantity: &'static str,
    },
}

/// Conjugate gradient for A x = b with a symmetric positive definite operator A, and its workspace.
///
/// With r₀ = b − A x₀, p₀ = r₀ and k = 0, 1, …
///
///   α_k = r_kᵀr_k / p_kᵀAp_k,  x_{k+1} = x_k + α_k p_k,  r_{k+1} = r_k − α_k A p_k
///   β_{k+1} = r_{k+1}ᵀr_{k+1} / r_kᵀr_k,  p_{k+1} = r_{k+1} + β_{k+1} p_k
///
/// Source: Hestenes & Stiefel 1952; Nocedal & Wright 2006, algorithm 5.2, with r of the opposite sign. In terms
/// of g = Ax − b = −r and d = p the same β is
///
///   β_k = (d_{k−1}ᵀ A g_k) / (d_{k−1}ᵀ A d_{k−1}),
///
/// which is what makes d_k conjugate to d_{k−1}; the d_k that is sometimes printed in the denominator does not.
/// The quotient of residuals needs no product more.
///
/// Departures: vectors are `T`, inner products and both quotients `f64`. Entries of an `f64` right side below
/// 1e-154 count as 0, since their squares do.
///
/// # Shapes
/// `rhs`, `x`, and both arguments of the operator: `[len]`. `operator(v, out)` overwrites all of `out` with A v;
/// what `out` holds before is unspecified. It must be symmetric, which is not checked.
///
/// # Errors
/// [`CgError::NegativeCurvature`] where pᵀAp ≤ 0; [`CgError::NotFinite`] where the right side, the start, a
/// product or the result has a NaN or an infinity. On every error `x` is as it was before the call.
///
/// # Panics
/// The solving methods panic if the length of `rhs` or `x` is not the solver's.
///
/// ```
/// use gradus_core_math::{CgSolver, ConjugateGradient};
/// let mut solver = CgSolver::new(ConjugateGradient::new(), 2)?;
/// let mut x = [0.0; 2];
/// let product = |v: &[f64], out: &mut [f64]| {
///     out[0] = 4.0 * v[0] + v[1];
///     out[1] = v[0] + 3.0 * v[1];
/// };
/// let info = solver.solve(product, &[1.0, 2.0], &mut x)?;
/// assert!(info.converged && info.iterations == 2);
/// assert!((x[0] - 1.0 / 11.0).abs() < 1e-15 && (x[1] - 7.0 / 11.0).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CgSolver<T> {
    settings: ConjugateGradient,
    /// x_k. The caller's vector is written at the end only, so that an error leaves it alone.
    solution: Vec<T>,
    /// r_k.
    residual: Vec<T>,
    /// p_k.
    direction: Vec<T>,
    /// A p_k.
    product: Vec<T>,
}

impl<T: Real> CgSolver<T> {
    /// A solver for systems of `len` unknowns. It allocates here and never again.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn new(settings: ConjugateGradient, len: usize) -> Result<Self, SolverSettingError> {
        settings.check()?;
        let zeros = || vec![T::zero(); len];
        Ok(Self { settings, solution: zeros(), residual: zeros(), direction: zeros(), product: zeros() })
    }

    /// The settings.
    pub fn settings(&self) -> &ConjugateGradient {
        &self.settings
    }

    /// The number of unknowns.
    pub fn unknowns(&self) -> usize {
        self.solution.len()
    }

    /// Solves from x = 0; what `x` holds before does not matter. A right side of zeros is solved by 0
    /// without a product.
    ///
    /// Shapes, errors and panics are the type's; running into the cap is no error.
    pub fn solve(
        &mut self,
        operator: impl FnMut(&[T], &mut [T]),
        rhs: &[T],
        x: &mut [T],
    ) -> Result<CgInfo, CgError> {
        self.check_lengths(rhs, x);
        let info = self.iterate_from_zero(operator, rhs)?;
        x.copy_from_slice(&self.solution);
        Ok(info)
    }

    /// As [`solve`](Self::solve), but refuses a solution that is not within the tolerance.
    ///
    /// # Errors
    /// Those of the type, and [`CgError::NonConvergence`].
    pub fn solve_to_tolerance(
        &mut self,
        operator: impl FnMut(&[T], &mut [T]),
        rhs: &[T],
        x: &mut [T],
    ) -> Result<CgInfo, CgError> {
        self.check_lengths(rhs, x);
        let info = self.iterate_from_zero(operator, rhs)?.require_converged()?;
        x.copy_from_slice(&self.solution);
        Ok(info)
    }

    /// As [`solve`](Self::solve), but starts at the `x` that it is given, which costs one product more.
    ///
    /// A start near the solution saves iterations; one that is far costs some. `residual_norm` is then
    /// measured against the same ‖b‖.
    pub fn solve_from(
        &mut self,
        mut operator: impl FnMut(&[T], &mut [T]),
        rhs: &[T],
        x: &mut [T],
    ) -> Result<CgInfo, CgError> {
        self.check_lengths(rhs, x);
        self.solution.copy_from_slice(x);
        operator(&self.solution, &mut self.product);
        self.residual.copy_from_slice(rhs);
        axpy(-T::one(), &self.product, &mut self.residual);
        let info = self.iterate(operator, rhs)?;
        x.copy_from_slice(&self.solution);
        Ok(info)
    }

    fn check_lengths(&self, rhs: &[T], x: &[T]) {
        assert_eq!(rhs.len(), self.unknowns(), "the right side has the solver's length");
        assert_eq!(x.len(), self.unknowns(), "the solution has the solver's length");
    }

    fn iterate_from_zero(
        &mut self,
        operator: impl FnMut(&[T], &mut [T]),
        rhs: &[T],
    ) -> Result<CgInfo, CgError> {
        self.solution.fill(T::zero());
        self.residual.copy_from_slice(rhs);
        self.iterate(operator, rhs)
    }

    /// The loop, from the `solution` and its `residual` on.
    fn iterate(&mut self, mut operator: impl FnMut(&[T], &mut [T]), rhs: &[T]) -> Result<CgInfo, CgError> {
        let rhs_norm = finite(0, "the norm of the right side", dot(rhs, rhs))?.sqrt();
        let ConjugateGradient { max_iterations, absolute_tolerance, relative_tolerance } = self.settings;
        let tolerance = absolute_tolerance.max(relative_tolerance * rhs_norm);
        if rhs_norm == 0.0 {
            // The one solution is 0, wherever a warm start would begin.
            self.solution.fill(T::zero());
            self.residual.fill(T::zero());
        }
        self.direction.copy_from_slice(&self.residual);
        let mut squared = finite(0, "the first residual", dot(&self.residual, &self.residual))?;
        let mut iterations = 0;
        while squared.sqrt() > tolerance && iterations < max_iterations {
            operator(&self.direction, &mut self.product);
            squared = self.advance(iterations, squared)?;
            iterations += 1;
        }
        self.info(iterations, squared.sqrt(), rhs_norm, tolerance, rhs)
    }

    /// One step, given A p_k in `product` and `squared` = r_kᵀr_k > 0; returns r_{k+1}ᵀr_{k+1}.
    fn advance(&mut self, iteration: usize, squared: f64) -> Result<f64, CgError> {
        let curvature = finite(iteration, "pᵀAp", dot(&self.direction, &self.product))?;
        if curvature <= 0.0 {
            return Err(CgError::NegativeCurvature { iteration, curvature });
        }
        let alpha = T::of(squared / curvature);
        axpy(alpha, &self.direction, &mut self.solution);
        axpy(-alpha, &self.product, &mut self.residual);
        let next = finite(iteration, "the residual", dot(&self.residual, &self.residual))?;
        let beta = T::of(next / squared);
        for (p, &r) in self.direction.iter_mut().zip(&self.residual) {
            *p = r + beta * *p;
        }
        Ok(next)
    }

    /// What to report of the `solution` and its `residual`.
    fn info(
        &self,
        iterations: usize,
        residual_norm: f64,
        rhs_norm: f64,
        tolerance: f64,
        rhs: &[T],
    ) -> Result<CgInfo, CgError> {
        if !self.solution.iter().all(|x| x.is_finite()) {
            return Err(CgError::NotFinite { iteration: iterations, quantity: "the solution" });
        }
        let curvature = dot(&self.solution, rhs) - dot(&self.solution, &self.residual);
        Ok(CgInfo {
            iterations,
            residual_norm,
            relative_residual: if rhs_norm == 0.0 { 0.0 } else { residual_norm / rhs_norm },
            tolerance,
            curvature: finite(iterations, "xᵀAx", curvature)?,
            converged: residual_norm <= tolerance,
        })
    }
}

/// The value, if it is finite.
fn finite(iteration: usize, quantity: &'static str, value: f64) -> Result<f64, CgError> {
    if value.is_finite() { Ok(value) } else { Err(CgError::NotFinite { iteration, quantity }) }
}
