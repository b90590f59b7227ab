//! The Gaussian with diagonal covariance on one row: μ_i and s_i = ln σ_i.

use rand::RngExt;
use rand_distr::StandardNormal;

use super::block::{BLOCK, Coefficients, FEW};
use crate::Real;
use crate::special::{erf, normal_cdf};

/// ½ ln 2π.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// The halves of a row: means and logarithms of the standard deviations.
#[inline(always)]
pub(super) fn split<T>(params: &[T]) -> (&[T], &[T]) {
    params.split_at(params.len() / 2)
}

/// a_i = μ_i + σ_i ξ_i with ξ_i standard normal.
#[inline]
pub(super) fn sample<T: Real>(params: &[T], rng: &mut (impl rand::Rng + ?Sized), action: &mut [T]) {
    let (means, log_stds) = split(params);
    for ((slot, &mean), &log_std) in action.iter_mut().zip(means).zip(log_stds) {
        let noise: f64 = rng.sample(StandardNormal);
        *slot = mean + log_std.exp() * T::of(noise);
    }
}

/// The mean.
#[inline]
pub(super) fn mode<T: Real>(params: &[T], action: &mut [T]) {
    action.copy_from_slice(split(params).0);
}

/// −Σ ½ z_i² + s_i + ½ ln 2π with z_i = (a_i − μ_i) / σ_i.
#[inline]
pub(super) fn log_prob<T: Real>(params: &[T], action: &[T]) -> T {
    let (means, log_stds) = split(params);
    let (mut squares, mut logs) = (T::zero(), T::zero());
    for ((&a, &mean), &log_std) in action.iter().zip(means).zip(log_stds) {
        let z = (a - mean) * (-log_std).exp();
        squares += z * z;
        logs += log_std;
    }
    T::of(-0.5) * squares - logs - T::of(HALF_LN_TAU * means.len() as f64)
}

/// Σ s_i + ½ ln 2πe.
#[inline]
pub(super) fn entropy<T: Real>(params: &[T]) -> T {
    let (means, log_stds) = split(params);
    let mut sum = T::of((HALF_LN_TAU + 0.5) * means.len() as f64);
    for &log_std in log_stds {
        sum += log_std;
    }
    sum
}

/// On the means c z_i / σ_i, on the logarithms c (z_i² − 1) + h.
#[inline]
pub(super) fn add_gradient<T: Real>(
    params: &[T],
    action: &[T],
    log_prob_coef: T,
    entropy_coef: T,
    gradient: &mut [T],
) {
    let (means, log_stds) = split(params);
    let (mean_slots, log_std_slots) = gradient.split_at_mut(means.len());
    let slots = mean_slots.iter_mut().zip(log_std_slots);
    for (((&a, &mean), &log_std), (mean_slot, log_std_slot)) in
        action.iter().zip(means).zip(log_stds).zip(slots)
    {
        let precision = (-log_std).exp();
        let z = (a - mean) * precision;
        *mean_slot += log_prob_coef * (z * precision);
        *log_std_slot += log_prob_coef * (z * z - T::one()) + entropy_coef;
    }
}

/// The gradients of a block of rows, `[rows, 2 n]`, with coefficients that depend on log π and H: every step is a loop over
/// the rows, which becomes a few operations on vectors.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops over several arrays become vectors")]
pub(super) fn add_gradients_with<'a, T: Real>(
    n: usize,
    params: &[T],
    action: impl Fn(usize) -> &'a [T],
    first: usize,
    coefs: &mut impl Coefficients<T>,
    gradient: &mut [T],
) {
    let zeros = [T::zero(); BLOCK];
    // Variable by variable; the places of rows that are not there stand for standard normal ones.
    let (mut z, mut precisions) = ([zeros; FEW], [zeros; FEW]);
    for (row, params) in params.chunks_exact(2 * n).enumerate() {
        let (means, log_stds) = split(params);
        let action = action(row);
        assert_eq!(action.len(), n, "the length of an action");
        for i in 0..n {
            z[i][row] = action[i] - means[i];
            precisions[i][row] = log_stds[i];
        }
    }
    let (mut squares, mut logs) = (zeros, zeros);
    for i in 0..n {
        for row in 0..BLOCK {
            let log_std = precisions[i][row];
            precisions[i][row] = (-log_std).exp_in_loop();
            z[i][row] *= precisions[i][row];
            squares[row] += z[i][row] * z[i][row];
            logs[row] += log_std;
        }
    }
    let (of_density, of_entropy) = (T::of(HALF_LN_TAU * n as f64), T::of((HALF_LN_TAU + 0.5) * n as f64));
    let (mut log_probs, mut entropies) = (zeros, zeros);
    for row in 0..BLOCK {
        log_probs[row] = T::of(-0.5) * squares[row] - logs[row] - of_density;
        entropies[row] = logs[row] + of_entropy;
    }
    let (of_log_prob, of_entropy) = coefs.of_rows(first, &log_probs, &entropies);
    for (row, slots) in gradient.chunks_exact_mut(2 * n).enumerate() {
        let (of_means, of_log_stds) = slots.split_at_mut(n);
        for i in 0..n {
            let z = z[i][row];
            of_means[i] += of_log_prob[row] * (z * precisions[i][row]);
            of_log_stds[i] += of_log_prob[row] * (z * z - T::one()) + of_entropy[row];
        }
    }
}

/// One dimension of a pair of Gaussians, in f64.
struct Pair {
    /// μ_p − μ_q.
    difference: f64,
    /// s_p − s_q.
    log_ratio: f64,
    /// s_q.
    q_log_std: f64,
}

impl Pair {
    /// ((μ_p − μ_q) / σ_q)².
    fn squared_distance(&self) -> f64 {
        let z = self.difference * (-self.q_log_std).exp();
        z * z
    }

    /// σ_p² / σ_q² − 1.
    fn excess_variance(&self) -> f64 {
        (2.0 * self.log_ratio).exp_m1()
    }
}

fn pairs<T: Real>(p: &[T], q: &[T]) -> impl Iterator<Item = Pair> {
    let ((p_means, p_log_stds), (q_means, q_log_stds)) = (split(p), split(q));
    let means = p_means.iter().zip(q_means);
    let log_stds = p_log_stds.iter().zip(q_log_stds);
    means.zip(log_stds).map(|((&p_mean, &q_mean), (&p_log_std, &q_log_std))| Pair {
        difference: p_mean.wide() - q_mean.wide(),
        log_ratio: p_log_std.wide() - q_log_std.wide(),
        q_log_std: q_log_std.wide(),
    })
}

/// Σ s_q − s_p + (σ_p² + (μ_p − μ_q)²) / (2 σ_q²) − ½, written without cancellation: every summand is
/// ½ (e^r − 1 − r) + ½ ((μ_p − μ_q) / σ_q)² with r = 2 (s_p − s_q).
pub(super) fn kl<T: Real>(p: &[T], q: &[T]) -> f64 {
    let term = |pair: Pair| {
        let spread = pair.excess_variance() - 2.0 * pair.log_ratio;
        // Rounding may leave a tiny negative number where the two nearly cancel; NaN passes.
        0.5 * (if spread < 0.0 { 0.0 } else { spread } + pair.squared_distance())
    };
    pairs(p, q).map(term).sum()
}

/// Σ ½ ln 2π + s_q + (σ_p² + (μ_p − μ_q)²) / (2 σ_q²).
pub(super) fn cross_entropy<T: Real>(p: &[T], q: &[T]) -> f64 {
    pairs(p, q)
        .map(|pair| {
            let square = pair.excess_variance() + 1.0 + pair.squared_distance();
            HALF_LN_TAU + pair.q_log_std + 0.5 * square
        })
        .sum()
}

/// On the means −(μ_p − μ_q) / σ_q², on the logarithms 1 − (σ_p² + (μ_p − μ_q)²) / σ_q².
pub(super) fn add_kl_gradient_q<T: Real>(p: &[T], q: &[T], coef: T, gradient: &mut [T]) {
    let dim = p.len() / 2;
    for (i, pair) in pairs(p, q).enumerate() {
        gradient[i] -= coef * T::of(pair.difference * (-2.0 * pair.q_log_std).exp());
        gradient[dim + i] -= coef * T::of(pair.excess_variance() + pair.squared_distance());
    }
}

/// On the means (μ_p − μ_q) / σ_q², on the logarithms σ_p² / σ_q² − 1.
pub(super) fn add_kl_gradient_p<T: Real>(p: &[T], q: &[T], coef: T, gradient: &mut [T]) {
    let dim = p.len() / 2;
    for (i, pair) in pairs(p, q).enumerate() {
        gradient[i] += coef * T::of(pair.difference * (-2.0 * pair.q_log_std).exp());
        gradient[dim + i] += coef * T::of(pair.excess_variance());
    }
}

/// On the means v / σ², on the logarithms 2 v.
#[inline]
pub(super) fn fisher_vector<T: Real>(params: &[T], vector: &[T], out: &mut [T]) {
    let (means, log_stds) = split(params);
    let (out_means, out_log_stds) = out.split_at_mut(means.len());
    let (v_means, v_log_stds) = vector.split_at(means.len());
    for ((slot, &v), &log_std) in out_means.iter_mut().zip(v_means).zip(log_stds) {
        *slot = (T::of(-2.0) * log_std).exp() * v;
    }
    for (slot, &v) in out_log_stds.iter_mut().zip(v_log_stds) {
        *slot = T::of(2.0) * v;
    }
}

/// [`fisher_vector`] for a block of rows, `[rows, 2 n]`, every step a loop over the rows.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops over several arrays become vectors")]
pub(super) fn fisher_vectors<T: Real>(n: usize, params: &[T], vector: &[T], out: &mut [T]) {
    let mut precisions = [[T::zero(); BLOCK]; FEW];
    for (row, params) in params.chunks_exact(2 * n).enumerate() {
        for i in 0..n {
            precisions[i][row] = params[n + i];
        }
    }
    for i in 0..n {
        for row in 0..BLOCK {
            precisions[i][row] = (T::of(-2.0) * precisions[i][row]).exp_in_loop();
        }
    }
    for (row, (vector, out)) in vector.chunks_exact(2 * n).zip(out.chunks_exact_mut(2 * n)).enumerate() {
        for i in 0..n {
            out[i] = precisions[i][row] * vector[i];
            out[n + i] = T::of(2.0) * vector[n + i];
        }
    }
}

/// The total variation where it has a closed form.
///
/// - Equal standard deviations, any dimension: erf(‖(μ_p − μ_q)/σ‖ / (2√2)), since the ratio of the
///   densities depends on one direction only.
/// - p and q differ in one dimension: the densities cross at two points, between which the narrower one
///   is larger.
/// - Otherwise `None`.
pub(super) fn total_variation<T: Real>(p: &[T], q: &[T]) -> Option<f64> {
    let differs = |pair: &Pair| pair.difference != 0.0 || pair.log_ratio != 0.0;
    if pairs(p, q).all(|pair| pair.log_ratio == 0.0) {
        let distance = pairs(p, q).map(|pair| pair.squared_distance()).sum::<f64>().sqrt();
        return Some(erf(distance * std::f64::consts::FRAC_1_SQRT_2 * 0.5));
    }
    let mut differing = pairs(p, q).filter(differs);
    match (differing.next(), differing.next()) {
        (Some(pair), None) => Some(crossing_total_variation(&pair)),
        _ => None,
    }
}

/// D_TV of two normal densities with different standard deviations.
///
/// In units of the narrower one it is N(0, 1) against N(δ, s²), s > 1, and the densities are equal where
/// (s² − 1) t² + 2 δ t − δ² − 2 s² ln s = 0. D_TV is the narrower one's mass between the two roots
/// minus the wider one's.
fn crossing_total_variation(pair: &Pair) -> f64 {
    let log_s = pair.log_ratio.abs();
    let narrow_log_std = pair.q_log_std + pair.log_ratio.min(0.0);
    // D_TV does not change under a reflection, so the sign of δ is free; with δ ≥ 0 the root that would
    // suffer from cancellation is known, and follows from the product of the roots.
    let delta = pair.difference.abs() * (-narrow_log_std).exp();
    let s = log_s.exp();
    let a = (2.0 * log_s).exp_m1();
    let root = delta + s * (delta * delta + 2.0 * a * log_s).sqrt();
    let low = -root / a;
    let high = (delta * delta + 2.0 * s * s * log_s) / root;
    let narrow = normal_cdf(high) - normal_cdf(low);
    let wide = normal_cdf((high - delta) / s) - normal_cdf((low - delta) / s);
    narrow - wide
}
