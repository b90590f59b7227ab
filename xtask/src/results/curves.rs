//! Pictures of learning curves over several seeds.

use std::collections::BTreeMap;

use gradus_core_math::interquartile_mean;
use gradus_runner::plot::Plot;

use super::{levels, scores};

/// Places on the horizontal axis that a curve has, about: more are not told apart.
const PLACES: usize = 60;

/// Steps, each with a return.
type Points = Vec<(f64, f64)>;

/// The curves of one variant of an algorithm, one for each seed.
pub(super) struct Curves {
    pub(super) label: String,
    pub(super) algo: String,
    pub(super) seeds: Vec<Points>,
}

/// One picture of a task with the curves of every algorithm that was run on it.
pub(super) fn picture(env: &str, algorithms: &[Curves]) -> String {
    let mut plot =
        Plot::new(env).x_label("environment steps").y_label("mean return of the last 100 episodes");
    for Curves { label, seeds, .. } in algorithms {
        let (dots, mean) = dots_and_mean(seeds);
        let name =
            if seeds.len() == 1 { label.clone() } else { format!("{label}, mean of {} seeds", seeds.len()) };
        plot = plot.scatter(name, if seeds.len() == 1 { &[] } else { &dots }, &mean);
    }
    let mut levels: Vec<f64> =
        algorithms.iter().filter_map(|it| levels::find(&it.algo, env)).map(|level| level.at_least).collect();
    levels.dedup_by(|a, b| a.total_cmp(b).is_eq());
    for level in levels {
        plot = plot.horizontal_line(format!("level asked for: {level}"), level);
    }
    plot.render()
}

/// Every n-th step that all seeds have a value at, with these values and with their means.
pub(super) fn dots_and_mean(seeds: &[Points]) -> (Points, Points) {
    let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for &(step, value) in seeds.iter().flatten() {
        // Steps are counts, exact in f64.
        at.entry(step as u64).or_default().push(value);
    }
    at.retain(|_, values| values.len() == seeds.len());
    let every = at.len().div_ceil(PLACES).max(1);
    // Counted from the last one, which is the result.
    let skipped = at.len().saturating_sub(1) % every;
    let (mut dots, mut means) = (Vec::new(), Vec::new());
    for (&step, values) in at.iter().skip(skipped).step_by(every) {
        let step = step as f64;
        dots.extend(values.iter().map(|&value| (step, value)));
        means.push((step, values.iter().sum::<f64>() / values.len() as f64));
    }
    (dots, means)
}

/// One picture of a task with a curve of every variant: the interquartile mean over the seeds, in the band of the
/// seeds that it is a mean of.
pub(super) fn banded_picture(env: &str, variants: &[Curves]) -> String {
    let mut plot =
        Plot::new(env).x_label("environment steps").y_label("mean return of the last 100 episodes");
    for Curves { label, seeds, .. } in variants {
        let (band, line) = band_and_line(seeds);
        plot = plot.band(label, &band, &line);
    }
    if let Some(range) = scores::range(env) {
        plot = plot.horizontal_line(format!("score 1: {}", range.good), range.good);
    }
    plot.render()
}

/// At evenly spaced steps, which every seed has reached: the lowest and the highest value of the middle half of the
/// seeds, and the interquartile mean. A seed's value is the last one up to the step, since some algorithms take other
/// numbers of steps with every seed.
pub(super) fn band_and_line(seeds: &[Points]) -> (Vec<(f64, f64, f64)>, Points) {
    let ends = seeds.iter().map(|points| points.last().map_or(f64::NEG_INFINITY, |(step, _)| *step));
    let end = ends.fold(f64::INFINITY, f64::min);
    let (mut band, mut line) = (Vec::new(), Vec::new());
    if !end.is_finite() {
        return (band, line);
    }
    for place in 1..=PLACES {
        let step = end * place as f64 / PLACES as f64;
        let reached =
            |points: &Points| points.iter().rev().find(|(at, _)| *at <= step).map(|(_, value)| *value);
        let Some(mut values) = seeds.iter().map(reached).collect::<Option<Vec<f64>>>() else {
            continue;
        };
        values.sort_unstable_by(f64::total_cmp);
        let cut = values.len() / 4;
        band.push((step, values[cut], values[values.len() - 1 - cut]));
        line.push((step, interquartile_mean(&values)));
    }
    (band, line)
}
