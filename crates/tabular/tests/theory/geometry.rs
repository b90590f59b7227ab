//! Distance in parameters is not distance in behaviour, and the natural gradient does not care how a policy is written.

use gradus_core_math::Distribution;
use gradus_tabular::bounds::kl;
use gradus_tabular::{Garnet, SoftmaxPolicy};
use nalgebra::{DMatrix, DVector};

use crate::common::{Case, distance, softmax};

/// The same step of the parameters changes a policy by much, by little, or not at all; and the same change of the policy
/// takes steps of very different lengths.
#[test]
fn distance_in_parameters_is_not_distance_in_behaviour() {
    let change = |from: f64, to: f64| kl(softmax(2, &[0.0, from]).row(0), softmax(2, &[0.0, to]).row(0));
    // A logit one greater, from evenly matched actions and from decided ones.
    assert!(change(0.0, 1.0) > 0.1 && change(12.0, 13.0) < 1e-5);
    // All logits twenty greater: the same policy.
    let (here, there) = (softmax(3, &[0.1, -0.4, 2.0]), softmax(3, &[20.1, 19.6, 22.0]));
    assert!(kl(here.row(0), there.row(0)) < 1e-30);
    // A Gaussian's mean by 0.1: with σ = 10 nobody notices, with σ = 0.01 it is another policy.
    let gaussian = Distribution::DiagGaussian { dim: 1 };
    let moved = |sigma: f64| gaussian.kl(&[0.0, sigma.ln()], &[0.1, sigma.ln()], None);
    assert!((moved(10.0) - 5e-5).abs() < 1e-15 && (moved(0.01) - 50.0).abs() < 1e-9);
}

/// The KL between two policies is the same however they are written; the distance of their parameters is not. Logits in
/// other coordinates, θ = B φ.
#[test]
fn the_kl_is_invariant_and_the_norm_is_not() {
    let b = DMatrix::from_row_slice(3, 3, &[3.0, 1.0, 0.0, 0.0, 0.2, 1.0, 1.0, 0.0, 2.0]);
    let inverse = b.clone().try_inverse().expect("a regular matrix");
    let (theta, moved) = (DVector::from_vec(vec![0.3, -1.0, 0.4]), DVector::from_vec(vec![0.5, -0.7, 0.0]));
    let (phi, phi_moved) = (&inverse * &theta, &inverse * &moved);
    let policy = |logits: &DVector<f64>| softmax(3, logits.as_slice());
    let direct = kl(policy(&theta).row(0), policy(&moved).row(0));
    let other = kl(policy(&(&b * &phi)).row(0), policy(&(&b * &phi_moved)).row(0));
    assert!((direct - other).abs() < 1e-14 && direct > 1e-3, "{direct} and {other}");
    assert!(((&theta - &moved).norm() - (&phi - &phi_moved).norm()).abs() > 0.1);
}

/// Polar coordinates: the Fisher information of a Gaussian with mean (r cos φ, r sin φ) and unit variance is
/// diag(1, r²), which is also the Hessian of its KL.
#[test]
fn the_metric_of_polar_coordinates() {
    let gaussian = Distribution::DiagGaussian { dim: 2 };
    let mean = |r: f64, phi: f64| [r * phi.cos(), r * phi.sin(), 0.0, 0.0];
    for (r, phi) in [(0.5, 0.3), (2.0, -1.0), (7.0, 2.5)] {
        let jacobian = jacobian(r, phi);
        let mut fisher = [[0.0; 2]; 2];
        for (j, row) in fisher.iter_mut().enumerate() {
            let tangent = [jacobian[(0, j)], jacobian[(1, j)], 0.0, 0.0];
            let mut product = [0.0; 4];
            gaussian.fisher_vector(&mean(r, phi), None, &tangent, &mut product);
            for (i, entry) in row.iter_mut().enumerate() {
                *entry = jacobian[(0, i)] * product[0] + jacobian[(1, i)] * product[1];
            }
        }
        let expected = [[1.0, 0.0], [0.0, r * r]];
        for (row, expected) in fisher.iter().zip(&expected) {
            assert!(distance(row, expected) < 1e-12 * r.max(1.0).powi(2), "{fisher:?}");
        }
        let step = 1e-4;
        let second = |dr: f64, dphi: f64| {
            let from = mean(r, phi);
            let sides = [1.0, -1.0].map(|sign| mean(r + sign * dr, phi + sign * dphi));
            sides.iter().map(|to| gaussian.kl(&from, to, None)).sum::<f64>() / (step * step)
        };
        assert!((second(step, 0.0) - 1.0).abs() < 1e-6);
        assert!((second(0.0, step) - r * r).abs() < 1e-6 * r * r);
        // The Euclidean metric, which plain gradient ascent takes for granted, is wrong by r².
        assert!((r * r - 1.0).abs() > 0.5);
    }
}

/// ∂(x, y)/∂(r, φ).
fn jacobian(r: f64, phi: f64) -> DMatrix<f64> {
    DMatrix::from_row_slice(2, 2, &[phi.cos(), -r * phi.sin(), phi.sin(), r * phi.cos()])
}

/// A step of the natural gradient is the same step in Cartesian and in polar coordinates; one of the gradient is not.
#[test]
fn the_natural_gradient_is_the_same_in_polar_coordinates() {
    for (r, phi) in [(0.5_f64, 0.3_f64), (3.0, -1.0)] {
        // Of any function, by its Cartesian gradient; the metric there is the identity.
        let gradient = DMatrix::from_column_slice(2, 1, &[1.0, -2.0]);
        let j = jacobian(r, phi);
        let polar = j.transpose() * &gradient;
        let metric = DMatrix::from_diagonal(&DVector::from_vec(vec![1.0, r * r]));
        let natural = &j * metric.try_inverse().expect("r > 0") * &polar;
        assert!(distance(natural.as_slice(), gradient.as_slice()) < 1e-12, "{natural}");
        let plain = &j * &polar;
        assert!(distance(plain.as_slice(), gradient.as_slice()) > 0.3, "{plain}");
    }
}

/// Softmax logits in other coordinates, θ = B φ, on a whole process: F_φ = BᵀFB and g_φ = Bᵀg, and B F_φ⁺ g_φ moves the
/// policy as F⁺g does. The gradient itself moves it elsewhere.
#[test]
fn the_natural_gradient_is_the_same_in_other_logits() {
    for seed in 0..10 {
        let garnet = Garnet { n_states: 3, n_actions: 3, branching: 3, termination: 0.1 };
        let case = Case { seed, garnet, gamma: 0.9 };
        let mdp = case.mdp();
        let policy = SoftmaxPolicy::new(3, case.numbers("logits", 1.0)).expect("logits");
        let evaluation = mdp.evaluate(&policy.table()).expect("an evaluation");
        let n = policy.logits().len();
        let fisher = DMatrix::from_row_slice(n, n, &policy.fisher_matrix(&evaluation));
        let gradient = DMatrix::from_column_slice(n, 1, &policy.gradient(&evaluation));
        let b = DMatrix::identity(n, n) + DMatrix::from_fn(n, n, |i, j| wave(seed, i, j));
        let in_phi = (b.transpose() * &fisher * &b).pseudo_inverse(1e-9).expect("a pseudo-inverse");
        let natural = &b * in_phi * b.transpose() * &gradient;
        let plain = &b * b.transpose() * &gradient;

        // How a step of the logits moves the policy: dπ(a|s) = π(a|s) (x(s, a) − Σ_b π(b|s) x(s, b)).
        let table = policy.table();
        let behaviour = |step: &[f64]| -> Vec<f64> {
            let rows = table.rows().zip(step.chunks_exact(3));
            rows.flat_map(|(pi, x)| {
                let mean: f64 = pi.iter().zip(x).map(|(p, x)| p * x).sum();
                pi.iter().zip(x).map(move |(p, x)| p * (x - mean)).collect::<Vec<_>>()
            })
            .collect()
        };
        let expected = behaviour(&policy.natural_gradient(&evaluation));
        let size = expected.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        assert!(distance(&behaviour(natural.as_slice()), &expected) < 1e-6 * size, "seed {seed}");
        let direct = behaviour(gradient.as_slice());
        let size = direct.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        assert!(distance(&behaviour(plain.as_slice()), &direct) > 0.1 * size, "seed {seed}");
    }
}

/// Numbers within ±0.3 without a pattern that matters.
fn wave(seed: u64, i: usize, j: usize) -> f64 {
    0.3 * (1.7 * (seed as f64) + 2.3 * i as f64 + 3.1 * j as f64).sin()
}
