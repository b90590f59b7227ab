//! Divergences between two distributions of one family, their gradients, and the Fisher information.

use super::{Distribution, bernoulli, categorical, diag_gaussian, parts};
use crate::Real;

/// The largest number of joint actions over which [`Distribution::total_variation`] sums.
pub const TOTAL_VARIATION_ENUMERATION_LIMIT: usize = 1 << 16;

/// p (log p − log q) + q − p, which is never negative. Summed over all outcomes it gives D_KL, since p and
/// q both sum to 1; unlike the sum of p (log p − log q) it does not lose D_KL to cancellation where p ≈ q.
#[inline]
pub(super) fn divergence_term(log_p: f64, log_q: f64) -> f64 {
    let (p, difference) = (log_p.exp(), log_p - log_q);
    let term = if difference.abs() < 0.5 {
        p * ((-difference).exp_m1() + difference)
    } else if p > 0.0 {
        p * difference + (log_q.exp() - p)
    } else {
        // p log p → 0, and NaN stays.
        p + log_q.exp()
    };
    if term < 0.0 { 0.0 } else { term }
}

impl Distribution {
    /// The relative entropy D_KL(p‖q) = E_p[log p − log q] in nats.
    ///
    /// With p = π_old and q = π_new this is `kl_old_new`. Masked entries add 0.
    ///
    /// - categorical: Σ_i p_i (log p_i − log q_i); products of families add up
    /// - Gaussian: Σ_i ln(σ_q/σ_p) + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − ½
    ///
    /// Both are summed in a form whose terms cannot be negative, in `f64`.
    pub fn kl<T: Real>(&self, p_params: &[T], q_params: &[T], mask: Option<&[bool]>) -> T {
        self.assert_pair(p_params, q_params, mask);
        T::of(match self {
            Self::Categorical { .. } => categorical::kl(p_params, q_params, mask),
            Self::MultiCategorical { sizes } => parts(sizes, p_params, mask)
                .zip(parts(sizes, q_params, mask))
                .map(|(p, q)| categorical::kl(p.params, q.params, p.mask))
                .sum(),
            Self::Bernoulli { .. } => bernoulli::kl(p_params, q_params),
            Self::DiagGaussian { .. } => diag_gaussian::kl(p_params, q_params),
        })
    }

    /// The cross-entropy −E_p[log q] = H(p) + D_KL(p‖q) in nats.
    pub fn cross_entropy<T: Real>(&self, p_params: &[T], q_params: &[T], mask: Option<&[bool]>) -> T {
        self.assert_pair(p_params, q_params, mask);
        T::of(match self {
            Self::Categorical { .. } => categorical::cross_entropy(p_params, q_params, mask),
            Self::MultiCategorical { sizes } => parts(sizes, p_params, mask)
                .zip(parts(sizes, q_params, mask))
                .map(|(p, q)| categorical::cross_entropy(p.params, q.params, p.mask))
                .sum(),
            Self::Bernoulli { .. } => bernoulli::cross_entropy(p_params, q_params),
            Self::DiagGaussian { .. } => diag_gaussian::cross_entropy(p_params, q_params),
        })
    }

    /// The total variation D_TV(p, q) = ½ ∫|p − q| = max_A |p(A) − q(A)|, exactly, or `None` where no exact
    /// value is cheap.
    ///
    /// - categorical: ½ Σ_i |p_i − q_i|
    /// - multi-categorical and Bernoulli: the same sum over all joint actions, if they are at most
    ///   [`TOTAL_VARIATION_ENUMERATION_LIMIT`]. (The total variation of a product is not the sum over its
    ///   factors, which only bounds it from above.) This allocates.
    /// - Gaussian: erf(‖(μ_p − μ_q)/σ‖/(2√2)) if all standard deviations are equal; from the two points
    ///   where the densities cross if p and q differ in one dimension only.
    ///
    /// Where it is `None`, Pinsker's inequality D_TV ≤ √(D_KL/2) bounds it.
    pub fn total_variation<T: Real>(
        &self,
        p_params: &[T],
        q_params: &[T],
        mask: Option<&[bool]>,
    ) -> Option<T> {
        self.assert_pair(p_params, q_params, mask);
        let value = match self {
            Self::Categorical { .. } => Some(categorical::total_variation(p_params, q_params, mask)),
            Self::MultiCategorical { sizes } => {
                let factors = |params| {
                    let mut out = Vec::with_capacity(self.n_params());
                    for part in parts::<T>(sizes, params, mask) {
                        categorical::push_probabilities(part.params, part.mask, &mut out);
                    }
                    out
                };
                enumerated_total_variation(&factors(p_params), &factors(q_params), sizes)
            }
            Self::Bernoulli { n } => {
                let factors = |params: &[T]| -> Vec<f64> {
                    let pair = |x: f64| [bernoulli::sigmoid(x), bernoulli::sigmoid(-x)];
                    params.iter().flat_map(|x| pair(x.wide())).collect()
                };
                enumerated_total_variation(&factors(p_params), &factors(q_params), &vec![2; *n])
            }
            Self::DiagGaussian { .. } => diag_gaussian::total_variation(p_params, q_params),
        };
        value.map(T::of)
    }

    /// gradient += `coef` · ∂D_KL(p‖q)/∂φ_q: what a penalty on `kl_old_new` adds for the new policy.
    ///
    /// | family | ∂D_KL(p‖q)/∂φ_q |
    /// |---|---|
    /// | categorical, Bernoulli | q_i − p_i |
    /// | Gaussian, mean | (μ_q − μ_p)/σ_q² |
    /// | Gaussian, ln σ | 1 − (σ_p² + (μ_p − μ_q)²)/σ_q² |
    pub fn add_kl_gradient_q<T: Real>(
        &self,
        p_params: &[T],
        q_params: &[T],
        mask: Option<&[bool]>,
        coef: T,
        gradient: &mut [T],
    ) {
        self.assert_pair(p_params, q_params, mask);
        assert_eq!(gradient.len(), p_params.len(), "the gradient has the parameters' length");
        match self {
            Self::Categorical { .. } => {
                categorical::add_kl_gradient_q(p_params, q_params, mask, coef, gradient);
            }
            Self::MultiCategorical { sizes } => {
                for (p, q) in parts(sizes, p_params, mask).zip(parts(sizes, q_params, mask)) {
                    let slots = &mut gradient[p.start..][..p.params.len()];
                    categorical::add_kl_gradient_q(p.params, q.params, p.mask, coef, slots);
                }
            }
            Self::Bernoulli { .. } => bernoulli::add_kl_gradient_q(p_params, q_params, coef, gradient),
            Self::DiagGaussian { .. } => {
                diag_gaussian::add_kl_gradient_q(p_params, q_params, coef, gradient);
            }
        }
    }

    /// gradient += `coef` · ∂D_KL(p‖q)/∂φ_p.
    ///
    /// | family | ∂D_KL(p‖q)/∂φ_p |
    /// |---|---|
    /// | categorical | p_i (log p_i − log q_i − D_KL) |
    /// | Bernoulli | σ(x_i) σ(−x_i) (x_i − y_i), x and y the logits of p and q |
    /// | Gaussian, mean | (μ_p − μ_q)/σ_q² |
    /// | Gaussian, ln σ | σ_p²/σ_q² − 1 |
    pub fn add_kl_gradient_p<T: Real>(
        &self,
        p_params: &[T],
        q_params: &[T],
        mask: Option<&[bool]>,
        coef: T,
        gradient: &mut [T],
    ) {
        self.assert_pair(p_params, q_params, mask);
        assert_eq!(gradient.len(), p_params.len(), "the gradient has the parameters' length");
        match self {
            Self::Categorical { .. } => {
                categorical::add_kl_gradient_p(p_params, q_params, mask, coef, gradient);
            }
            Self::MultiCategorical { sizes } => {
                for (p, q) in parts(sizes, p_params, mask).zip(parts(sizes, q_params, mask)) {
                    let slots = &mut gradient[p.start..][..p.params.len()];
                    categorical::add_kl_gradient_p(p.params, q.params, p.mask, coef, slots);
                }
            }
            Self::Bernoulli { .. } => bernoulli::add_kl_gradient_p(p_params, q_params, coef, gradient),
            Self::DiagGaussian { .. } => {
                diag_gaussian::add_kl_gradient_p(p_params, q_params, coef, gradient);
            }
        }
    }

    /// out = M v with M the Fisher information E[∇log π ∇log πᵀ] in φ, which is the Hessian of D_KL(p‖q) in
    /// φ_q at q = p (TRPO, appendix C).
    ///
    /// | family | M |
    /// |---|---|
    /// | categorical | diag(π) − π πᵀ |
    /// | Bernoulli | diag(σ(x_i) σ(−x_i)) |
    /// | Gaussian | diag(1/σ_i²) on the means, 2 on the ln σ |
    #[inline]
    pub fn fisher_vector<T: Real>(&self, params: &[T], mask: Option<&[bool]>, vector: &[T], out: &mut [T]) {
        self.assert_params(params, mask);
        assert_eq!(vector.len(), params.len(), "the vector has the parameters' length");
        assert_eq!(out.len(), params.len(), "the output has the parameters' length");
        match self {
            Self::Categorical { .. } => categorical::fisher_vector(params, mask, vector, out),
            Self::MultiCategorical { sizes } => {
                for part in parts(sizes, params, mask) {
                    let range = part.start..part.start + part.params.len();
                    let (vector, out) = (&vector[range.clone()], &mut out[range]);
                    categorical::fisher_vector(part.params, part.mask, vector, out);
                }
            }
            Self::Bernoulli { .. } => bernoulli::fisher_vector(params, vector, out),
            Self::DiagGaussian { .. } => diag_gaussian::fisher_vector(params, vector, out),
        }
    }

    #[inline(always)]
    fn assert_pair<T>(&self, p_params: &[T], q_params: &[T], mask: Option<&[bool]>) {
        self.assert_params(p_params, mask);
        assert_eq!(q_params.len(), p_params.len(), "p and q have equally many parameters");
    }
}

/// ½ Σ |p(a) − q(a)| over all joint actions of a product, or `None` if they are too many.
fn enumerated_total_variation(p: &[f64], q: &[f64], sizes: &[usize]) -> Option<f64> {
    let joint = sizes.iter().try_fold(1usize, |joint, &size| joint.checked_mul(size))?;
    (joint <= TOTAL_VARIATION_ENUMERATION_LIMIT).then(|| 0.5 * absolute_differences(p, q, sizes, 1.0, 1.0))
}

/// Σ |p_head p(a) − q_head q(a)| over the joint actions a of the remaining factors.
fn absolute_differences(p: &[f64], q: &[f64], sizes: &[usize], p_head: f64, q_head: f64) -> f64 {
    let Some((&size, sizes)) = sizes.split_first() else {
        return (p_head - q_head).abs();
    };
    let ((p, p_rest), (q, q_rest)) = (p.split_at(size), q.split_at(size));
    let pairs = p.iter().zip(q);
    pairs.map(|(p, q)| absolute_differences(p_rest, q_rest, sizes, p_head * p, q_head * q)).sum()
}
