//! The clipped objective: its value, and its gradient in the outputs of the networks.

use gradus_core_math::{Distribution, Real};
use gradus_policy::{Batch, Rows};

/// The constants of one minibatch's loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// ε of the clipped objective.
    pub clip_epsilon: f64,
    /// If set, the distance from the old value within which a clipped second value loss holds the new one.
    pub value_clip_epsilon: Option<f64>,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// The weight c₁ of the value loss.
    pub value_coef: f64,
    /// Whether advantages are normalised over the minibatch.
    pub normalize_advantage: bool,
}

/// The parts of a minibatch's loss, each a mean over its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// −min(r A, clip(r, 1−ε, 1+ε) A)
    pub policy_loss: f64,
    /// (V − target)²
    pub value_loss: f64,
    /// H(π(·|s))
    pub entropy: f64,
    /// The share of rows whose ratio is outside [1−ε, 1+ε].
    pub clip_fraction: f64,
    /// The estimate (r − 1) − log r of KL(π_old‖π_new): unbiased, never negative (Schulman 2020, "k3").
    pub kl_old_new: f64,
}

impl Losses {
    /// What is minimised: policy loss + c₁ value loss − c₂ entropy.
    pub fn total(&self, config: &LossConfig) -> f64 {
        self.policy_loss + config.value_coef * self.value_loss - config.entropy_coef * self.entropy
    }
}

/// The loss of the rows `rows` of `batch`, and its cotangent.
///
/// L = mean(−min(r A, clip(r, 1−ε, 1+ε) A)) + c₁ mean((V − target)²) − c₂ mean(H),
/// with r = π_θ(a|s)/π_old(a|s) (Schulman et al. 2017, equations 7 and 9, with the sign of a loss).
///
/// The derivative in log π(a|s) is −r A where the unclipped term is the smaller one or the ratio lies within
/// the interval, and 0 elsewhere: the minimum is flat above 1+ε for A > 0 and below 1−ε for A < 0.
///
/// With `normalize_advantage`, A is (A − mean)/(standard deviation + 1e-8) over the minibatch, with Bessel's
/// correction; a single row keeps its advantage.
///
/// # Shapes
/// `outputs` and `cotangent` are `[rows, n_params + 1]`: parameters of the distribution, then the value.
///
/// # Panics
/// When lengths do not fit, or a row is not in the batch.
///
/// ```
/// use gradus_core_math::Distribution;
/// use gradus_policy::{Batch, Rows};
/// use gradus_ppo::{LossConfig, loss_and_cotangent};
///
/// // One row: two equally likely actions, of which the second was taken and had advantage 3; value 1, target 2.
/// let batch = Batch {
///     observation_width: 1,
///     observations: &[0.0],
///     actions: &[1.0],
///     masks: &[],
///     log_probs: &[0.5_f64.ln()],
///     distribution_params: &[],
///     values: &[1.0],
///     advantages: &[3.0],
///     value_targets: &[2.0],
/// };
/// let config = LossConfig {
///     clip_epsilon: 0.2,
///     value_clip_epsilon: None,
///     entropy_coef: 0.0,
///     value_coef: 0.5,
///     normalize_advantage: false,
/// };
/// let mut cotangent = [0.0; 3];
/// let family = Distribution::Categorical { n: 2 };
/// let losses = loss_and_cotangent(&config, &family, &batch, &[0], &[0.0, 0.0, 1.0], &mut cotangent);
/// assert_eq!((losses.policy_loss, losses.value_loss), (-3.0, 1.0));
/// assert_eq!(cotangent, [1.5, -1.5, -1.0]);
/// ```
pub fn loss_and_cotangent<T: Real>(
    config: &LossConfig,
    distribution: &Distribution,
    batch: &Batch<'_, T>,
    rows: &[u32],
    outputs: &[T],
    cotangent: &mut [T],
) -> Losses {
    let (n_params, action_width, mask_width) =
        (distribution.n_params(), distribution.action_width(), distribution.mask_width());
    assert_eq!(outputs.len(), rows.len() * (n_params + 1), "the length of the outputs");
    assert_eq!(cotangent.len(), outputs.len(), "the length of the cotangent");
    let per_row = 1.0 / rows.len() as f64;
    let (mean, scale) =
        if config.normalize_advantage { batch.standardization(Rows::Listed(rows)) } else { (0.0, 1.0) };
    let clip = (T::of(1.0 - config.clip_epsilon), T::of(1.0 + config.clip_epsilon));
    let entropy_cotangent = T::of(-config.entropy_coef * per_row);
    let mut sum = Losses::default();

    let row_pairs = outputs.chunks_exact(n_params + 1).zip(cotangent.chunks_exact_mut(n_params + 1));
    for (&row, (output, cotangent)) in rows.iter().zip(row_pairs) {
        let i = row as usize;
        let action = Batch::<T>::row(batch.actions, action_width, i);
        let advantage = T::of((batch.advantages[i].wide() - mean) * scale);
        let (params, value) = (&output[..n_params], output[n_params]);
        let (to_params, to_value) = cotangent.split_at_mut(n_params);

        to_params.fill(T::zero());
        distribution.add_gradient_with(
            params,
            batch.mask(mask_width, i),
            action,
            |log_prob, entropy| {
                let log_ratio = log_prob - batch.log_probs[i];
                let policy = clipped(log_ratio.exp(), advantage, clip);
                sum.policy_loss += policy.loss.wide();
                sum.entropy += entropy.wide();
                sum.clip_fraction += f64::from(policy.outside);
                sum.kl_old_new += kl_estimate(log_ratio.wide(), policy.ratio.wide());
                (policy.derivative * T::of(per_row), entropy_cotangent)
            },
            to_params,
        );
        let (loss, derivative) =
            value_loss(value, batch.values[i], batch.value_targets[i], config.value_clip_epsilon);
        sum.value_loss += loss.wide();
        to_value[0] = derivative * T::of(config.value_coef * per_row);
    }
    Losses {
        policy_loss: sum.policy_loss * per_row,
        value_loss: sum.value_loss * per_row,
        entropy: sum.entropy * per_row,
        clip_fraction: sum.clip_fraction * per_row,
        kl_old_new: sum.kl_old_new * per_row,
    }
}

/// One row of the clipped objective, as a loss.
struct Clipped<T> {
    ratio: T,
    loss: T,
    /// In log π(a|s).
    derivative: T,
    outside: bool,
}

#[inline]
fn clipped<T: Real>(ratio: T, advantage: T, (low, high): (T, T)) -> Clipped<T> {
    let plain = ratio * advantage;
    // `max` then `min` would swallow a NaN, which has to surface in the loss.
    let bounded = if ratio < low {
        low
    } else if ratio > high {
        high
    } else {
        ratio
    } * advantage;
    let flat = bounded < plain;
    Clipped {
        ratio,
        loss: if flat { -bounded } else { -plain },
        derivative: if flat { T::zero() } else { -plain },
        outside: ratio < low || ratio > high,
    }
}

/// (V − target)² and its derivative in V; with a clip, the larger of it and the same for V held within the
/// distance of V_old.
#[inline]
fn value_loss<T: Real>(value: T, value_old: T, target: T, clip: Option<f64>) -> (T, T) {
    let two = T::of(2.0);
    let error = value - target;
    let plain = (error * error, two * error);
    let Some(epsilon) = clip else { return plain };
    let step = value - value_old;
    let bound = T::of(epsilon);
    // Comparisons rather than `max` and `min`, which would swallow a NaN; it goes the way of `clipped` below.
    let held = if step > bound {
        bound
    } else if step < -bound {
        -bound
    } else {
        step
    };
    let held_error = value_old + held - target;
    let clipped = held_error * held_error;
    if plain.0 >= clipped {
        return plain;
    }
    // Where the clip binds the derivative is zero; inside it both losses differ by rounding at most.
    (clipped, if (step - held).abs() > T::zero() { T::zero() } else { two * held_error })
}

/// (r − 1) − log r from x = log r. Near r = 1 the terms cancel, so that rounding would leave little of the result and
/// could make it negative: there the series x²/2! + x³/3! + … stands in, exact to 1e-14 of itself.
#[inline]
fn kl_estimate(log_ratio: f64, ratio: f64) -> f64 {
    const SERIES_BELOW: f64 = 0.1;
    let x = log_ratio;
    if x.abs() >= SERIES_BELOW || x.is_nan() {
        return ratio - 1.0 - x;
    }
    // Σ_{k ≥ 2} x^k / k! up to k = 9, from the inside out.
    let series = (3..=9).rev().fold(1.0, |sum, k| 1.0 + sum * x / f64::from(k));
    0.5 * x * x * series
}
