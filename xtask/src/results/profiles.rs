//! The picture of performance profiles.

use gradus_core_math::{ResultsError, performance_profile};
use gradus_runner::plot::Plot;

use super::scores::Overall;

/// The scores between which profiles are drawn, from worse than random to better than good.
const FROM_TO: (f64, f64) = (-0.2, 1.2);

/// Thresholds in a picture.
const THRESHOLDS: usize = 141;

/// For each variant and threshold the share of the runs that score more. Variants that were not run on every task that
/// others were run on are left out: their profile is one of other tasks.
pub(super) fn picture(title: &str, variants: &[Overall<'_>]) -> Result<String, ResultsError> {
    let (from, to) = FROM_TO;
    let thresholds: Vec<f64> =
        (0..THRESHOLDS).map(|i| from + (to - from) * i as f64 / (THRESHOLDS - 1) as f64).collect();
    let mut plot = Plot::new(title).x_label("score τ").y_label("share of the runs that score more than τ");
    for variant in comparable(variants) {
        let shares = performance_profile(&variant.matrix(&variant.envs)?, &thresholds);
        let points: Vec<(f64, f64)> = thresholds.iter().copied().zip(shares).collect();
        plot = plot.series(variant.label, &points);
    }
    Ok(plot.render())
}

/// The variants with the most tasks.
pub(super) fn comparable<'v, 'a>(variants: &'v [Overall<'a>]) -> impl Iterator<Item = &'v Overall<'a>> {
    let most = variants.iter().map(|variant| variant.envs.len()).max().unwrap_or(0);
    variants.iter().filter(move |variant| variant.envs.len() == most)
}
