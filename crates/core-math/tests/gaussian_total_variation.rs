//! The Gaussian's total variation against quadrature of ½ ∫|p − q|.

mod common;

use common::{assert_close, close};
use gradus_core_math::Distribution;

/// The trapezium rule on [−60, 60]; the kinks of |p − q| leave an error of the order of the step squared.
fn quadrature(p: &[f64], q: &[f64]) -> f64 {
    let family = Distribution::DiagGaussian { dim: 1 };
    let step = 1e-3;
    let density = |params: &[f64], x: f64| family.log_prob(params, None, &[x]).exp();
    let term = |i: i32| (density(p, f64::from(i) * step) - density(q, f64::from(i) * step)).abs();
    0.5 * step * (-60_000..=60_000).map(term).sum::<f64>()
}

fn exact(p: &[f64], q: &[f64]) -> f64 {
    let family = Distribution::DiagGaussian { dim: p.len() / 2 };
    family.total_variation(p, q, None).expect("has a closed form")
}

#[test]
fn in_one_dimension() {
    for (p, q) in [
        ([0.0, 0.0], [1.0, 0.0]),
        ([0.3, -0.5], [-1.0, 0.7]),
        ([-1.0, 0.7], [0.3, -0.5]),
        ([0.0, 0.0], [0.0, 1.5]),
        ([5.0, 0.1], [-5.0, 0.4]),
        ([0.2, 0.100_01], [0.3, 0.1]),
        ([0.2, 0.1], [0.2, 0.1]),
    ] {
        // Several steps cross a kink, whose slope is below 2.
        assert_close(&format!("{p:?} {q:?}"), exact(&p, &q), quadrature(&p, &q), 1e-6, 1.0);
    }
    // A slip: the formula for equal deviations with their mean put in.
    let (p, q) = ([0.3, -0.5], [-1.0, 0.7]);
    let slip = exact(&[0.3, 0.1], &[-1.0, 0.1]);
    assert!(!close(slip, exact(&p, &q), 1e-4, 1.0));
}

/// The two closed forms meet: deviations that differ by less and less approach the formula for equal ones.
#[test]
fn is_continuous_at_equal_deviations() {
    for (difference, bound) in [(1e-3, 1e-3), (1e-6, 1e-6), (1e-9, 1e-9), (1e-13, 1e-13), (1e-16, 1e-15)] {
        for mean in [0.0, 1e-8, 0.4, 3.0] {
            let limit = exact(&[0.0, 0.0], &[mean, 0.0]);
            let value = exact(&[0.0, 0.0], &[mean, difference]);
            assert!((value - limit).abs() <= bound, "{value} {limit} at {difference} {mean}");
        }
    }
}

/// Dimensions in which p and q agree do not matter; equal deviations only see the distance ‖(μ_p − μ_q)/σ‖.
#[test]
fn in_more_dimensions() {
    let (p, q) = ([0.3, 1.0, -0.5, 2.0], [-1.0, 1.0, 0.7, 2.0]);
    assert_close("one differs", exact(&p, &q), exact(&[0.3, -0.5], &[-1.0, 0.7]), 1e-15, 1.0);
    let log_std = 2f64.ln();
    let (p, q) = ([0.0, 0.0, 0.0, log_std], [3.0, 8.0, 0.0, log_std]);
    assert_close("distance 5", exact(&p, &q), exact(&[0.0, 0.0], &[5.0, 0.0]), 1e-15, 1.0);
}
