//! Statistics of results against numpy, and against the enumeration of every resample (`golden/results.py`).

mod common;

use common::{assert_all_close, assert_close, close, numbers, rows};
use gradus_core_math::{
    Bootstrap, Interval, ResultsError, ScoreMatrix, Stream, bootstrap_interval, interquartile_mean, mean,
    performance_profile, probability_of_improvement,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/results.json")).expect("golden values are JSON")
}

fn matrix(golden: &Value, name: &str) -> ScoreMatrix {
    let rows = rows(&golden[name]);
    ScoreMatrix::new(rows[0].len(), rows.concat()).expect("scores")
}

fn iqm([scores]: [&ScoreMatrix; 1]) -> f64 {
    interquartile_mean(scores.scores())
}

fn improvement([x, y]: [&ScoreMatrix; 2]) -> f64 {
    probability_of_improvement(x, y).expect("the same tasks")
}

fn interval<const K: usize>(
    matrices: [&ScoreMatrix; K],
    statistic: fn([&ScoreMatrix; K]) -> f64,
) -> Interval {
    let mut rng = Stream::new(1, "bootstrap", 0);
    bootstrap_interval(matrices, statistic, &Bootstrap::new(), &mut rng).expect("finite scores")
}

#[test]
fn the_interquartile_mean_drops_a_quarter_on_either_side() {
    let golden = golden();
    let squares: Vec<f64> = (0..9).map(|i| f64::from(i * i)).collect();
    let [x, y, small] = ["large_x", "large_y", "small"].map(|name| matrix(&golden, name));
    let found = [x.scores(), y.scores(), small.scores(), &[3.0, 1.0, 2.0], &squares].map(interquartile_mean);
    assert_all_close("iqm", &found, &numbers(&golden["iqm"]), 1e-14, 1.0);
    // Slips: the mean, and a quarter cut off in all instead of on either side.
    let sorted = [0.0, 1.0, 2.0, 3.0, 5.0, 5.0, 50.0, 100.0];
    let found = interquartile_mean(&sorted);
    assert_close("iqm", found, 3.75, 1e-15, 1.0);
    assert!(!close(mean(&sorted), found, 0.1, 1.0) && !close(mean(&sorted[1..7]), found, 0.1, 1.0));
    assert!(interquartile_mean(&[]).is_nan() && interquartile_mean(&[1.0, f64::NAN]).is_nan());
}

#[test]
fn profiles_are_shares_above_a_threshold() {
    let golden = golden();
    let thresholds = numbers(&golden["thresholds"]);
    let x = matrix(&golden, "large_x");
    let found = performance_profile(&x, &thresholds);
    assert_all_close("profile", &found, &numbers(&golden["profile"]), 1e-14, 1.0);
    // A slip: counting scores that equal the threshold, as one of them does.
    let at_least = |t: f64| x.scores().iter().filter(|&&s| s >= t).count() as f64 / x.scores().len() as f64;
    assert!(!close(found[3], at_least(thresholds[3]), 1e-3, 1.0));
}

#[test]
fn the_probability_of_improvement_counts_pairs_of_one_task() {
    let golden = golden();
    let [x, y, small] = ["large_x", "large_y", "small"].map(|name| matrix(&golden, name));
    let found = [[&x, &y], [&y, &x], [&small, &small]].map(improvement);
    assert_all_close("improvement", &found, &numbers(&golden["improvement"]), 1e-14, 1.0);
    // A slip: pairs of different tasks.
    let pooled = |m: &ScoreMatrix| ScoreMatrix::new(1, m.scores().to_vec()).expect("scores");
    assert!(!close(improvement([&pooled(&x), &pooled(&y)]), found[0], 0.01, 1.0));
    let error = probability_of_improvement(&x, &small).expect_err("other tasks");
    assert_eq!(error, ResultsError::OtherTasks { one: 4, other: 2 });
}

/// Few runs have so few different resamples that all can be listed, and the quantiles of the statistic known. 50,000
/// draws know the 2.5 % to 0.07 %, which may move a quantile to the next value that the statistic can take.
#[test]
fn intervals_are_those_of_all_resamples() {
    let golden = golden();
    let [small, few_x, few_y] = ["small", "few_x", "few_y"].map(|name| matrix(&golden, name));
    let check = |name: &str, found: Interval, tolerance: f64| {
        let expected = numbers(&golden[name]);
        assert_all_close(name, &[found.low, found.high], &expected, tolerance, 1.0);
    };
    check("exact_interval_of_small_iqm", interval([&small], iqm), 2.6e-3);
    let mean_of = |[m]: [&ScoreMatrix; 1]| mean(m.scores());
    check("exact_interval_of_small_mean", interval([&small], mean_of), 1.3e-3);
    check("exact_interval_of_improvement", interval([&few_x, &few_y], improvement), 1e-14);
    // Another confidence is told apart.
    let mut rng = Stream::new(1, "bootstrap", 0);
    let narrow = Bootstrap::new().with_confidence(0.9);
    let narrow = bootstrap_interval([&small], mean_of, &narrow, &mut rng).expect("finite scores");
    assert!(!close(narrow.low, numbers(&golden["exact_interval_of_small_mean"])[0], 1e-2, 1.0));
}

#[test]
fn strata_are_tasks() {
    let golden = golden();
    let x = matrix(&golden, "large_x");
    let found = interval([&x], iqm);
    // Both sides are sampled: the quantiles of either scatter by about 0.001.
    let expected = numbers(&golden["interval_of_large_iqm"]);
    assert_all_close("interval", &[found.low, found.high], &expected, 3e-3, 1.0);
    let slip = numbers(&golden["interval_without_strata"]);
    assert!((slip[0] - found.low).abs() > 0.05 && (slip[1] - found.high).abs() > 0.05);
}

#[test]
fn a_stream_gives_the_same_interval_again() {
    let x = matrix(&golden(), "large_x");
    let draw = |seed: u64| {
        let mut rng = Stream::new(seed, "bootstrap", 0);
        let bootstrap = Bootstrap::new().with_resamples(200);
        bootstrap_interval([&x], iqm, &bootstrap, &mut rng).expect("finite scores")
    };
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
    // Streams are part of the result, so it must not change between versions.
    let Interval { low, high } = draw(3);
    assert_all_close("value stability", &[low, high], &[0.51045, 0.633], 1e-14, 1.0);
}

#[test]
fn what_does_not_fit_is_named() {
    let error = |tasks, scores: &[f64]| ScoreMatrix::new(tasks, scores.to_vec()).expect_err("refused");
    assert_eq!(error(0, &[]), ResultsError::Empty);
    assert_eq!(error(0, &[1.0]), ResultsError::Empty);
    assert_eq!(error(2, &[1.0; 3]), ResultsError::Ragged { found: 3, tasks: 2 });
    let text = error(2, &[1.0, 1.0, 1.0, f64::NAN]).to_string();
    assert_eq!(text, "the score of run 1 on task 1 is NaN");
    let x = ScoreMatrix::new(2, vec![1.0, 2.0, 3.0, 4.0]).expect("scores");
    assert_eq!((x.runs(), x.tasks()), (2, 2));
    let mut rng = Stream::new(1, "bootstrap", 0);
    let mut refused = |bootstrap: Bootstrap, statistic: fn([&ScoreMatrix; 1]) -> f64| {
        bootstrap_interval([&x], statistic, &bootstrap, &mut rng).expect_err("refused").to_string()
    };
    let few = Bootstrap::new().with_resamples(10);
    assert_eq!(refused(few.with_resamples(0), iqm), "resamples is 0, it must be at least 1");
    for confidence in [0.0, 1.0, f64::NAN] {
        assert!(refused(few.with_confidence(confidence), iqm).starts_with("confidence is"));
    }
    assert_eq!(refused(few, |_| f64::NAN), "the statistic of resample 0 is NaN");
}
