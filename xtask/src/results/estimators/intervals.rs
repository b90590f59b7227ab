//! Means over the seeds with their intervals.

use gradus_core_math::{Interval, mean, standard_deviation};

/// The 0.975 quantiles of Student's t with 1 to 30 degrees of freedom.
const QUANTILES: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The same of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// The 0.975 quantile of Student's t. With more than 30 degrees of freedom by the expansion in their inverse (Abramowitz
/// & Stegun, 26.7.5), which is right to three digits then.
pub(super) fn quantile(degrees: usize) -> f64 {
    match degrees {
        0 => f64::INFINITY,
        1..=30 => QUANTILES[degrees - 1],
        _ => {
            let (z, v) = (NORMAL, degrees as f64);
            z + (z.powi(3) + z) / (4.0 * v) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
        }
    }
}

/// A mean over seeds, with its 95 % interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    pub(super) value: f64,
    /// None for one seed.
    pub(super) interval: Option<Interval>,
}

impl Mean {
    /// Of one value a seed; the interval is Student's.
    pub(super) fn of(values: &[f64]) -> Self {
        let value = mean(values);
        let n = values.len() as f64;
        let interval = (values.len() > 1).then(|| {
            // From the population's deviation: √(n/(n−1)) and 1/√n together.
            let half = quantile(values.len() - 1) * standard_deviation(values) / (n - 1.0).sqrt();
            Interval { low: value - half, high: value + half }
        });
        Self { value, interval }
    }

    /// The root of a mean square, and of its interval's ends; what is below 0 counts as 0.
    pub(super) fn root(self) -> Self {
        let root = |x: f64| x.max(0.0).sqrt();
        let interval = self.interval.map(|it| Interval { low: root(it.low), high: root(it.high) });
        Self { value: root(self.value), interval }
    }

    /// Whether a number lies in the interval, but for rounding of so much.
    pub(super) fn covers(&self, x: f64, rounding: f64) -> bool {
        self.interval.is_some_and(|it| it.low - rounding <= x && x <= it.high + rounding)
    }
}
