//! Initial weights.

use gradus_core_math::{Real, Stream};
use rand::distr::Distribution;
use rand_distr::StandardNormal;

/// Writes a random matrix with orthonormal rows or columns, whichever there are fewer of, times `gain`, into
/// the columns `columns` of the row-major `weight` `[rows, stride]`.
///
/// The matrix is the Q of a Gaussian matrix, by Gram–Schmidt done twice, and so uniform over such matrices
/// (Saxe, McClelland & Ganguli 2014).
///
/// # Panics
/// When the columns are not within the stride.
pub fn orthogonal<T: Real>(
    weight: &mut [T],
    stride: usize,
    columns: std::ops::Range<usize>,
    gain: f64,
    rng: &mut Stream,
) {
    let rows = weight.len() / stride;
    let (few, many) = (rows.min(columns.len()), rows.max(columns.len()));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(few);
    while basis.len() < few {
        let mut vector: Vec<f64> = (0..many).map(|_| StandardNormal.sample(rng)).collect();
        for _ in 0..2 {
            for earlier in &basis {
                let along = dot(earlier, &vector);
                for (x, e) in vector.iter_mut().zip(earlier) {
                    *x -= along * e;
                }
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        // A Gaussian vector lies in the span of the earlier ones with probability zero.
        if norm > 1e-9 {
            vector.iter_mut().for_each(|x| *x /= norm);
            basis.push(vector);
        }
    }
    for (i, row) in weight.chunks_exact_mut(stride).enumerate() {
        for (j, w) in row[columns.clone()].iter_mut().enumerate() {
            let unit = if rows <= columns.len() { basis[i][j] } else { basis[j][i] };
            *w = T::of(gain * unit);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
