//! Importance sampling: expectations under p from samples of q, and how far they are to be trusted.

use gradus_core_math::{Real, mean};

/// What the weights w = p(x)/q(x) of samples from q say about the estimates that they make.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightStatistics {
    /// Their mean, whose expectation is 1 where q covers p. Far from 1 it says that the samples missed what matters.
    pub mean: f64,
    /// Their population variance, whose expectation is near E_q(w²) − 1, the χ² divergence of p from q.
    pub variance: f64,
    /// (Σ w)² / Σ w²: the number of samples from p that estimate as well, for values that do not go with the weights
    /// (Kong 1992). From 1, where one weight outweighs all, to n for equal weights; 0 where all weights are 0.
    pub effective_sample_size: f64,
}

/// Mean, variance and effective sample size of importance weights; NaN for none.
///
/// ```
/// use gradus_vpg::weight_statistics;
/// let found = weight_statistics(&[2.0, 2.0, 0.0, 0.0]);
/// assert_eq!((found.mean, found.variance, found.effective_sample_size), (1.0, 1.0, 2.0));
/// ```
pub fn weight_statistics<T: Real>(weights: &[T]) -> WeightStatistics {
    let n = weights.len() as f64;
    let center = mean(weights);
    let variance = weights.iter().map(|w| (w.wide() - center).powi(2)).sum::<f64>() / n;
    // The weights are scaled by the largest, so that no square leaves the range.
    let largest = weights.iter().fold(0.0, |largest: f64, w| largest.max(w.wide()));
    let scale = if largest > 0.0 { largest.recip() } else { 1.0 };
    let sum: f64 = weights.iter().map(|w| w.wide() * scale).sum();
    let squares: f64 = weights.iter().map(|w| (w.wide() * scale).powi(2)).sum();
    let effective_sample_size = if squares == 0.0 { 0.0 } else { sum * sum / squares };
    WeightStatistics { mean: center, variance, effective_sample_size }
}

/// The importance-sampled mean (1/n) Σ w_i f_i: unbiased for E_p(f) where q covers p.
///
/// # Panics
/// When the lengths differ.
pub fn importance_sampled_mean<T: Real>(weights: &[T], values: &[T]) -> f64 {
    weighted_sum(weights, values) / weights.len() as f64
}

/// The self-normalised mean Σ w_i f_i / Σ w_i: biased by O(1/n), but a mean of the values, never outside their range,
/// and free of an unknown factor in the weights. NaN where all weights are 0.
///
/// # Panics
/// When the lengths differ.
pub fn self_normalized_mean<T: Real>(weights: &[T], values: &[T]) -> f64 {
    weighted_sum(weights, values) / weights.iter().map(|w| w.wide()).sum::<f64>()
}

fn weighted_sum<T: Real>(weights: &[T], values: &[T]) -> f64 {
    assert_eq!(weights.len(), values.len(), "one value a weight");
    weights.iter().zip(values).map(|(w, f)| w.wide() * f.wide()).sum()
}

/// The variance of one weighted sample, from expectations under p alone, for discrete p and q:
///
///   Var_q(f p/q) = E_p(f² p/q) − E_p(f)²
///
/// because E_q((f p/q)²) = Σ q f² p²/q² = Σ p f² p/q, and E_q(f p/q) = E_p(f). Where p is large and q small, p/q is
/// large: the estimate needs as many more samples as the policies are apart. Outcomes with p = 0 add nothing; it is
/// infinite where q = 0 and p f ≠ 0, since q then misses what counts.
///
/// # Shapes
/// `p`, `q`, `values`: `[outcomes]`.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use gradus_vpg::importance_variance;
/// // p and q alike: the variance of f itself.
/// assert_eq!(importance_variance(&[0.5, 0.5], &[0.5, 0.5], &[1.0, -1.0]), 1.0);
/// assert_eq!(importance_variance(&[0.5, 0.5], &[0.125, 0.875], &[1.0, -1.0]), 16.0 / 7.0);
/// ```
pub fn importance_variance(p: &[f64], q: &[f64], values: &[f64]) -> f64 {
    assert!(p.len() == q.len() && p.len() == values.len(), "p, q and values have one length");
    let (mut mean, mut second) = (0.0, 0.0);
    for ((&p, &q), &f) in p.iter().zip(q).zip(values) {
        let weighted = p * f;
        mean += weighted;
        // Not a product with 0: 0 · ∞ is NaN.
        if weighted != 0.0 {
            second += weighted * f * (p / q);
        }
    }
    second - mean * mean
}
