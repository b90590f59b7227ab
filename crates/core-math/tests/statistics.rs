//! Running moments, statistics, vectors and schedules.

mod common;

use common::{assert_all_close, assert_close, close};
use gradus_core_math::{
    KlAdaptiveRate, RunningMoments, Schedule, ScheduleError, axpy, dot, explained_variance, mean, median,
    norm, standard_deviation,
};
use proptest::prelude::*;

fn moments_of(rows: &[[f32; 2]]) -> RunningMoments {
    let mut moments = RunningMoments::new(2);
    rows.iter().for_each(|row| moments.push(row));
    moments
}

/// Mean and population variance in two passes.
fn two_passes(rows: &[[f32; 2]], i: usize) -> (f64, f64) {
    let column: Vec<f64> = rows.iter().map(|row| f64::from(row[i])).collect();
    let center = column.iter().sum::<f64>() / column.len() as f64;
    (center, column.iter().map(|x| (x - center).powi(2)).sum::<f64>() / column.len() as f64)
}

fn check_moments(moments: &RunningMoments, rows: &[[f32; 2]]) {
    assert_eq!(moments.count(), rows.len() as u64);
    for i in 0..2 {
        let (center, variance) = two_passes(rows, i);
        assert_close("mean", moments.mean()[i], center, 1e-13, 1.0);
        assert_close("variance", moments.variance()[i], variance, 1e-10, 1e-3);
    }
}

proptest! {
    /// Moments of two parts merged are the moments of both together, wherever the cut, and near or far from 0.
    #[test]
    fn merged_moments_are_those_of_the_concatenation(
        rows in prop::collection::vec((-1.0..1.0f32, -1.0..1.0f32), 1..60), cut in 0..60usize,
        offset in prop_oneof![Just(0.0f32), Just(1e4)],
    ) {
        let rows: Vec<[f32; 2]> = rows.iter().map(|&(x, y)| [x + offset, y - offset]).collect();
        let (head, tail) = rows.split_at(cut.min(rows.len()));
        let mut merged = moments_of(head);
        merged.merge(&moments_of(tail));
        check_moments(&merged, &rows);
        check_moments(&moments_of(&rows), &rows);
    }
}

/// Values near 1e7 with deviation 1: the sum of squares less the square of the sum has no digit left in
/// `f32`, and ten fewer than this tolerance asks for in `f64`.
#[test]
fn moments_far_from_zero_keep_their_digits() {
    let rows: Vec<[f32; 2]> = (0..1000).map(|i| [1e7 + (i % 3) as f32, (i % 3) as f32]).collect();
    let moments = moments_of(&rows);
    assert_close("variance", moments.variance()[0], two_passes(&rows, 0).1, 1e-8, 1.0);
    let n = rows.len() as f64;
    let sum: f64 = rows.iter().map(|row| f64::from(row[0])).sum();
    let squares: f64 = rows.iter().map(|row| f64::from(row[0]).powi(2)).sum();
    let slip = squares / n - (sum / n).powi(2);
    assert!(!close(slip, two_passes(&rows, 0).1, 1e-6, 1.0), "{slip}");
}

#[test]
fn rows_are_normalised() {
    let mut moments = RunningMoments::new(2);
    let mut out = [0.0; 2];
    moments.normalize(&[0.5, -20.0], 0.0, 10.0, &mut out);
    assert_eq!(out.map(f32::to_bits), [0.5f32, -10.0].map(f32::to_bits), "the identity at first");
    // Means 2 and 10, variances 1 and 0.
    moments = moments_of(&[[1.0, 10.0], [3.0, 10.0]]);
    moments.normalize(&[4.0, 10.5], 0.25, 100.0, &mut out);
    assert_close("x", f64::from(out[0]), 2.0 / 1.25f64.sqrt(), 1e-7, 1.0);
    assert_close("constant", f64::from(out[1]), 0.5 / 0.5, 1e-7, 1.0);
    moments.normalize(&[f32::NAN, -1e6], 1e-8, 5.0, &mut out);
    assert!(out[0].is_nan());
    assert_close("clipped", f64::from(out[1]), -5.0, 0.0, 1.0);
}

#[test]
fn moments_survive_serialisation() {
    let moments = moments_of(&[[0.1, 0.2], [0.3, 0.7], [1.0 / 3.0, -5.0]]);
    let text = serde_json::to_string(&moments).expect("they serialise");
    assert_eq!(serde_json::from_str::<RunningMoments>(&text).expect("and load"), moments);
    assert!(serde_json::from_str::<RunningMoments>(r#"{"count":1,"mean":[0.0],"squares":[]}"#).is_err());
}

#[test]
fn statistics_of_small_sets() {
    let values = [1.0f32, 4.0, 2.0, 9.0];
    assert_close("mean", mean(&values), 4.0, 1e-15, 1.0);
    // Squared deviations 9, 0, 4, 25; dividing by n − 1 would give √(38/3).
    assert_close("deviation", standard_deviation(&values), 9.5f64.sqrt(), 1e-15, 1.0);
    assert_close("median", median(&values), 3.0, 1e-15, 1.0);
    assert_close("median", median(&values[..3]), 2.0, 1e-15, 1.0);
    let none: [f32; 0] = [];
    assert!(mean(&none).is_nan() && standard_deviation(&none).is_nan() && median(&none).is_nan());
    assert!(median(&[1.0, f64::NAN, 2.0]).is_nan());
}

#[test]
fn explained_variance_compares_variances() {
    let target = [1.0, 2.0, 3.0, 6.0];
    // Residuals 0.5, −0.5, 0.5, −0.5 of variance 0.25 against 3.5.
    let value = explained_variance(&[0.5, 2.5, 2.5, 6.5], &target);
    assert_close("value", value, 1.0 - 0.25 / 3.5, 1e-15, 1.0);
    // A constant offset explains all the same: this is not 1 − MSE/Var.
    assert_close("offset", explained_variance(&[11.0, 12.0, 13.0, 16.0], &target), 1.0, 1e-15, 1.0);
    assert!(explained_variance(&[1.0, 2.0], &[3.0, 3.0]).is_nan());
}

#[test]
fn vectors_add_up() {
    let x: Vec<f32> = (0..21).map(|i| i as f32).collect();
    let y: Vec<f32> = (0..21).map(|i| 1.0 - i as f32).collect();
    // Σ i (1 − i) = 210 − 2870.
    assert_close("dot", dot(&x, &y), -2660.0, 0.0, 1.0);
    assert_close("norm", norm(&[3.0f32, 4.0]), 5.0, 0.0, 1.0);
    // In f32, 2^24 + 1 is 2^24.
    let long = [4096.0f32, 1.0, 1.0, 1.0];
    assert_close("wide", dot(&long, &long), 16_777_219.0, 0.0, 1.0);
    let mut sum = [1.0, 2.0];
    axpy(-2.0, &[1.0, 3.0], &mut sum);
    assert_all_close("axpy", &sum, &[-1.0, -4.0], 0.0, 1.0);
}

#[test]
fn schedules_hit_their_ends() {
    let linear = Schedule::Linear { start: 0.3, end: 0.1 };
    for (progress, expected) in [(-1.0, 0.3), (0.0, 0.3), (1.0, 0.1), (2.0, 0.1)] {
        assert_close("end", linear.at(progress), expected, 0.0, 1.0);
    }
    assert_close("between", linear.at(0.25), 0.25, 1e-15, 1.0);
    assert_close("constant", Schedule::from(0.3).at(0.7), 0.3, 0.0, 1.0);
    let read: Schedule = serde_json::from_str(r#"{"linear":{"start":0.3,"end":0.1}}"#).expect("it loads");
    assert_eq!(read, linear);
}

#[test]
fn the_rate_follows_the_kl() {
    let rule = KlAdaptiveRate::new(0.01).expect("valid");
    for (kl, expected) in [
        (0.0201, 1e-3 / 1.5),
        (0.02, 1e-3),
        (0.01, 1e-3),
        (0.005, 1e-3),
        (0.0049, 1.5e-3),
        (0.0, 1e-3),
        (f64::NAN, 1e-3),
    ] {
        assert_close(&format!("after {kl}"), rule.next_rate(1e-3, kl), expected, 1e-15, 1e-9);
    }
    assert_close("lower bound", rule.next_rate(1.1e-5, 1.0), 1e-5, 0.0, 1.0);
    assert_close("upper bound", rule.next_rate(0.9e-2, 1e-5), 1e-2, 0.0, 1.0);
    let narrow = rule.with_bounds(9e-4, 1.1e-3).expect("valid");
    assert_close("own bounds", narrow.next_rate(1e-3, 1.0), 9e-4, 0.0, 1.0);
    assert!(matches!(KlAdaptiveRate::new(f64::NAN), Err(ScheduleError::Target(_))));
    assert!(matches!(rule.with_bounds(0.1, 0.01), Err(ScheduleError::Bounds { .. })));
    assert!(serde_json::from_str::<KlAdaptiveRate>(r#"{"kl_target":-1.0}"#).is_err());
    assert_eq!(serde_json::from_str::<KlAdaptiveRate>(r#"{"kl_target":0.01}"#).expect("valid"), rule);
}
