//! The loss of a minibatch: its value, and its gradient in the outputs of the networks.

use std::ops::AddAssign;

use gradus_core_math::{BLOCK, Block, Coefficients, Distribution, Real};
use gradus_policy::{Batch, Input, Loop, Rows, ValueScale, vectorized};

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

    /// All parts times `factor`.
    fn times(self, factor: f64) -> Self {
        Self {
            policy_loss: self.policy_loss * factor,
            value_loss: self.value_loss * factor,
            entropy: self.entropy * factor,
            clip_fraction: self.clip_fraction * factor,
            kl_old_new: self.kl_old_new * factor,
        }
    }
}

impl AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.policy_loss += other.policy_loss;
        self.value_loss += other.value_loss;
        self.entropy += other.entropy;
        self.clip_fraction += other.clip_fraction;
        self.kl_old_new += other.kl_old_new;
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
/// use gradus_policy::Batch;
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
/// let losses = loss_and_cotangent(&config, &family, &batch, &[0], &outputs, &mut cotangent);
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
    let width = distribution.n_params() + 1;
    assert_eq!(outputs.len(), rows.len() * width, "the length of the outputs");
    assert_eq!(cotangent.len(), outputs.len(), "the length of the cotangent");
    let minibatch = Minibatch::new(config, distribution, batch, rows);
    let params: Vec<T> = outputs.chunks_exact(width).flat_map(|row| &row[..width - 1]).copied().collect();
    let values: Vec<T> = outputs.chunks_exact(width).map(|row| row[width - 1]).collect();
    let (mut to_params, mut to_values) = (params.clone(), values.clone());
    let mut losses = minibatch.policy(0, &params, &mut to_params);
    losses += minibatch.value(0, &values, &mut to_values);
    let of_rows = to_params.chunks_exact(width - 1).zip(&to_values);
    for (row, (to_params, &to_value)) in cotangent.chunks_exact_mut(width).zip(of_rows) {
        row[..width - 1].copy_from_slice(to_params);
        row[width - 1] = to_value;
    }
    losses
}

/// A minibatch, and what its rows have in common.
pub(crate) struct Minibatch<'a, T> {
    config: &'a LossConfig,
    distribution: &'a Distribution,
    batch: &'a Batch<'a, T>,
    rows: &'a [u32],
    /// Of the advantages.
    mean: f64,
    scale: f64,
    per_row: f64,
    term: PolicyTerm<T>,
}

impl<'a, T: Real> Minibatch<'a, T> {
    pub(crate) fn new(
        config: &'a LossConfig,
        distribution: &'a Distribution,
        batch: &'a Batch<'a, T>,
        rows: &'a [u32],
    ) -> Self {
        let (mean, scale) =
            if config.normalize_advantage { batch.standardization(Rows::Listed(rows)) } else { (0.0, 1.0) };
        let (per_row, term) = (1.0 / rows.len() as f64, PolicyTerm::of(config.objective));
        Self { config, distribution, batch, rows, mean, scale, per_row, term }
    }

    /// The observations of its rows.
    pub(crate) fn input(&self) -> Input<'a, T> {
        self.batch.input(Rows::Listed(self.rows))
    }

    /// What the distributions of some rows, from the `first` on, contribute to the losses; and its cotangent in their
    /// parameters, `[_, n_params]`.
    pub(crate) fn policy(&self, first: usize, params: &[T], cotangent: &mut [T]) -> Losses {
        cotangent.fill(T::zero());
        let rows = &self.rows[first..][..params.len() / self.distribution.n_params()];
        let mut losses = vectorized(RatioLoss { minibatch: self, rows, params, cotangent });
        if let LossObjective::Penalty { kl_coef } = self.config.objective {
            let kl = self.penalty(rows, params, cotangent, kl_coef);
            losses.kl_old_new += kl;
            losses.policy_loss += kl_coef * kl;
        }
        losses
    }

    /// Adds the gradient of β KL(π_old‖π_θ) over some rows; returns their part of the mean of the KL.
    fn penalty(&self, rows: &[u32], params: &[T], cotangent: &mut [T], kl_coef: f64) -> f64 {
        let Self { distribution, batch, per_row, .. } = *self;
        let (n_params, mask_width) = (distribution.n_params(), distribution.mask_width());
        let coef = T::of(kl_coef * per_row);
        let mut sum = 0.0;
        let row_pairs = params.chunks_exact(n_params).zip(cotangent.chunks_exact_mut(n_params));
        for (&row, (params, to_params)) in rows.iter().zip(row_pairs) {
            let old = Batch::<T>::row(batch.distribution_params, n_params, row as usize);
            let mask = batch.mask(mask_width, row as usize);
            sum += distribution.kl(old, params, mask).wide();
            distribution.add_kl_gradient_q(old, params, mask, coef, to_params);
        }
        sum * per_row
    }

    /// As [`policy`](Self::policy), for the values of some rows.
    pub(crate) fn value(&self, first: usize, values: &[T], cotangent: &mut [T]) -> Losses {
        let Self { config, batch, .. } = *self;
        let scaled = |value: T| config.value_scale.map_or(value, |scale| scale.to_output(value));
        let coef = T::of(config.value_coef * self.per_row);
        let mut sum = 0.0;
        for ((&row, &value), to) in self.rows[first..].iter().zip(values).zip(cotangent) {
            let i = row as usize;
            let (old, target) = (scaled(batch.values[i]), scaled(batch.value_targets[i]));
            let (loss, derivative) = value_loss(value, old, target, config.value_clip_epsilon);
            sum += loss.wide();
            *to = derivative * coef;
        }
        Losses { value_loss: sum * self.per_row, ..Losses::default() }
    }
}

/// The policy's loss of some rows, without a penalty.
struct RatioLoss<'m, 'a, T> {
    minibatch: &'m Minibatch<'a, T>,
    rows: &'m [u32],
    params: &'m [T],
    cotangent: &'m mut [T],
}

impl<T: Real> Loop for RatioLoss<'_, '_, T> {
    type Output = Losses;

    /// Adds the gradient to the cotangent, and returns the sums.
    #[inline(always)]
    fn run(self) -> Losses {
        let Self { minibatch, rows, params, cotangent } = self;
        let Minibatch { config, distribution, batch, per_row, .. } = *minibatch;
        let (action_width, mask_width) = (distribution.action_width(), distribution.mask_width());
        let of_row = |i: usize| rows[i] as usize;
        let mask = |i| batch.mask(mask_width, of_row(i));
        let action = |i| Batch::<T>::row(batch.actions, action_width, of_row(i));
        let mut sum = Losses::default();
        let coefs = RatioCoefficients { minibatch, rows, sum: &mut sum };
        distribution.add_gradients_with(params, mask, action, coefs, cotangent);
        if let LossObjective::Penalty { .. } = config.objective {
            (sum.clip_fraction, sum.kl_old_new) = (0.0, 0.0);
        }
        sum.times(per_row)
    }
}

/// The derivatives of some rows' losses in log π(a) and H.
struct RatioCoefficients<'m, 'a, T> {
    minibatch: &'m Minibatch<'a, T>,
    rows: &'m [u32],
    /// Of the losses so far.
    sum: &'m mut Losses,
}

impl<T: Real> Coefficients<T> for RatioCoefficients<'_, '_, T> {
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "index loops over several arrays become vectors")]
    fn of_rows(&mut self, first: usize, log_probs: &Block<T>, entropies: &Block<T>) -> (Block<T>, Block<T>) {
        let Minibatch { config, batch, mean, scale, per_row, term, .. } = *self.minibatch;
        let derivative_weight = T::of(per_row);
        let rows = &self.rows[first..self.rows.len().min(first + BLOCK)];
        let (mut log_probs_old, mut advantages) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
        for (i, &row) in rows.iter().enumerate() {
            log_probs_old[i] = batch.log_probs[row as usize];
            advantages[i] = T::of((batch.advantages[row as usize].wide() - mean) * scale);
        }
        let (mut losses, mut derivatives) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
        let (mut outside, mut kls) = ([0.0; BLOCK], [0.0; BLOCK]);
        for i in 0..BLOCK {
            let log_ratio = log_probs[i] - log_probs_old[i];
            let ratio = log_ratio.exp_in_loop();
            let policy = term.at(ratio, advantages[i]);
            losses[i] = policy.loss;
            derivatives[i] = policy.derivative * derivative_weight;
            outside[i] = if policy.outside { 1.0 } else { 0.0 };
            kls[i] = kl_estimate(log_ratio.wide(), ratio.wide());
        }
        for i in 0..rows.len() {
            self.sum.policy_loss += losses[i].wide();
            self.sum.entropy += entropies[i].wide();
            self.sum.clip_fraction += outside[i];
            self.sum.kl_old_new += kls[i];
        }
        (derivatives, [T::of(-config.entropy_coef * per_row); BLOCK])
    }
}

/// One row of the policy's loss, without a penalty.
struct PolicyLoss<T> {
    loss: T,
    /// In log π(a|s).
    derivative: T,
    outside: bool,
}

/// The constants of the policy's loss in the scalar of the batch: r within `[low, high]`, and c of the dual clip. All that
/// there is without a bound.
#[derive(Clone, Copy)]
struct PolicyTerm<T> {
    low: T,
    high: T,
    dual: T,
}

impl<T: Real> PolicyTerm<T> {
    fn of(objective: LossObjective) -> Self {
        let (low, high, dual) = match objective {
            LossObjective::Penalty { .. } => (0.0, f64::INFINITY, None),
            LossObjective::Clip { epsilon, dual } => (1.0 - epsilon, 1.0 + epsilon, dual),
        };
        Self { low: T::of(low), high: T::of(high), dual: T::of(dual.unwrap_or(f64::INFINITY)) }
    }

    /// Without a branch, so that it can be computed on vectors. `max` then `min` would swallow a NaN, which has to
    /// surface in the loss.
    #[inline(always)]
    fn at(self, ratio: T, advantage: T) -> PolicyLoss<T> {
        let Self { low, high, dual } = self;
        let below = if ratio < low { low } else { ratio };
        let bounded = if ratio > high { high } else { below } * advantage;
        let plain = ratio * advantage;
        let flat = bounded < plain;
        let smaller = if flat { bounded } else { plain };
        // For A < 0 the minimum is r A beyond c, which lies below c A.
        let cut = (advantage < T::zero()) & (ratio > dual);
        PolicyLoss {
            loss: -(if cut { dual * advantage } else { smaller }),
            derivative: if flat | cut { T::zero() } else { -plain },
            outside: (ratio < low) | (ratio > high),
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
#[inline(always)]
fn kl_estimate(log_ratio: f64, ratio: f64) -> f64 {
    const SERIES_BELOW: f64 = 0.1;
    /// 2/k! for k from 2 to 9.
    const POLYNOMIAL: [f64; 8] =
        [1.0, 1.0 / 3.0, 1.0 / 12.0, 1.0 / 60.0, 1.0 / 360.0, 1.0 / 2520.0, 1.0 / 20160.0, 1.0 / 181_440.0];
    let x = log_ratio;
    // Both ways, so that it can be computed on vectors.
    let series = x * x * (0.5 * POLYNOMIAL.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient));
    if x.abs() < SERIES_BELOW { series } else { ratio - 1.0 - x }
}
