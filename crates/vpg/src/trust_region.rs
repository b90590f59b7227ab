//! A trust region for the gradient of each row, in the space of the distribution's parameters.

use gradus_core_math::{Distribution, Real, dot};
use gradus_policy::{Batch, UpdateError, check_setting};
use serde::{Deserialize, Serialize};

/// The settings of the trust region around an average policy.
///
/// The defaults are those of Wang et al. 2016, section 6: δ = 1 and α = 0.99.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRegionConfig {
    /// δ: how fast, along a row's gradient, KL(π_average‖π) may grow.
    pub max_kl: f64,
    /// α of the average policy: θ_a ← α θ_a + (1−α) θ after each update.
    pub average_decay: f64,
}

impl Default for TrustRegionConfig {
    fn default() -> Self {
        Self { max_kl: 1.0, average_decay: 0.99 }
    }
}

impl TrustRegionConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another δ.
    pub fn with_max_kl(self, max_kl: f64) -> Self {
        Self { max_kl, ..self }
    }

    /// Another α.
    pub fn with_average_decay(self, average_decay: f64) -> Self {
        Self { average_decay, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), UpdateError> {
        let max_kl = self.max_kl;
        check_setting("max_kl", max_kl, max_kl.is_finite() && max_kl >= 0.0, "a number from 0 on")?;
        let decay = self.average_decay;
        check_setting("average_decay", decay, (0.0..=1.0).contains(&decay), "from 0 to 1")
    }
}

/// `gradient` ← z, the vector nearest to it that satisfies kᵀz ≤ δ. Returns whether it changed.
///
///   z = g − max(0, (kᵀg − δ)/‖k‖²) k  solves  min ½‖g − z‖²  subject to  kᵀz ≤ δ
///
/// Source: Wang et al. 2016 (ACER), section 3.3, equations 11 and 12. g is the derivative of the objective in the
/// parameters φ of one row's distribution and k = ∇_φ KL(φ_average‖φ), so that the linear model of the KL grows by δ
/// at most along z. Derivation: with the multiplier λ ≥ 0 the stationary point is z = g − λ k; either λ = 0 is feasible
/// or kᵀz = δ gives λ. kᵀg > δ ≥ 0 implies k ≠ 0.
///
/// # Shapes
/// `gradient`, `k`: `[n_params]`.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use gradus_vpg::trust_region_gradient;
/// let mut gradient = [3.0, 1.0];
/// assert!(trust_region_gradient(&mut gradient, &[2.0, 0.0], 1.0));
/// assert_eq!(gradient, [0.5, 1.0]);
/// assert!(!trust_region_gradient(&mut gradient, &[2.0, 0.0], 1.0));
/// ```
pub fn trust_region_gradient<T: Real>(gradient: &mut [T], k: &[T], max_kl: f64) -> bool {
    let excess = dot(k, gradient) - max_kl;
    // A NaN goes on into the gradient.
    if excess <= 0.0 {
        return false;
    }
    let scale = excess / dot(k, k);
    for (g, &k) in gradient.iter_mut().zip(k) {
        *g = T::of(g.wide() - scale * k.wide());
    }
    true
}

/// What the trust region did to a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Projected {
    /// The mean of KL(π_average‖π).
    pub(crate) kl_average_new: f64,
    /// The share of rows whose gradient was changed.
    pub(crate) share: f64,
}

/// Brings the cotangent of a loss, −g/D in each row's parameters, to −z/D.
///
/// # Shapes
/// `outputs`, `cotangent`: `[B, n_params + 1]`; `average`, parameters of the average policy: `[B, n_params]`.
pub(crate) fn project<T: Real>(
    max_kl: f64,
    distribution: &Distribution,
    batch: &Batch<'_, T>,
    (outputs, average): (&[T], &[T]),
    divisor: usize,
    cotangent: &mut [T],
) -> Projected {
    let (n_params, mask_width) = (distribution.n_params(), distribution.mask_width());
    let (mut kl, mut changed) = (0.0, 0);
    let (mut gradient, mut k) = (vec![T::zero(); n_params], vec![T::zero(); n_params]);
    let rows = outputs.chunks_exact(n_params + 1).zip(average.chunks_exact(n_params));
    for (i, ((output, average), cotangent)) in rows.zip(cotangent.chunks_exact_mut(n_params + 1)).enumerate()
    {
        let (params, mask) = (&output[..n_params], batch.mask(mask_width, i));
        kl += distribution.kl(average, params, mask).wide();
        k.fill(T::zero());
        distribution.add_kl_gradient_q(average, params, mask, T::one(), &mut k);
        let to_params = &mut cotangent[..n_params];
        let scale = -(divisor as f64);
        for (g, c) in gradient.iter_mut().zip(to_params.iter()) {
            *g = T::of(scale * c.wide());
        }
        if trust_region_gradient(&mut gradient, &k, max_kl) {
            changed += 1;
            for (c, z) in to_params.iter_mut().zip(&gradient) {
                *c = T::of(z.wide() / scale);
            }
        }
    }
    let n = batch.len() as f64;
    Projected { kl_average_new: kl / n, share: f64::from(changed) / n }
}
