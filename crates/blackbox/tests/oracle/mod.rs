//! One step of CMA-ES straight from the tutorial's equations 41 to 47: from the candidates x rather than the draws z, with
//! an explicit C^−½ that comes from matrix inverses rather than eigenvectors, and whole outer products.

#![allow(dead_code, reason = "one test file needs the step, another the norm")]

use gradus_blackbox::StrategyParameters;
use nalgebra::{DMatrix, DVector};

/// A mistake that the tests are to reject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Variant {
    Right,
    /// c_1 without the 2 in its numerator.
    RankOneWithoutTwo,
    /// h_σ is always 1.
    NeverStalled,
    /// A stalled path takes its variance from C.
    StalledWithoutCompensation,
    /// p_σ from C ⟨y⟩ in place of C^−½ ⟨y⟩.
    PathWithCovariance,
    /// p_σ from ⟨y⟩.
    PathUnwhitened,
    /// The highest values count as best.
    Ascent,
    /// Weights below 0 without the factor n/‖C^−½ y‖².
    NegativeUnscaled,
    /// 1 − c_1 − c_μ in place of 1 − c_1 − c_μ Σ w.
    DecayWithoutWeights,
    /// μ_eff is left out of both paths.
    PathsWithoutMuEff,
    /// The rank-μ update with steps that are not divided by σ.
    StepsTimesSigma,
    /// The step size without its damping.
    Undamped,
}

pub(crate) const WRONG: [Variant; 11] = [
    Variant::RankOneWithoutTwo,
    Variant::NeverStalled,
    Variant::StalledWithoutCompensation,
    Variant::PathWithCovariance,
    Variant::PathUnwhitened,
    Variant::Ascent,
    Variant::NegativeUnscaled,
    Variant::DecayWithoutWeights,
    Variant::PathsWithoutMuEff,
    Variant::StepsTimesSigma,
    Variant::Undamped,
];

/// m, σ, p_σ, p_c and C.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) mean: DVector<f64>,
    pub(crate) step_size: f64,
    pub(crate) path_sigma: DVector<f64>,
    pub(crate) path_c: DVector<f64>,
    pub(crate) covariance: DMatrix<f64>,
}

/// E‖N(0,1)‖ as the integral of r^n e^(−r²/2) over that of r^(n−1) e^(−r²/2), by Simpson's rule.
pub(crate) fn expected_norm(n: usize) -> f64 {
    let (steps, end) = (4_000, 10.0 + 2.0 * (n as f64).sqrt());
    let h = end / steps as f64;
    // Divided by its maximum, so that large powers stay in range.
    let peak = (n as f64).sqrt();
    let power = |r: f64| if n == 1 { 0.0 } else { (n as f64 - 1.0) * (r / peak).ln() };
    let density = |r: f64| (power(r) - 0.5 * (r * r - peak * peak)).exp();
    let simpson = |f: &dyn Fn(f64) -> f64| -> f64 {
        (0..=steps)
            .map(|i| {
                let weight = if i == 0 || i == steps {
                    1.0
                } else if i % 2 == 1 {
                    4.0
                } else {
                    2.0
                };
                weight * f(h * i as f64)
            })
            .sum()
    };
    simpson(&|r| r * density(r)) / simpson(&density)
}

/// C^−½ by the iteration of Denman & Beavers.
pub(crate) fn inverse_root(c: &DMatrix<f64>) -> DMatrix<f64> {
    let (mut y, mut z) = (c.clone(), DMatrix::identity(c.nrows(), c.nrows()));
    for _ in 0..40 {
        let next = 0.5 * (&y + z.clone().try_inverse().expect("an inverse"));
        z = 0.5 * (&z + y.try_inverse().expect("an inverse"));
        y = next;
    }
    z
}

/// The next state. `candidates` have the `values`, which are minimised, and were drawn with the root of `drawn_with`;
/// `diagonal` keeps the diagonal of C alone.
pub(crate) fn step(
    old: &State,
    candidates: &[DVector<f64>],
    values: &[f64],
    p: &StrategyParameters,
    (generation, drawn_with, diagonal): (usize, &DMatrix<f64>, bool),
    variant: Variant,
) -> State {
    let n = old.mean.len() as f64;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    if variant == Variant::Ascent {
        order.reverse();
    }
    let c_1 = if variant == Variant::RankOneWithoutTwo { 0.5 * p.c_1 } else { p.c_1 };
    let mu = p.parents();
    let mu_eff = if variant == Variant::PathsWithoutMuEff { 1.0 } else { p.mu_eff() };

    let weighted = |mean: DVector<f64>, i: usize| mean + p.weights[i] * &candidates[order[i]];
    let mean = (0..mu).fold(DVector::zeros(old.mean.len()), weighted);
    let mean_step = (&mean - &old.mean) / old.step_size;

    let whitening = inverse_root(drawn_with);
    let white = match variant {
        Variant::PathWithCovariance => drawn_with * &mean_step,
        Variant::PathUnwhitened => mean_step.clone(),
        _ => &whitening * &mean_step,
    };
    let path_sigma =
        (1.0 - p.c_sigma) * &old.path_sigma + (p.c_sigma * (2.0 - p.c_sigma) * mu_eff).sqrt() * white;
    let started = 1.0 - (1.0 - p.c_sigma).powi(2 * generation as i32);
    let long = path_sigma.norm_squared() / n / started >= 2.0 + 4.0 / (n + 1.0);
    let h = f64::from(!long || variant == Variant::NeverStalled);
    let path_c = (1.0 - p.c_c) * &old.path_c + h * (p.c_c * (2.0 - p.c_c) * mu_eff).sqrt() * mean_step;

    let given_back =
        if variant == Variant::StalledWithoutCompensation { 0.0 } else { (1.0 - h) * p.c_c * (2.0 - p.c_c) };
    let sum = if variant == Variant::DecayWithoutWeights { 1.0 } else { p.weights.iter().sum() };
    let mut covariance =
        (1.0 + c_1 * given_back - c_1 - p.c_mu * sum) * &old.covariance + c_1 * &path_c * path_c.transpose();
    for (&weight, &candidate) in p.weights.iter().zip(&order) {
        let mut y = &candidates[candidate] - &old.mean;
        if variant != Variant::StepsTimesSigma {
            y /= old.step_size;
        }
        let scale = if weight < 0.0 && variant != Variant::NegativeUnscaled {
            n / (&whitening * &y).norm_squared()
        } else {
            1.0
        };
        covariance += p.c_mu * weight * scale * &y * y.transpose();
    }
    if diagonal {
        covariance = DMatrix::from_diagonal(&covariance.diagonal());
    }
    let damping = if variant == Variant::Undamped { 1.0 } else { p.d_sigma };
    let growth = p.c_sigma / damping * (path_sigma.norm() / expected_norm(old.mean.len()) - 1.0);
    State { mean, step_size: old.step_size * growth.min(1.0).exp(), path_sigma, path_c, covariance }
}
