//! Distributions over actions: their shape, and their formulas on one row of parameters.

mod bernoulli;
mod block;
mod categorical;
mod check;
mod diag_gaussian;
mod divergence;
mod gradient;

pub use block::{BLOCK, Block, Coefficients};
pub use check::DistributionError;
pub use divergence::TOTAL_VARIATION_ENUMERATION_LIMIT;

use serde::{Deserialize, Serialize};

use crate::Real;
use divergence::divergence_term;

/// The family and size of an action distribution π, whose parameters φ a network puts out row by row.
///
/// | family | parameters φ of a row | action of a row | π |
/// |---|---|---|---|
/// | `Categorical` | logits `[n]` | index `[1]` | softmax of the logits |
/// | `MultiCategorical` | logits of all components, one after the other `[Σ sizes]` | one index per component `[sizes.len()]` | product of categoricals |
/// | `Bernoulli` | logits `[n]` | 0 or 1 `[n]` | product of σ(logit) |
/// | `DiagGaussian` | means `[dim]`, then ln σ `[dim]` | reals `[dim]` | product of normal densities |
///
/// All methods work on one row. Actions are numbers of the parameters' type, so that one path serves all
/// families; an index is its number.
///
/// # Masks
/// For the two categorical families `mask` has one flag per logit, `true` for allowed. A masked logit is
/// never read; its probability and every gradient with respect to it are exactly 0. The other families take
/// no mask (`None` or an empty one).
///
/// # Numbers
/// No finite logit overflows: softmax subtracts the largest allowed logit, Bernoulli goes through softplus.
/// NaN in gives NaN out; [`Distribution::validate`] names the culprit. Sampling, `log_prob`, `entropy`,
/// `log_prob_and_entropy`, `add_gradient` and `fisher_vector` compute in `T` and never allocate; divergences
/// compute in `f64`, because nearby distributions leave only the last digits of an `f32`.
///
/// # Panics
/// All methods but `validate` and `check_action` panic when a slice has another length than its width, and
/// when an action's index is not below the number of logits.
///
/// ```
/// use gradus_core_math::Distribution;
/// let family = Distribution::Categorical { n: 3 };
/// let logits = [0.0, 1.0, 2.0_f64];
/// let log_prob = family.log_prob(&logits, None, &[2.0]);
/// assert!((log_prob - (2.0 - (1.0 + 1f64.exp() + 2f64.exp()).ln())).abs() < 1e-15);
/// assert_eq!(family.log_prob(&logits, Some(&[false, false, true]), &[2.0]), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// One choice out of `n`.
    Categorical {
        /// The number of choices.
        n: usize,
    },
    /// Several independent choices.
    MultiCategorical {
        /// The number of choices of each component.
        sizes: Vec<usize>,
    },
    /// `n` independent bits.
    Bernoulli {
        /// The number of bits.
        n: usize,
    },
    /// `dim` independent normal variables.
    DiagGaussian {
        /// The number of variables.
        dim: usize,
    },
}

impl Distribution {
    /// The number of parameters of a row.
    #[inline]
    pub fn n_params(&self) -> usize {
        match self {
            Self::Categorical { n } | Self::Bernoulli { n } => *n,
            Self::MultiCategorical { sizes } => sizes.iter().sum(),
            Self::DiagGaussian { dim } => 2 * dim,
        }
    }

    /// The number of values of an action.
    #[inline]
    pub fn action_width(&self) -> usize {
        match self {
            Self::Categorical { .. } => 1,
            Self::MultiCategorical { sizes } => sizes.len(),
            Self::Bernoulli { n } => *n,
            Self::DiagGaussian { dim } => *dim,
        }
    }

    /// The number of flags of a mask: the number of logits of the categorical families, 0 for the others.
    #[inline]
    pub fn mask_width(&self) -> usize {
        match self {
            Self::Categorical { n } => *n,
            Self::MultiCategorical { sizes } => sizes.iter().sum(),
            Self::Bernoulli { .. } | Self::DiagGaussian { .. } => 0,
        }
    }

    /// Draws an action.
    ///
    /// A categorical component and a bit take one uniform number each, whatever the mask; a normal variable
    /// takes one draw of the ziggurat (`rand_distr::StandardNormal`), which consumes a varying number of
    /// words. A masked action is never drawn from a row that [`validate`](Self::validate) accepts; a row with NaN
    /// or without an allowed action gives no meaningful index.
    #[inline]
    pub fn sample<T: Real>(
        &self,
        params: &[T],
        mask: Option<&[bool]>,
        rng: &mut (impl rand::Rng + ?Sized),
        action: &mut [T],
    ) {
        self.assert_widths(params, mask, action.len());
        match self {
            Self::Categorical { .. } => categorical::sample(params, mask, rng, &mut action[0]),
            Self::MultiCategorical { sizes } => {
                for (part, slot) in parts(sizes, params, mask).zip(action) {
                    categorical::sample(part.params, part.mask, rng, slot);
                }
            }
            Self::Bernoulli { .. } => bernoulli::sample(params, rng, action),
            Self::DiagGaussian { .. } => diag_gaussian::sample(params, rng, action),
        }
    }

    /// The most probable action: the allowed index with the largest logit (the first of equals), 1 where a
    /// bit's logit is positive, the mean.
    #[inline]
    pub fn mode<T: Real>(&self, params: &[T], mask: Option<&[bool]>, action: &mut [T]) {
        self.assert_widths(params, mask, action.len());
        match self {
            Self::Categorical { .. } => categorical::mode(params, mask, &mut action[0]),
            Self::MultiCategorical { sizes } => {
                for (part, slot) in parts(sizes, params, mask).zip(action) {
                    categorical::mode(part.params, part.mask, slot);
                }
            }
            Self::Bernoulli { .. } => bernoulli::mode(params, action),
            Self::DiagGaussian { .. } => diag_gaussian::mode(params, action),
        }
    }

    /// log π(a), the density's logarithm for the Gaussian; −∞ for a masked action.
    ///
    /// - categorical: z_a − ln Σ_i exp(z_i)
    /// - Bernoulli: Σ_i a_i log σ(x_i) + (1 − a_i) log σ(−x_i)
    /// - Gaussian: −Σ_i ½ ((a_i − μ_i)/σ_i)² + ln σ_i + ½ ln 2π
    #[inline]
    pub fn log_prob<T: Real>(&self, params: &[T], mask: Option<&[bool]>, action: &[T]) -> T {
        self.assert_widths(params, mask, action.len());
        match self {
            Self::Categorical { .. } => categorical::log_prob(params, mask, action[0]),
            Self::MultiCategorical { sizes } => parts(sizes, params, mask)
                .zip(action)
                .map(|(part, &chosen)| categorical::log_prob(part.params, part.mask, chosen))
                .sum(),
            Self::Bernoulli { .. } => bernoulli::log_prob(params, action),
            Self::DiagGaussian { .. } => diag_gaussian::log_prob(params, action),
        }
    }

    /// The entropy H = −E log π(a) in nats, the differential entropy for the Gaussian.
    ///
    /// - categorical: −Σ_i π_i log π_i, where a masked entry adds 0
    /// - Bernoulli: −Σ_i σ(x_i) log σ(x_i) + σ(−x_i) log σ(−x_i)
    /// - Gaussian: Σ_i ln σ_i + ½ ln 2πe
    #[inline]
    pub fn entropy<T: Real>(&self, params: &[T], mask: Option<&[bool]>) -> T {
        self.assert_params(params, mask);
        match self {
            Self::Categorical { .. } => categorical::entropy(params, mask),
            Self::MultiCategorical { sizes } => {
                parts(sizes, params, mask).map(|part| categorical::entropy(part.params, part.mask)).sum()
            }
            Self::Bernoulli { .. } => bernoulli::entropy(params),
            Self::DiagGaussian { .. } => diag_gaussian::entropy(params),
        }
    }

    /// [`log_prob`](Self::log_prob) and [`entropy`](Self::entropy) from one pass over the parameters.
    #[inline]
    pub fn log_prob_and_entropy<T: Real>(&self, params: &[T], mask: Option<&[bool]>, action: &[T]) -> (T, T) {
        self.assert_widths(params, mask, action.len());
        match self {
            Self::Categorical { .. } => categorical::log_prob_and_entropy(params, mask, action[0]),
            Self::MultiCategorical { sizes } => {
                let (mut log_prob, mut entropy) = (T::zero(), T::zero());
                for (part, &chosen) in parts(sizes, params, mask).zip(action) {
                    let of_part = categorical::log_prob_and_entropy(part.params, part.mask, chosen);
                    log_prob += of_part.0;
                    entropy += of_part.1;
                }
                (log_prob, entropy)
            }
            Self::Bernoulli { .. } => (bernoulli::log_prob(params, action), bernoulli::entropy(params)),
            Self::DiagGaussian { .. } => {
                (diag_gaussian::log_prob(params, action), diag_gaussian::entropy(params))
            }
        }
    }

    #[inline(always)]
    fn assert_params<T>(&self, params: &[T], mask: Option<&[bool]>) {
        assert_eq!(params.len(), self.n_params(), "the length of the parameters");
        if let Some(mask) = mask {
            assert_eq!(mask.len(), self.mask_width(), "the length of the mask");
        }
    }

    #[inline(always)]
    fn assert_widths<T>(&self, params: &[T], mask: Option<&[bool]>, action_len: usize) {
        self.assert_params(params, mask);
        assert_eq!(action_len, self.action_width(), "the length of the action");
    }
}

/// One component of a multi-categorical row.
#[derive(Clone, Copy)]
struct Part<'a, T> {
    /// Where its logits start in the row.
    start: usize,
    params: &'a [T],
    mask: Option<&'a [bool]>,
}

#[inline]
fn parts<'a, T>(
    sizes: &'a [usize],
    params: &'a [T],
    mask: Option<&'a [bool]>,
) -> impl Iterator<Item = Part<'a, T>> {
    sizes.iter().scan(0, move |end, &size| {
        let start = *end;
        *end += size;
        Some(Part { start, params: &params[start..*end], mask: mask.map(|mask| &mask[start..*end]) })
    })
}
