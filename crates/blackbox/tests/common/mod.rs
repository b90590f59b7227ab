//! What the tests share: functions to minimise, golden files, comparisons.

#![allow(dead_code, reason = "every test file uses a part of it")]

use gradus_core_math::Stream;
use gradus_policy::Search;
use serde_json::Value;

/// Σ x².
pub(crate) fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

/// Σ 10^(6 i/(n−1)) x_i²: condition number 1e6 along the axes.
pub(crate) fn ellipsoid(x: &[f64]) -> f64 {
    let last = (x.len() - 1) as f64;
    x.iter().enumerate().map(|(i, x)| 10_f64.powf(6.0 * i as f64 / last) * x * x).sum()
}

/// Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)²: a curved valley.
pub(crate) fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum()
}

/// Σ 10 + x² − 10 cos 2πx: a local minimum near every grid point.
pub(crate) fn rastrigin(x: &[f64]) -> f64 {
    x.iter().map(|x| 10.0 + x * x - 10.0 * (std::f64::consts::TAU * x).cos()).sum()
}

pub(crate) fn function(name: &str) -> fn(&[f64]) -> f64 {
    match name {
        "sphere" => sphere,
        "ellipsoid" => ellipsoid,
        "rosenbrock" => rosenbrock,
        "rastrigin" => rastrigin,
        other => panic!("there is no function {other}"),
    }
}

/// The returns of `candidates` where `f` is to be minimised.
pub(crate) fn returns(candidates: &[f64], dimension: usize, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    candidates.chunks_exact(dimension).map(|x| -f(x)).collect()
}

/// One generation of `search` on `f`; the lowest value of it.
pub(crate) fn minimise(search: &mut impl Search, random: &mut Stream, f: impl Fn(&[f64]) -> f64) -> f64 {
    let n = search.dimension();
    let returns = returns(search.ask(random), n, f);
    search.tell(&returns).expect("finite values");
    -returns.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

pub(crate) fn random(seed: u64) -> Stream {
    Stream::new(seed, "search", 0)
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(number).collect()
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

pub(crate) fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a count")).expect("a small one")
}

/// The largest of |a − b|/max(1, largest |b|).
pub(crate) fn distance(ours: &[f64], golden: &[f64]) -> f64 {
    assert_eq!(ours.len(), golden.len());
    let scale = golden.iter().fold(1.0, |largest: f64, b| largest.max(b.abs()));
    ours.iter().zip(golden).fold(0.0, |far: f64, (a, b)| far.max((a - b).abs() / scale))
}

/// |a − b| ≤ tolerance · max(1, |b|) for every pair.
pub(crate) fn assert_close(ours: &[f64], golden: &[f64], tolerance: f64, what: &str) {
    let far = distance(ours, golden);
    assert!(far <= tolerance, "{what}: {far} apart, {tolerance} allowed\n{ours:?}\n{golden:?}");
}
