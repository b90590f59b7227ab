//! The categorical family on one row of logits.
//!
//! π(i) = exp(z_i − m) / Σ_j exp(z_j − m) over the allowed i, with m the largest allowed logit. A masked
//! logit is never read, so it may hold anything; its probability and its gradient are exactly 0.

use rand::RngExt;

use super::block::{BLOCK, Block, Coefficients, FEW};
use super::divergence_term;
use crate::Real;

/// Exponentials of this many leading logits stay on the stack between the two passes over a row; rows are
/// rarely longer, and the exponentials past it are computed again.
const CACHED: usize = 32;

/// Whether entry `i` may be chosen.
#[inline(always)]
pub(super) fn allowed(mask: Option<&[bool]>, i: usize) -> bool {
    mask.is_none_or(|mask| mask[i])
}

/// `weight · x`, and 0 for weight 0 even where x is infinite.
#[inline(always)]
fn weighted<T: Real>(weight: T, x: T) -> T {
    if weight == T::zero() { T::zero() } else { weight * x }
}

/// The index that an action's number stands for.
#[inline(always)]
fn index<T: Real>(action: T) -> usize {
    action.to_usize().unwrap_or(usize::MAX)
}

/// The largest allowed logit.
#[inline(always)]
fn largest<T: Real>(logits: &[T], mask: Option<&[bool]>) -> T {
    let mut max = T::neg_infinity();
    for (i, &z) in logits.iter().enumerate() {
        if z > max && allowed(mask, i) {
            max = z;
        }
    }
    max
}

/// The unnormalised probabilities exp(z_i − m) of a row with the sums that everything else follows from.
struct Softmax<'a, T> {
    logits: &'a [T],
    mask: Option<&'a [bool]>,
    /// m, the largest allowed logit.
    max: T,
    /// Σ exp(z_i − m), at least 1.
    sum: T,
    /// Σ exp(z_i − m) (z_i − m).
    shifted: T,
    cache: [T; CACHED],
}

impl<'a, T: Real> Softmax<'a, T> {
    #[inline(always)]
    fn new(logits: &'a [T], mask: Option<&'a [bool]>) -> Self {
        let max = largest(logits, mask);
        let mut cache = [T::zero(); CACHED];
        let (mut sum, mut shifted) = (T::zero(), T::zero());
        for (i, &z) in logits.iter().enumerate() {
            if allowed(mask, i) {
                let shift = z - max;
                let weight = shift.exp();
                sum += weight;
                shifted += weighted(weight, shift);
                if let Some(slot) = cache.get_mut(i) {
                    *slot = weight;
                }
            }
        }
        Self { logits, mask, max, sum, shifted, cache }
    }

    /// exp(z_i − m), 0 where masked.
    #[inline(always)]
    fn weight(&self, i: usize, logit: T) -> T {
        if let Some(&weight) = self.cache.get(i) {
            weight
        } else if allowed(self.mask, i) {
            (logit - self.max).exp()
        } else {
            T::zero()
        }
    }

    #[inline(always)]
    fn log_prob(&self, chosen: usize) -> T {
        let logit = self.logits[chosen];
        if allowed(self.mask, chosen) { (logit - self.max) - self.sum.ln() } else { T::neg_infinity() }
    }

    /// H = ln Σ exp(z_i − m) − Σ π_i (z_i − m).
    #[inline(always)]
    fn entropy(&self) -> T {
        self.sum.ln() - self.shifted / self.sum
    }
}

/// One uniform number, inverted through the cumulative weights in the order of the indices.
#[inline]
pub(super) fn sample<T: Real>(
    logits: &[T],
    mask: Option<&[bool]>,
    rng: &mut (impl rand::Rng + ?Sized),
    action: &mut T,
) {
    let softmax = Softmax::new(logits, mask);
    let mut left = rng.random::<f64>() * softmax.sum.wide();
    // The cumulative sum may end a rounding error below the total; then the last action that has
    // probability is taken, never a masked one.
    let mut chosen = 0;
    for (i, &z) in logits.iter().enumerate() {
        let weight = softmax.weight(i, z).wide();
        if weight > 0.0 {
            chosen = i;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    *action = T::of(chosen as f64);
}

/// argmax of the allowed logits, the first of equals.
#[inline]
pub(super) fn mode<T: Real>(logits: &[T], mask: Option<&[bool]>, action: &mut T) {
    let (mut max, mut chosen) = (T::neg_infinity(), 0);
    for (i, &z) in logits.iter().enumerate() {
        if z > max && allowed(mask, i) {
            (max, chosen) = (z, i);
        }
    }
    *action = T::of(chosen as f64);
}

/// log π(a) = z_a − m − ln Σ exp(z_i − m); −∞ for a masked action.
#[inline]
pub(super) fn log_prob<T: Real>(logits: &[T], mask: Option<&[bool]>, action: T) -> T {
    let max = largest(logits, mask);
    let mut sum = T::zero();
    for (i, &z) in logits.iter().enumerate() {
        if allowed(mask, i) {
            sum += (z - max).exp();
        }
    }
    let chosen = index(action);
    let logit = logits[chosen];
    if allowed(mask, chosen) { (logit - max) - sum.ln() } else { T::neg_infinity() }
}

#[inline]
pub(super) fn entropy<T: Real>(logits: &[T], mask: Option<&[bool]>) -> T {
    Softmax::new(logits, mask).entropy()
}

#[inline]
pub(super) fn log_prob_and_entropy<T: Real>(logits: &[T], mask: Option<&[bool]>, action: T) -> (T, T) {
    let softmax = Softmax::new(logits, mask);
    (softmax.log_prob(index(action)), softmax.entropy())
}

/// gradient_i += c (1{i = a} − π_i) − h π_i (log π_i + H), with (c, h) = `coefs(log π(a), H)`.
#[inline]
pub(super) fn add_gradient_with<T: Real>(
    logits: &[T],
    mask: Option<&[bool]>,
    action: T,
    coefs: impl FnOnce(T, T) -> (T, T),
    gradient: &mut [T],
) {
    let softmax = Softmax::new(logits, mask);
    let chosen = index(action);
    let log_sum = softmax.sum.ln();
    let entropy = log_sum - softmax.shifted / softmax.sum;
    let log_prob = if allowed(mask, chosen) {
        (logits[chosen] - softmax.max) - log_sum
    } else {
        assert!(chosen < logits.len(), "action {action} is not one of {} logits", logits.len());
        T::neg_infinity()
    };
    let (log_prob_coef, entropy_coef) = coefs(log_prob, entropy);
    let scale = T::one() / softmax.sum;
    // log π_i + H = z_i − m − Σ π_j (z_j − m): the logarithm of the sum drops out.
    let mean_shift = softmax.shifted * scale;
    for (i, (slot, &z)) in gradient.iter_mut().zip(logits).enumerate() {
        let prob = softmax.weight(i, z) * scale;
        if allowed(mask, i) {
            *slot -= log_prob_coef * prob + entropy_coef * weighted(prob, z - softmax.max - mean_shift);
        }
    }
    if allowed(mask, chosen) {
        gradient[chosen] += log_prob_coef;
    }
}

/// The largest logit of each row of a block, which stands choice by choice.
#[inline(always)]
fn largest_of_rows<T: Real>(logits: &[Block<T>]) -> Block<T> {
    let mut max = [T::neg_infinity(); BLOCK];
    for logits in logits {
        for row in 0..BLOCK {
            max[row] = if logits[row] > max[row] { logits[row] } else { max[row] };
        }
    }
    max
}

/// [`add_gradient_with`] for a block of rows without masks, `[rows, n]`: every step is a loop over the rows, which
/// becomes a few operations on vectors.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops over several arrays become vectors")]
pub(super) fn add_gradients_with<T: Real>(
    n: usize,
    logits: &[T],
    action: impl Fn(usize) -> T,
    first: usize,
    coefs: &mut impl Coefficients<T>,
    gradient: &mut [T],
) {
    let zeros = [T::zero(); BLOCK];
    // Choice by choice; the places of rows that are not there stand for equal probabilities.
    let mut shifts = [zeros; FEW];
    let mut weights = [zeros; FEW];
    let mut chosen = [0; BLOCK];
    for (row, logits) in logits.chunks_exact(n).enumerate() {
        for (i, &z) in logits.iter().enumerate() {
            shifts[i][row] = z;
        }
        chosen[row] = index(action(row));
        assert!(chosen[row] < n, "action {} is not one of {n} logits", action(row));
    }
    let max = largest_of_rows(&shifts[..n]);
    let (mut sum, mut shifted) = (zeros, zeros);
    for i in 0..n {
        for row in 0..BLOCK {
            let shift = shifts[i][row] - max[row];
            let weight = shift.exp_in_loop();
            shifts[i][row] = shift;
            weights[i][row] = weight;
            sum[row] += weight;
            shifted[row] += weighted(weight, shift);
        }
    }
    let (mut log_probs, mut entropies, mut scale, mut mean_shift) = (zeros, zeros, zeros, zeros);
    for row in 0..BLOCK {
        let log_sum = sum[row].ln_in_loop();
        scale[row] = T::one() / sum[row];
        mean_shift[row] = shifted[row] * scale[row];
        entropies[row] = log_sum - mean_shift[row];
        log_probs[row] = -log_sum;
    }
    for row in 0..BLOCK {
        log_probs[row] += shifts[chosen[row]][row];
    }
    let (of_log_prob, of_entropy) = coefs.of_rows(first, &log_probs, &entropies);
    for i in 0..n {
        for row in 0..BLOCK {
            let prob = weights[i][row] * scale[row];
            let spread = weighted(prob, shifts[i][row] - mean_shift[row]);
            weights[i][row] = of_log_prob[row] * prob + of_entropy[row] * spread;
        }
    }
    for (row, slots) in gradient.chunks_exact_mut(n).enumerate() {
        for (i, slot) in slots.iter_mut().enumerate() {
            *slot -= weights[i][row];
        }
        slots[chosen[row]] += of_log_prob[row];
    }
}

/// [`fisher_vector`] for a block of rows without masks, `[rows, n]`, every step a loop over the rows.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops over several arrays become vectors")]
pub(super) fn fisher_vectors<T: Real>(n: usize, logits: &[T], vector: &[T], out: &mut [T]) {
    let zeros = [T::zero(); BLOCK];
    // Choice by choice; the places of rows that are not there stand for equal probabilities.
    let (mut probs, mut vectors) = ([zeros; FEW], [zeros; FEW]);
    for (row, (logits, vector)) in logits.chunks_exact(n).zip(vector.chunks_exact(n)).enumerate() {
        for i in 0..n {
            (probs[i][row], vectors[i][row]) = (logits[i], vector[i]);
        }
    }
    let max = largest_of_rows(&probs[..n]);
    let (mut sum, mut mean) = (zeros, zeros);
    for i in 0..n {
        for row in 0..BLOCK {
            probs[i][row] = (probs[i][row] - max[row]).exp_in_loop();
            sum[row] += probs[i][row];
            mean[row] += weighted(probs[i][row], vectors[i][row]);
        }
    }
    for row in 0..BLOCK {
        mean[row] /= sum[row];
    }
    for i in 0..n {
        for row in 0..BLOCK {
            probs[i][row] = weighted(probs[i][row] / sum[row], vectors[i][row] - mean[row]);
        }
    }
    for (row, out) in out.chunks_exact_mut(n).enumerate() {
        for i in 0..n {
            out[i] = probs[i][row];
        }
    }
}

/// ln Σ exp(z_i) in f64.
fn log_normaliser<T: Real>(logits: &[T], mask: Option<&[bool]>) -> f64 {
    let max = largest(logits, mask).wide();
    let mut sum = 0.0;
    for (i, &z) in logits.iter().enumerate() {
        if allowed(mask, i) {
            sum += (z.wide() - max).exp();
        }
    }
    max + sum.ln()
}

/// Calls `visit(i, log p_i, log q_i)` for every allowed i, in f64.
#[inline]
fn for_each_pair<T: Real>(p: &[T], q: &[T], mask: Option<&[bool]>, mut visit: impl FnMut(usize, f64, f64)) {
    let (p_log_sum, q_log_sum) = (log_normaliser(p, mask), log_normaliser(q, mask));
    for (i, (&x, &y)) in p.iter().zip(q).enumerate() {
        if allowed(mask, i) {
            visit(i, x.wide() - p_log_sum, y.wide() - q_log_sum);
        }
    }
}

/// The probabilities in f64, 0 where masked, appended to `out`.
pub(super) fn push_probabilities<T: Real>(logits: &[T], mask: Option<&[bool]>, out: &mut Vec<f64>) {
    let log_sum = log_normaliser(logits, mask);
    out.extend(
        logits
            .iter()
            .enumerate()
            .map(|(i, &z)| if allowed(mask, i) { (z.wide() - log_sum).exp() } else { 0.0 }),
    );
}

/// Σ p_i (log p_i − log q_i).
pub(super) fn kl<T: Real>(p: &[T], q: &[T], mask: Option<&[bool]>) -> f64 {
    let mut sum = 0.0;
    for_each_pair(p, q, mask, |_, log_p, log_q| sum += divergence_term(log_p, log_q));
    sum
}

/// ½ Σ |p_i − q_i|.
pub(super) fn total_variation<T: Real>(p: &[T], q: &[T], mask: Option<&[bool]>) -> f64 {
    let mut sum = 0.0;
    for_each_pair(p, q, mask, |_, log_p, log_q| sum += (log_p.exp() - log_q.exp()).abs());
    0.5 * sum
}

/// −Σ p_i log q_i.
pub(super) fn cross_entropy<T: Real>(p: &[T], q: &[T], mask: Option<&[bool]>) -> f64 {
    let mut sum = 0.0;
    for_each_pair(p, q, mask, |_, log_p, log_q| sum -= log_p.exp() * log_q);
    sum
}

/// gradient_i += coef (q_i − p_i).
pub(super) fn add_kl_gradient_q<T: Real>(
    p: &[T],
    q: &[T],
    mask: Option<&[bool]>,
    coef: T,
    gradient: &mut [T],
) {
    for_each_pair(p, q, mask, |i, log_p, log_q| gradient[i] += coef * T::of(log_q.exp() - log_p.exp()));
}

/// gradient_i += coef p_i (log p_i − log q_i − D_KL).
pub(super) fn add_kl_gradient_p<T: Real>(
    p: &[T],
    q: &[T],
    mask: Option<&[bool]>,
    coef: T,
    gradient: &mut [T],
) {
    let divergence = kl(p, q, mask);
    for_each_pair(p, q, mask, |i, log_p, log_q| {
        gradient[i] += coef * T::of(log_p.exp() * (log_p - log_q - divergence));
    });
}

/// out_i = p_i (v_i − Σ_j p_j v_j).
#[inline]
pub(super) fn fisher_vector<T: Real>(logits: &[T], mask: Option<&[bool]>, vector: &[T], out: &mut [T]) {
    let softmax = Softmax::new(logits, mask);
    let scale = T::one() / softmax.sum;
    let mut mean = T::zero();
    for (i, (&z, &v)) in logits.iter().zip(vector).enumerate() {
        mean += weighted(softmax.weight(i, z) * scale, v);
    }
    for (i, ((slot, &z), &v)) in out.iter_mut().zip(logits).zip(vector).enumerate() {
        *slot = weighted(softmax.weight(i, z) * scale, v - mean);
    }
}
