//! The importance-sampled surrogate, with its closed-form gradient in the outputs of the networks.

use gradus_core_math::{Distribution, Real};
use gradus_policy::{Batch, UpdateError, check_finite};

use crate::importance::{WeightStatistics, importance_sampled_mean, self_normalized_mean, weight_statistics};

/// The constants of a surrogate loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurrogateConfig {
    /// Whether weighted advantages are divided by the sum of the weights instead of their number.
    pub self_normalize: bool,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// The weight c₁ of the value loss.
    pub value_coef: f64,
}

/// The parts of a surrogate loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SurrogateLosses {
    /// −(1/B) Σ r A, or −Σ r A / Σ r
    pub policy_loss: f64,
    /// The mean of (V − target)²
    pub value_loss: f64,
    /// The mean of H(π(·|s))
    pub entropy: f64,
    /// The ratios r.
    pub weights: WeightStatistics,
}

impl SurrogateLosses {
    /// What is minimised: policy loss + c₁ value loss − c₂ entropy.
    pub fn total(&self, config: &SurrogateConfig) -> f64 {
        self.policy_loss + config.value_coef * self.value_loss - config.entropy_coef * self.entropy
    }

    /// Checks that each part is finite.
    pub(crate) fn check(&self, update: u64) -> Result<(), UpdateError> {
        check_finite("the policy loss", self.policy_loss, update)?;
        check_finite("the value loss", self.value_loss, update)?;
        check_finite("the entropy", self.entropy, update)?;
        check_finite("the variance of the weights", self.weights.variance, update)
    }
}

/// The loss over all rows of `batch`, whose actions were drawn from π', and its cotangent.
///
///   L = −E_{a∼π'}[r A] + c₁ mean((V − target)²) − c₂ mean(H),   r = π_θ(a|s)/π'(a|s)
///
/// with log π' from the batch's `log_probs`. E is the mean over rows, unbiased, or with `self_normalize`
/// S = Σ r A / Σ r; their derivatives in log π_θ(a_i|s_i) are r_i A_i / B and r_i (A_i − S) / Σ r. The states are still
/// drawn from π', which the ratio of actions does not correct.
///
/// Source: Schulman et al. 2015, equation 14 (single path), without the constraint that makes it safe; at θ = θ' its
/// gradient is the policy gradient.
///
/// # Shapes
/// `advantages`: `[B]`; `outputs`, `cotangent`: `[B, n_params + 1]`; `weights`, where the ratios go: `[B]`.
///
/// # Panics
/// When lengths do not fit.
pub fn surrogate_and_cotangent<T: Real>(
    config: &SurrogateConfig,
    distribution: &Distribution,
    batch: &Batch<'_, T>,
    advantages: &[T],
    outputs: &[T],
    cotangent: &mut [T],
    weights: &mut [T],
) -> SurrogateLosses {
    let (n_params, action_width, mask_width) =
        (distribution.n_params(), distribution.action_width(), distribution.mask_width());
    assert_eq!(outputs.len(), batch.len() * (n_params + 1), "the length of the outputs");
    assert_eq!(cotangent.len(), outputs.len(), "the length of the cotangent");
    assert!(advantages.len() == batch.len() && weights.len() == batch.len(), "one number a row");
    let action = |i: usize| Batch::<T>::row(batch.actions, action_width, i);
    for (i, (weight, output)) in weights.iter_mut().zip(outputs.chunks_exact(n_params + 1)).enumerate() {
        let log_prob = distribution.log_prob(&output[..n_params], batch.mask(mask_width, i), action(i));
        *weight = (log_prob - batch.log_probs[i]).exp();
    }
    // The surrogate, what is subtracted from advantages in its derivative, and its divisor.
    let (surrogate, center, divisor) = match config.self_normalize {
        false => (importance_sampled_mean(weights, advantages), 0.0, batch.len() as f64),
        true => {
            let surrogate = self_normalized_mean(weights, advantages);
            (surrogate, surrogate, weights.iter().map(|w| w.wide()).sum())
        }
    };

    let per_row = 1.0 / batch.len() as f64;
    let (mut entropy_sum, mut value_loss) = (0.0, 0.0);
    cotangent.fill(T::zero());
    let rows = outputs.chunks_exact(n_params + 1).zip(cotangent.chunks_exact_mut(n_params + 1));
    for (i, (output, cotangent)) in rows.enumerate() {
        let (to_params, to_value) = cotangent.split_at_mut(n_params);
        let score_weight = weights[i].wide() * (advantages[i].wide() - center) / divisor;
        let weigh = |_, entropy: T| {
            entropy_sum += entropy.wide();
            (T::of(-score_weight), T::of(-config.entropy_coef * per_row))
        };
        let mask = batch.mask(mask_width, i);
        distribution.add_gradient_with(&output[..n_params], mask, action(i), weigh, to_params);
        let error = output[n_params] - batch.value_targets[i];
        value_loss += (error * error).wide();
        to_value[0] = error * T::of(2.0 * config.value_coef * per_row);
    }
    SurrogateLosses {
        policy_loss: -surrogate,
        value_loss: value_loss * per_row,
        entropy: entropy_sum * per_row,
        weights: weight_statistics(weights),
    }
}
