//! Sums over flat vectors, accumulated in `f64` in a fixed order.

use crate::Real;

/// Independent partial sums, so that the loop over a long vector vectorises; their number is part of the
/// result's rounding and must not depend on the machine.
const LANES: usize = 8;

/// Σ_i x_i y_i in `f64`.
///
/// The order of summation is fixed: eight interleaved partial sums, then their sum in pairs.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub fn dot<T: Real>(x: &[T], y: &[T]) -> f64 {
    assert_eq!(x.len(), y.len(), "vectors of one dot product have one length");
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let (y_chunks, y_rest) = y.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x.wide() * y.wide();
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *lane += x.wide() * y.wide();
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// ‖x‖ = √Σ x_i², accumulated in `f64` as in [`dot`].
pub fn norm<T: Real>(x: &[T]) -> f64 {
    dot(x, x).sqrt()
}

/// y += a · x.
///
/// # Panics
/// If the lengths differ.
pub fn axpy<T: Real>(a: T, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "vectors of one sum have one length");
    for (y, &x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
