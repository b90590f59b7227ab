//! The distribution of the candidates, and one step of it.

use gradus_core_math::{axpy, dot, norm};
use gradus_policy::{SearchError, UpdateError, UpdateState};

use super::covariance::{Change, Covariance, check_finite};
use super::parameters::StrategyParameters;
use crate::state::{take_scale, take_vector};

/// The most that ln σ may rise by in one generation, as in `cma` 4.5.0; it falls by less than c_σ/d_σ < 1 anyway.
const MAX_LOG_STEP: f64 = 1.0;

/// N(mean, σ² C), with the paths that steer σ and C.
#[derive(Clone, Debug)]
pub(crate) struct SearchDistribution {
    /// m, `[n]`.
    pub(crate) mean: Vec<f64>,
    /// σ.
    pub(crate) step_size: f64,
    /// p_σ, `[n]`.
    pub(crate) path_sigma: Vec<f64>,
    /// p_c, `[n]`.
    pub(crate) path_c: Vec<f64>,
    /// C.
    pub(crate) covariance: Covariance,
}

/// What one generation drew, sorted: z and y = C^½ z of every candidate, best first.
pub(crate) struct Sorted<'a> {
    pub(crate) z: Vec<&'a [f64]>,
    pub(crate) y: Vec<&'a [f64]>,
}

/// What one step came to, beside the distribution.
pub(crate) struct StepInfo {
    /// ‖p_σ‖/E‖N(0, 1)‖.
    pub(crate) path_length: f64,
    /// Whether p_c stood still: h_σ = 0.
    pub(crate) stalled: bool,
}

impl SearchDistribution {
    /// The next distribution (Hansen 2016, equations 41 to 47).
    ///
    /// With ⟨y⟩ = Σ_{i≤μ} w_i y_{i:λ} and the same of z,
    ///
    ///   m ← m + σ ⟨y⟩
    ///
    ///   p_σ ← (1−c_σ) p_σ + √(c_σ(2−c_σ) μ_eff) ⟨z⟩
    ///
    ///   p_c ← (1−c_c) p_c + h_σ √(c_c(2−c_c) μ_eff) ⟨y⟩
    ///
    ///   C ← (1 + c_1 (1−h_σ) c_c(2−c_c) − c_1 − c_μ Σ w_i) C + c_1 p_c p_cᵀ + c_μ Σ_i w_i° y_{i:λ} y_{i:λ}ᵀ
    ///
    ///   σ ← σ exp(min(1, (c_σ/d_σ)(‖p_σ‖/E‖N(0,1)‖ − 1)))
    ///
    /// where w_i° is w_i, or w_i n/‖z_{i:λ}‖² for weights below 0, and h_σ is 0 while the path of the step size is long
    /// ([`is_long`]). ⟨z⟩ is C^−½ ⟨y⟩, ‖z‖ is ‖C^−½ y‖, because y was drawn as C^½ z.
    ///
    /// # Errors
    /// When a number is not finite.
    pub(crate) fn stepped(
        &self,
        parameters: &StrategyParameters,
        expected_norm: f64,
        sorted: &Sorted<'_>,
        generation: u64,
    ) -> Result<(Self, StepInfo), SearchError> {
        let mut next = self.clone();
        let mean_y = weighted_mean(parameters, &sorted.y);
        let mean_z = weighted_mean(parameters, &sorted.z);
        axpy(self.step_size, &mean_y, &mut next.mean);

        let StrategyParameters { c_sigma, d_sigma, c_c, .. } = *parameters;
        let mu_eff = parameters.mu_eff();
        follow(&mut next.path_sigma, c_sigma, (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt(), &mean_z);
        let stalled = is_long(&next.path_sigma, c_sigma, generation);
        let gain = if stalled { 0.0 } else { (c_c * (2.0 - c_c) * mu_eff).sqrt() };
        follow(&mut next.path_c, c_c, gain, &mean_y);

        let change = covariance_change(parameters, sorted, &next.path_c, stalled);
        next.covariance.change(&change);
        let path_length = norm(&next.path_sigma) / expected_norm;
        next.step_size *= (c_sigma / d_sigma * (path_length - 1.0)).min(MAX_LOG_STEP).exp();

        check_finite(&[next.step_size], "the step size", generation)?;
        check_finite(&next.mean, "the mean", generation)?;
        check_finite(&next.path_c, "the path of the covariance", generation)?;
        next.covariance.refresh(generation)?;
        Ok((next, StepInfo { path_length, stalled }))
    }

    pub(crate) fn save(&self, state: &mut UpdateState<f64>) {
        state.tensors.insert("mean".into(), self.mean.clone());
        state.tensors.insert("path_sigma".into(), self.path_sigma.clone());
        state.tensors.insert("path_c".into(), self.path_c.clone());
        state.scalars.insert("step_size".into(), self.step_size);
        self.covariance.save(state);
    }

    /// The saved distribution, of the same form and dimension as this one.
    pub(crate) fn taken_from(&self, state: &mut UpdateState<f64>) -> Result<Self, UpdateError> {
        let n = self.mean.len();
        Ok(Self {
            mean: take_vector(state, "mean", n)?,
            step_size: take_scale(state, "step_size")?,
            path_sigma: take_vector(state, "path_sigma", n)?,
            path_c: take_vector(state, "path_c", n)?,
            covariance: self.covariance.taken_from(state)?,
        })
    }
}

/// Σ_{i≤μ} w_i v_i.
fn weighted_mean(parameters: &StrategyParameters, sorted: &[&[f64]]) -> Vec<f64> {
    let mut mean = vec![0.0; sorted.first().map_or(0, |v| v.len())];
    for (&weight, v) in parameters.weights[..parameters.parents()].iter().zip(sorted) {
        axpy(weight, v, &mut mean);
    }
    mean
}

/// path ← (1−rate) path + gain · step.
fn follow(path: &mut [f64], rate: f64, gain: f64, step: &[f64]) {
    for (path, step) in path.iter_mut().zip(step) {
        *path = (1.0 - rate) * *path + gain * step;
    }
}

/// Whether p_σ is so long after `generation` steps that σ is still far too small, and p_c is to wait for it:
/// ‖p_σ‖²/(1 − (1−c_σ)^{2t}) ≥ n (2 + 4/(n+1)).
///
/// So `cma` 4.5.0; the tutorial has ‖p_σ‖/√(1 − (1−c_σ)^{2t}) ≥ (1.4 + 2/(n+1)) E‖N(0,1)‖, nearly the same.
fn is_long(path_sigma: &[f64], c_sigma: f64, generation: u64) -> bool {
    let n = path_sigma.len() as f64;
    let started = 1.0 - (1.0 - c_sigma).powf(2.0 * generation as f64);
    dot(path_sigma, path_sigma) / started >= n * (2.0 + 4.0 / (n + 1.0))
}

/// How C changes: see [`SearchDistribution::stepped`].
fn covariance_change<'a>(
    parameters: &StrategyParameters,
    sorted: &Sorted<'a>,
    path_c: &'a [f64],
    stalled: bool,
) -> Change<'a> {
    let StrategyParameters { c_c, c_1, c_mu, .. } = *parameters;
    // A path that stood still is too short: C keeps the variance that the path would have brought.
    let kept = if stalled { c_1 * c_c * (2.0 - c_c) } else { 0.0 };
    let keep = 1.0 + kept - c_1 - c_mu * parameters.weights.iter().sum::<f64>();
    let mut terms = vec![(c_1, path_c)];
    for ((&weight, z), &y) in parameters.weights.iter().zip(&sorted.z).zip(&sorted.y) {
        let length = dot(z, z);
        // A vector of zeros has no direction to take variance from.
        let scale = if weight >= 0.0 {
            1.0
        } else if length > 0.0 {
            z.len() as f64 / length
        } else {
            0.0
        };
        terms.push((c_mu * weight * scale, y));
    }
    Change { keep, terms }
}
