//! Vectors: derivatives by differences, and how far apart two are.

/// ∇f by central differences of order 4; for functions of size 1 accurate to about 1e-11.
pub(crate) fn gradient_of(theta: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let h = 1e-3;
    let mut theta = theta.to_vec();
    (0..theta.len())
        .map(|j| {
            let at = theta[j];
            let mut shifted = |by: f64| {
                theta[j] = at + by;
                let value = f(&theta);
                theta[j] = at;
                value
            };
            let near = shifted(h) - shifted(-h);
            let far = shifted(2.0 * h) - shifted(-2.0 * h);
            (8.0 * near - far) / (12.0 * h)
        })
        .collect()
}

/// The largest |a − b|, as a share of the largest |b|.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0.0, |m: f64, b| m.max(b.abs()));
    a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs())) / largest
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
