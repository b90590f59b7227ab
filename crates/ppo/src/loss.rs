//! The loss of a minibatch: its value, and its gradient in the outputs of the networks.

use gradus_core_math::{Distribution, Real};
use gradus_policy::{Batch, Rows, Team, ValueScale};

/// The policy's part of a minibatch's loss, with the constants of the moment; see
/// [`Objective`](crate::Objective).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossObjective {
    /// The clipped objective.
    Clip {
        /// ε.
        epsilon: f64,
        /// c of the dual clip.
        dual: Option<f64>,
    },
    /// The ratio with a penalty.
    Penalty {
        /// β.
        kl_coef: f64,
    },
}

/// The constants of one minibatch's loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// The policy's part.
    pub objective: LossObjective,
    /// If set, the distance from the old value within which a clipped second value loss holds the new one.
    pub value_clip_epsilon: Option<f64>,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// The weight c₁ of the value loss.
    pub value_coef: f64,
    /// Whether advantages are normalised over the minibatch.
    pub normalize_advantage: bool,
    /// What the critic's outputs stand for, if not the values themselves: targets and old values are brought to it,
    /// and the value loss and its clip are in units of its deviation.
    pub value_scale: Option<ValueScale>,
}

/// The parts of a minibatch's loss, each a mean over its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// −min(r A, clip(r, 1−ε, 1+ε) A), −max(min(r A, clip(r, 1−ε, 1+ε) A), c A) for A < 0 with a dual clip, or
    /// −r A + β KL(π_old‖π_θ)
    pub policy_loss: f64,
    /// (V − target)²
    pub value_loss: f64,
    /// H(π(·|s))
    pub entropy: f64,
    /// The share of rows whose ratio is outside [1−ε, 1+ε]; 0 with a penalty.
    pub clip_fraction: f64,
    /// The estimate (r − 1) − log r of KL(π_old‖π_new): unbiased, never negative (Schulman 2020, "k3"). With a
    /// penalty KL(π_old‖π_new) itself.
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
/// the interval, and 0 elsewhere: the minimum is flat above 1+ε for A > 0 and below 1−ε for A < 0. A dual clip makes
/// it flat above c as well for A < 0.
///
/// With a penalty the first term is mean(−r A + β KL(π_old‖π_θ)) (equation 8), whose derivative in the parameters φ of
/// the row's distribution is −r A ∂log π/∂φ + β ∂KL/∂φ.
///
/// With `normalize_advantage`, A is (A − mean)/(standard deviation + 1e-8) over the minibatch, with Bessel's
/// correction; a single row keeps its advantage.
///
/// # Shapes
/// `outputs` and `cotangent` are `[rows, n_params + 1]`: parameters of the distribution, then the value.
///
/// # Panics
/// When lengths do not fit, or a row is not in the batch, or the batch has no `distribution_params` for the penalty.
///
/// ```
/// use gradus_core_math::Distribution;
/// use gradus_policy::{Batch, Team};
/// use gradus_ppo::{LossConfig, LossObjective, loss_and_cotangent};
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
///     ..Batch::default()
/// };
/// let config = LossConfig {
///     objective: LossObjective::Clip { epsilon: 0.2, dual: None },
///     value_clip_epsilon: None,
///     entropy_coef: 0.0,
///     value_coef: 0.5,
///     normalize_advantage: false,
///     value_scale: None,
/// };
/// let mut cotangent = [0.0; 3];
/// let family = Distribution::Categorical { n: 2 };
/// let outputs = [0.0, 0.0, 1.0];
/// let losses =
///     loss_and_cotangent(Team::single(), &config, &family, &batch, &[0], &outputs, &mut cotangent);
/// assert_eq!((losses.policy_loss, losses.value_loss), (-3.0, 1.0));
/// assert_eq!(cotangent, [1.5, -1.5, -1.0]);
/// ```
#[allow(clippy::too_many_arguments, reason = "what a formula is of, with the threads that compute it")]
pub fn loss_and_cotangent<T: Real>(
    mut team: Team<'_>,
    config: &LossConfig,
    distribution: &Distribution,
    batch: &Batch<'_, T>,
    rows: &[u32],
    outputs: &[T],
    cotangent: &mut [T],
) -> Losses {
    let width = distribution.n_params() + 1;
    assert_eq!(outputs.len(), rows.len() * width, "the length of the outputs");
    assert_eq!(cotangent.len(), outputs.len(), "the length of the cotangent");
    let (mean, scale) =
        if config.normalize_advantage { batch.standardization(Rows::Listed(rows)) } else { (0.0, 1.0) };
    let per_row = 1.0 / rows.len() as f64;
    let term = PolicyTerm::of(config.objective);
    let minibatch = Minibatch { config, distribution, batch, mean, scale, per_row, term };
    let pieces =
        rows.chunks(PIECE).zip(outputs.chunks(PIECE * width)).zip(cotangent.chunks_mut(PIECE * width));
    let mut pieces: Vec<_> =
        pieces.map(|((rows, outputs), cotangent)| (rows, outputs, cotangent, Losses::default())).collect();
    team.for_each(&mut pieces, |_, (rows, outputs, cotangent, losses)| {
        *losses = minibatch.sums(rows, outputs, cotangent);
    });
    let sum = |of: fn(&Losses) -> f64| pieces.iter().map(|(.., losses)| of(losses)).sum::<f64>() * per_row;
    Losses {
        policy_loss: sum(|losses| losses.policy_loss),
        value_loss: sum(|losses| losses.value_loss),
        entropy: sum(|losses| losses.entropy),
        clip_fraction: sum(|losses| losses.clip_fraction),
        kl_old_new: sum(|losses| losses.kl_old_new),
    }
}

/// Rows that a thread takes at a time. Sums over pieces are in their order, so this number is part of what determines
/// their bits, and the number of threads is not.
const PIECE: usize = 32;

/// What all rows of a minibatch have in common.
struct Minibatch<'a, T> {
    config: &'a LossConfig,
    distribution: &'a Distribution,
    batch: &'a Batch<'a, T>,
    mean: f64,
    scale: f64,
    per_row: f64,
    term: PolicyTerm<T>,
}

impl<T: Real> Minibatch<'_, T> {
    /// The cotangents of some rows, and the sums of their losses.
    fn sums(&self, rows: &[u32], outputs: &[T], cotangent: &mut [T]) -> Losses {
        let Self { config, distribution, batch, mean, scale, per_row, term } = *self;
        let (n_params, action_width, mask_width) =
            (distribution.n_params(), distribution.action_width(), distribution.mask_width());
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
                    let ratio = log_ratio.exp();
                    let policy = term.at(ratio, advantage);
                    sum.policy_loss += policy.loss.wide();
                    sum.entropy += entropy.wide();
                    if let LossObjective::Clip { .. } = config.objective {
                        sum.clip_fraction += f64::from(policy.outside);
                        sum.kl_old_new += kl_estimate(log_ratio.wide(), ratio.wide());
                    }
                    (policy.derivative * T::of(per_row), entropy_cotangent)
                },
                to_params,
            );
            if let LossObjective::Penalty { kl_coef } = config.objective {
                let old = Batch::<T>::row(batch.distribution_params, n_params, i);
                let mask = batch.mask(mask_width, i);
                let kl = distribution.kl(old, params, mask).wide();
                sum.kl_old_new += kl;
                sum.policy_loss += kl_coef * kl;
                distribution.add_kl_gradient_q(old, params, mask, T::of(kl_coef * per_row), to_params);
            }
            let scaled = |value: T| config.value_scale.map_or(value, |scale| scale.to_output(value));
            let (old, target) = (scaled(batch.values[i]), scaled(batch.value_targets[i]));
            let (loss, derivative) = value_loss(value, old, target, config.value_clip_epsilon);
            sum.value_loss += loss.wide();
            to_value[0] = derivative * T::of(config.value_coef * per_row);
        }
        sum
    }
}

/// One row of the policy's loss, without a penalty.
struct PolicyLoss<T> {
    loss: T,
    /// In log π(a|s).
    derivative: T,
    outside: bool,
}

/// The constants of the policy's loss in the scalar of the batch.
#[derive(Clone, Copy)]
enum PolicyTerm<T> {
    Plain,
    Clipped { low: T, high: T, dual: Option<T> },
}

impl<T: Real> PolicyTerm<T> {
    fn of(objective: LossObjective) -> Self {
        match objective {
            LossObjective::Penalty { .. } => Self::Plain,
            LossObjective::Clip { epsilon, dual } => {
                Self::Clipped { low: T::of(1.0 - epsilon), high: T::of(1.0 + epsilon), dual: dual.map(T::of) }
            }
        }
    }

    #[inline(always)]
    fn at(self, ratio: T, advantage: T) -> PolicyLoss<T> {
        let plain = ratio * advantage;
        let Self::Clipped { low, high, dual } = self else {
            return PolicyLoss { loss: -plain, derivative: -plain, outside: false };
        };
        // `max` then `min` would swallow a NaN, which has to surface in the loss.
        let bounded = if ratio < low {
            low
        } else if ratio > high {
            high
        } else {
            ratio
        } * advantage;
        let flat = bounded < plain;
        let outside = ratio < low || ratio > high;
        if let Some(c) = dual
            && advantage < T::zero()
            && ratio > c
        {
            // For A < 0 the minimum is r A here, which lies below c A.
            return PolicyLoss { loss: -c * advantage, derivative: T::zero(), outside };
        }
        PolicyLoss {
            loss: if flat { -bounded } else { -plain },
            derivative: if flat { T::zero() } else { -plain },
            outside,
        }
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
