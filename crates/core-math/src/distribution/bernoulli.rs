//! Independent Bernoulli variables on one row of logits: P(a_i = 1) = σ(x_i) = 1 / (1 + e^{−x_i}).
//!
//! Everything goes through softplus(x) = ln(1 + e^x), since log σ(x) = −softplus(−x): no logit overflows.

use rand::RngExt;

use super::divergence_term;
use crate::Real;

/// ln(1 + e^x).
#[inline(always)]
fn softplus<T: Real>(x: T) -> T {
    x.max(T::zero()) + (-x.abs()).exp().ln_1p()
}

/// σ(x), with full relative precision in both tails.
#[inline(always)]
pub(super) fn sigmoid<T: Real>(x: T) -> T {
    let tail = (-x.abs()).exp();
    let large = T::one() / (T::one() + tail);
    if x >= T::zero() { large } else { tail * large }
}

#[inline(always)]
fn is_one<T: Real>(action: T) -> bool {
    action > T::of(0.5)
}

/// One uniform number per variable.
#[inline]
pub(super) fn sample<T: Real>(logits: &[T], rng: &mut (impl rand::Rng + ?Sized), action: &mut [T]) {
    for (slot, &x) in action.iter_mut().zip(logits) {
        let one = rng.random::<f64>() < sigmoid(x).wide();
        *slot = if one { T::one() } else { T::zero() };
    }
}

/// 1 where the logit is positive.
#[inline]
pub(super) fn mode<T: Real>(logits: &[T], action: &mut [T]) {
    for (slot, &x) in action.iter_mut().zip(logits) {
        *slot = if x > T::zero() { T::one() } else { T::zero() };
    }
}

/// −Σ softplus(−x_i) where a_i = 1, softplus(x_i) where a_i = 0.
#[inline]
pub(super) fn log_prob<T: Real>(logits: &[T], action: &[T]) -> T {
    let mut sum = T::zero();
    for (&x, &a) in logits.iter().zip(action) {
        sum -= softplus(if is_one(a) { -x } else { x });
    }
    sum
}

/// Σ softplus(−|x_i|) + |x_i| σ(−|x_i|): a sum of positive terms, precise in the tails.
#[inline]
pub(super) fn entropy<T: Real>(logits: &[T]) -> T {
    let mut sum = T::zero();
    for &x in logits {
        let x = -x.abs();
        sum += softplus(x) - x * sigmoid(x);
    }
    sum
}

/// gradient_i += c (a_i − σ(x_i)) − h x_i σ(x_i) σ(−x_i).
#[inline]
pub(super) fn add_gradient<T: Real>(
    logits: &[T],
    action: &[T],
    log_prob_coef: T,
    entropy_coef: T,
    gradient: &mut [T],
) {
    for ((slot, &x), &a) in gradient.iter_mut().zip(logits).zip(action) {
        let (zero, one) = (sigmoid(-x), sigmoid(x));
        let score = if is_one(a) { zero } else { -one };
        *slot += log_prob_coef * score - entropy_coef * (x * one * zero);
    }
}

/// The pair (log σ(x), log σ(−x)) in f64.
#[inline(always)]
fn log_probs<T: Real>(x: T) -> (f64, f64) {
    (-softplus(-x.wide()), -softplus(x.wide()))
}

/// Σ_i Σ_a p_i(a) (log p_i(a) − log q_i(a)).
pub(super) fn kl<T: Real>(p: &[T], q: &[T]) -> f64 {
    let mut sum = 0.0;
    for (&x, &y) in p.iter().zip(q) {
        let ((p_one, p_zero), (q_one, q_zero)) = (log_probs(x), log_probs(y));
        sum += divergence_term(p_one, q_one) + divergence_term(p_zero, q_zero);
    }
    sum
}

/// −Σ_i Σ_a p_i(a) log q_i(a).
pub(super) fn cross_entropy<T: Real>(p: &[T], q: &[T]) -> f64 {
    let mut sum = 0.0;
    for (&x, &y) in p.iter().zip(q) {
        let (q_one, q_zero) = log_probs(y);
        sum -= sigmoid(x.wide()) * q_one + sigmoid(-x.wide()) * q_zero;
    }
    sum
}

/// gradient_i += coef (σ(y_i) − σ(x_i)).
pub(super) fn add_kl_gradient_q<T: Real>(p: &[T], q: &[T], coef: T, gradient: &mut [T]) {
    for ((slot, &x), &y) in gradient.iter_mut().zip(p).zip(q) {
        *slot += coef * T::of(sigmoid(y.wide()) - sigmoid(x.wide()));
    }
}

/// gradient_i += coef σ(x_i) σ(−x_i) (x_i − y_i).
pub(super) fn add_kl_gradient_p<T: Real>(p: &[T], q: &[T], coef: T, gradient: &mut [T]) {
    for ((slot, &x), &y) in gradient.iter_mut().zip(p).zip(q) {
        *slot += coef * (sigmoid(x) * sigmoid(-x) * (x - y));
    }
}

/// out_i = σ(x_i) σ(−x_i) v_i.
#[inline]
pub(super) fn fisher_vector<T: Real>(logits: &[T], vector: &[T], out: &mut [T]) {
    for ((slot, &x), &v) in out.iter_mut().zip(logits).zip(vector) {
        *slot = sigmoid(x) * sigmoid(-x) * v;
    }
}
