//! The loss whose gradient is the policy gradient, with its closed-form gradient in the outputs of the networks.

use gradus_core_math::{Distribution, Real};
use gradus_policy::{Batch, UpdateError, check_finite};
use serde::{Deserialize, Serialize};

/// What a sum over the rows of a batch is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// The number N of episodes, the length of the batch's `episode_returns`: the sum is then an estimate of an
    /// expectation over trajectories, as the policy gradient theorem has it.
    Episodes,
    /// The number of rows that count, those with a weight other than 0: the common practice, which is the same
    /// direction, shortened by the mean length of the episodes.
    Steps,
}

/// The constants of a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// The divisor D of sums over rows.
    pub average: Average,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// The weight c₁ of the value loss, where the outputs have a value.
    pub value_coef: f64,
}

/// The parts of a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// −(1/D) Σ w Ψ log π(a|s)
    pub policy_loss: f64,
    /// The mean of (V − target)² over all rows; 0 where there is no value.
    pub value_loss: f64,
    /// (1/D) Σ H(π(·|s)) over the rows that count.
    pub entropy_sum: f64,
    /// The mean of H(π(·|s)) over the rows that count.
    pub entropy: f64,
}

impl Losses {
    /// What is minimised: policy loss + c₁ value loss − c₂ entropy.
    pub fn total(&self, config: &LossConfig) -> f64 {
        self.policy_loss + config.value_coef * self.value_loss - config.entropy_coef * self.entropy_sum
    }

    /// Checks that each part is finite.
    pub(crate) fn check(&self, update: u64) -> Result<(), UpdateError> {
        check_finite("the policy loss", self.policy_loss, update)?;
        check_finite("the value loss", self.value_loss, update)?;
        check_finite("the entropy", self.entropy, update)
    }
}

/// The divisor D of `average`, and the number of rows that count.
///
/// # Errors
/// When no row counts.
pub(crate) fn divisor<T: Real>(
    average: Average,
    batch: &Batch<'_, T>,
) -> Result<(usize, usize), UpdateError> {
    let counted = (0..batch.len()).filter(|&i| batch.weight(i) != T::zero()).count();
    let divisor = match average {
        Average::Episodes => batch.episode_returns.len(),
        Average::Steps => counted,
    };
    if counted == 0 || divisor == 0 { Err(UpdateError::EmptyBatch) } else { Ok((divisor, counted)) }
}

/// The loss of the policy gradient over all rows of `batch`, and its cotangent.
///
///   L = −(1/D) Σ_i w_i Ψ_i log π_θ(a_i|s_i) + c₁ mean((V − target)²) − c₂ (1/D) Σ_i H(π_θ(·|s_i))
///
/// with the weights w of the batch, `psi` for Ψ, and D as [`Average`] says; a row of weight 0 has no entropy either.
/// The first term is no estimate of anything, but its gradient is: with D = N episodes
///
///   −∇L = (1/N) Σ_n Σ_t w_t Ψ_t ∇log π(a_t|s_t),
///
/// for Ψ = R(τ) the REINFORCE estimate of ∇E[R(τ)] (Williams 1992, theorem 1; Sutton & Barto, 2nd edition, equation
/// 13.8), for Ψ the reward-to-go the same with less variance, unbiased for γ < 1 with w_t = γ^t only, and for Ψ = A the
/// actor-critic's (Sutton & Barto, section 13.5).
///
/// Seen as a classifier, a categorical policy learns by cross-entropy here: −log π(a|s) = −Σ_b 1{b = a} log π(b|s) is
/// the cross-entropy from the one-hot of the action that was taken, and each row's counts with the weight w Ψ.
///
/// # Shapes
/// `psi`: `[B]`. `outputs`, `cotangent`: `[B, n_params]` of a policy alone, or `[B, n_params + 1]` with a value.
///
/// # Errors
/// When no row counts, or there is no episode to divide by.
///
/// # Panics
/// When lengths do not fit.
///
/// ```
/// use gradus_core_math::Distribution;
/// use gradus_policy::Batch;
/// use gradus_vpg::{Average, LossConfig, loss_and_cotangent};
///
/// // One episode of one step: the second of two equally likely actions was taken, and its return was 3.
/// let batch = Batch {
///     observation_width: 1,
///     observations: &[0.0],
///     actions: &[1.0],
///     log_probs: &[0.5_f64.ln()],
///     values: &[0.0],
///     advantages: &[3.0],
///     value_targets: &[0.0],
///     episode_returns: &[3.0],
///     ..Batch::default()
/// };
/// let config = LossConfig { average: Average::Episodes, entropy_coef: 0.0, value_coef: 0.0 };
/// let (family, mut cotangent) = (Distribution::Categorical { n: 2 }, [0.0; 2]);
/// let losses = loss_and_cotangent(&config, &family, &batch, batch.advantages, &[0.0, 0.0], &mut cotangent)?;
/// assert_eq!(losses.policy_loss, 3.0 * 2.0_f64.ln());
/// assert_eq!(cotangent, [1.5, -1.5]);
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
pub fn loss_and_cotangent<T: Real>(
    config: &LossConfig,
    distribution: &Distribution,
    batch: &Batch<'_, T>,
    psi: &[T],
    outputs: &[T],
    cotangent: &mut [T],
) -> Result<Losses, UpdateError> {
    let (n_params, action_width, mask_width) =
        (distribution.n_params(), distribution.action_width(), distribution.mask_width());
    let (divisor, counted) = divisor(config.average, batch)?;
    let width = outputs.len() / batch.len();
    assert!(width == n_params || width == n_params + 1, "{width} outputs for {n_params} parameters");
    assert_eq!(outputs.len(), batch.len() * width, "the length of the outputs");
    assert_eq!(cotangent.len(), outputs.len(), "the length of the cotangent");
    assert_eq!(psi.len(), batch.len(), "one Ψ a row");
    let per_row = 1.0 / divisor as f64;
    let (mut policy_loss, mut entropy_sum, mut value_loss) = (0.0, 0.0, 0.0);

    cotangent.fill(T::zero());
    let rows = outputs.chunks_exact(width).zip(cotangent.chunks_exact_mut(width));
    for (i, (output, cotangent)) in rows.enumerate() {
        let (params, value) = output.split_at(n_params);
        let (to_params, to_value) = cotangent.split_at_mut(n_params);
        let weight = batch.weight(i);
        if weight != T::zero() {
            let score_weight = weight.wide() * psi[i].wide();
            let action = Batch::<T>::row(batch.actions, action_width, i);
            let weigh = |log_prob: T, entropy: T| {
                policy_loss -= score_weight * log_prob.wide();
                entropy_sum += entropy.wide();
                (T::of(-score_weight * per_row), T::of(-config.entropy_coef * per_row))
            };
            distribution.add_gradient_with(params, batch.mask(mask_width, i), action, weigh, to_params);
        }
        if let (&[value], [to_value]) = (value, to_value) {
            let error = value - batch.value_targets[i];
            value_loss += (error * error).wide();
            *to_value = error * T::of(2.0 * config.value_coef / batch.len() as f64);
        }
    }
    Ok(Losses {
        policy_loss: policy_loss * per_row,
        value_loss: value_loss / batch.len() as f64,
        entropy_sum: entropy_sum * per_row,
        entropy: entropy_sum / counted as f64,
    })
}
