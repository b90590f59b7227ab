//! Gradients of log π and of the entropy.

use super::{Distribution, bernoulli, categorical, diag_gaussian, parts};
use crate::Real;

impl Distribution {
    /// gradient += `log_prob_coef` · ∂log π(a)/∂φ + `entropy_coef` · ∂H/∂φ.
    ///
    /// | family | ∂log π(a)/∂φ_i | ∂H/∂φ_i |
    /// |---|---|---|
    /// | categorical | 1{i = a} − π_i | −π_i (log π_i + H) |
    /// | Bernoulli | a_i − σ(x_i) | −x_i σ(x_i) σ(−x_i) |
    /// | Gaussian, mean | (a_i − μ_i)/σ_i² | 0 |
    /// | Gaussian, ln σ | ((a_i − μ_i)/σ_i)² − 1 | 1 |
    ///
    /// The action must be allowed: log π of a masked one has no derivative.
    #[inline]
    pub fn add_gradient<T: Real>(
        &self,
        params: &[T],
        mask: Option<&[bool]>,
        action: &[T],
        log_prob_coef: T,
        entropy_coef: T,
        gradient: &mut [T],
    ) {
        self.assert_widths(params, mask, action.len());
        assert_eq!(gradient.len(), params.len(), "the gradient has the parameters' length");
        let coefs = |_, _| (log_prob_coef, entropy_coef);
        match self {
            Self::Categorical { .. } => {
                categorical::add_gradient_with(params, mask, action[0], coefs, gradient);
            }
            Self::MultiCategorical { sizes } => {
                let mut rest = gradient;
                for (part, &chosen) in parts(sizes, params, mask).zip(action) {
                    let slots = rest.split_off_mut(..part.params.len()).unwrap_or_default();
                    categorical::add_gradient_with(part.params, part.mask, chosen, coefs, slots);
                }
            }
            Self::Bernoulli { .. } => {
                bernoulli::add_gradient(params, action, log_prob_coef, entropy_coef, gradient);
            }
            Self::DiagGaussian { .. } => {
                diag_gaussian::add_gradient(params, action, log_prob_coef, entropy_coef, gradient);
            }
        }
    }

    /// [`add_gradient`](Self::add_gradient) with coefficients that depend on log π(a) and H:
    /// `(log_prob_coef, entropy_coef) = coefs(log_prob, entropy)`.
    ///
    /// A loss needs log π(a) before it knows its derivative, so this saves the second softmax where rows
    /// are categorical.
    ///
    /// ```
    /// use gradus_core_math::Distribution;
    /// let (family, logits) = (Distribution::Categorical { n: 2 }, [0.0, 0.0_f64]);
    /// let mut gradient = [0.0; 2];
    /// // The gradient of the probability itself: π(a) · ∂log π(a).
    /// family.add_gradient_with(&logits, None, &[0.0], |log_prob, _| (log_prob.exp(), 0.0), &mut gradient);
    /// assert_eq!(gradient, [0.25, -0.25]);
    /// ```
    #[inline]
    pub fn add_gradient_with<T: Real>(
        &self,
        params: &[T],
        mask: Option<&[bool]>,
        action: &[T],
        coefs: impl FnOnce(T, T) -> (T, T),
        gradient: &mut [T],
    ) {
        if let Self::Categorical { .. } = self {
            self.assert_widths(params, mask, action.len());
            assert_eq!(gradient.len(), params.len(), "the gradient has the parameters' length");
            categorical::add_gradient_with(params, mask, action[0], coefs, gradient);
        } else {
            let (log_prob, entropy) = self.log_prob_and_entropy(params, mask, action);
            let (log_prob_coef, entropy_coef) = coefs(log_prob, entropy);
            self.add_gradient(params, mask, action, log_prob_coef, entropy_coef, gradient);
        }
    }
}
