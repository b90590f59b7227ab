//! What several test files need.
#![allow(dead_code, reason = "no file needs all of it")]

use gradus_core_math::{Real, Stream};
use gradus_policy::{Activation, MlpConfig};
use rand::RngExt;

/// y = f_θ(x) for one row, in f64, from the definition.
pub(crate) fn reference(config: &MlpConfig, theta: &[f64], x: &[f64]) -> Vec<f64> {
    let outputs = config.heads.iter().map(|h| h.width).sum();
    let widths: Vec<usize> = config.hidden.iter().copied().chain([outputs]).collect();
    let mut values = x.to_vec();
    let mut theta = theta;
    for (l, &width) in widths.iter().enumerate() {
        let (weight, rest) = theta.split_at(values.len() * width);
        let (bias, rest) = rest.split_at(width);
        let mut next = bias.to_vec();
        for (i, v) in values.iter().enumerate() {
            for (j, n) in next.iter_mut().enumerate() {
                *n += v * weight[i * width + j];
            }
        }
        if l + 1 < widths.len() {
            for n in &mut next {
                *n = match config.activation {
                    Activation::Identity => *n,
                    Activation::Tanh => n.tanh(),
                    Activation::Relu => n.max(0.0),
                };
            }
        }
        values = next;
        theta = rest;
    }
    values
}

/// Uniform numbers within ±`scale`.
pub(crate) fn random<T: Real>(length: usize, scale: f64, index: u64) -> Vec<T> {
    let mut rng = Stream::new(11, "test", index);
    (0..length).map(|_| T::of(scale * (2.0 * rng.random::<f64>() - 1.0))).collect()
}

pub(crate) fn wide<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|v| v.wide()).collect()
}

/// |a − b| ≤ tolerance · (1 + |b|), and NaN nowhere.
pub(crate) fn assert_close<T: Real>(ours: &[T], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a.wide() - b).abs() <= tolerance * (1.0 + b.abs()),
            "{what}, element {i}: {a} instead of {b}"
        );
    }
}

/// The numbers' bits, so that NaN equals itself and −0 is not 0.
pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.wide() * b.wide()).sum()
}

/// Central differences with step 1e-6 of `f` at `theta` in every parameter, one row of the Jacobian's transpose
/// after the other.
pub(crate) fn jacobian_transposed(theta: &[f64], mut f: impl FnMut(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
    let step = 1e-6;
    let mut moved = theta.to_vec();
    (0..theta.len())
        .map(|i| {
            moved[i] = theta[i] + step;
            let above = f(&moved);
            moved[i] = theta[i] - step;
            let below = f(&moved);
            moved[i] = theta[i];
            above.iter().zip(&below).map(|(a, b)| (a - b) / (2.0 * step)).collect()
        })
        .collect()
}

/// Whether `f` panics.
pub(crate) fn panics<R>(f: impl FnOnce() -> R) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err()
}
