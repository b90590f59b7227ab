//! Statistics of finished numbers: advantages, returns of seeds, predictions.

use crate::Real;

/// The arithmetic mean Σ x_i / n, accumulated in `f64`; NaN for an empty slice.
pub fn mean<T: Real>(values: &[T]) -> f64 {
    values.iter().map(|x| x.wide()).sum::<f64>() / values.len() as f64
}

/// The population variance Σ (x_i − x̄)² / n in two passes; NaN for an empty slice.
fn variance<T: Real>(values: &[T]) -> f64 {
    let center = mean(values);
    values.iter().map(|x| (x.wide() - center).powi(2)).sum::<f64>() / values.len() as f64
}

/// The population standard deviation √(Σ (x_i − x̄)² / n), in two passes in `f64`; NaN for an empty slice.
///
/// It divides by n, as numpy does; multiply by √(n/(n−1)) for the estimate from a sample.
pub fn standard_deviation<T: Real>(values: &[T]) -> f64 {
    variance(values).sqrt()
}

/// The middle value, the mean of the middle two for an even number; NaN for an empty slice or if any value
/// is NaN.
pub fn median<T: Real>(values: &[T]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(|x| x.wide()).collect();
    if sorted.is_empty() || sorted.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

/// How much of the variance of `target` the critic explains: 1 − Var(y − ŷ) / Var(y).
///
/// 1 is a perfect prediction (up to a constant), 0 no better than a constant, negative worse than one. If
/// all targets are equal there is nothing to explain and the result is NaN, as in Stable-Baselines3.
///
/// ```
/// use gradus_core_math::explained_variance;
/// let target = [1.0, 2.0, 3.0, 6.0_f32];
/// assert_eq!(explained_variance(&target, &target), 1.0);
/// assert_eq!(explained_variance(&[3.0; 4], &target), 0.0);
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn explained_variance<T: Real>(prediction: &[T], target: &[T]) -> f64 {
    assert_eq!(prediction.len(), target.len(), "one prediction per target");
    let total = variance(target);
    if total == 0.0 {
        return f64::NAN;
    }
    let residuals: Vec<f64> = target.iter().zip(prediction).map(|(y, x)| y.wide() - x.wide()).collect();
    1.0 - variance(&residuals) / total
}
