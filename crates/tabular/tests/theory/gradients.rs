//! The policy gradient, the Fisher information and the natural gradient of the softmax policy.

use gradus_tabular::bounds::kl;
use gradus_tabular::{DiscountedMdp, Evaluation, Garnet, SoftmaxPolicy};
use nalgebra::DMatrix;
use proptest::prelude::*;

use crate::common::{Case, cases, distance};

fn softmax(mdp: &DiscountedMdp, logits: &[f64]) -> SoftmaxPolicy {
    SoftmaxPolicy::new(mdp.n_actions(), logits.to_vec()).expect("logits")
}

fn evaluate(mdp: &DiscountedMdp, policy: &SoftmaxPolicy) -> Evaluation {
    mdp.evaluate(&policy.table()).expect("an evaluation")
}

/// The central difference of f in each logit.
fn differences(logits: &[f64], step: f64, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = logits.to_vec();
    let mut slope = |i: usize| {
        moved[i] = logits[i] + step;
        let above = f(&moved);
        moved[i] = logits[i] - step;
        let below = f(&moved);
        moved[i] = logits[i];
        (above - below) / (2.0 * step)
    };
    (0..logits.len()).map(&mut slope).collect()
}

proptest! {
    /// ∇η = ρ π A is the derivative of η.
    #[test]
    fn policy_gradient(case in cases(4, 0.9), scale in 0.1..2.0_f64) {
        let (mdp, logits) = (case.mdp(), case.numbers("logits", scale));
        let policy = softmax(&mdp, &logits);
        let found = policy.gradient(&evaluate(&mdp, &policy));
        let slopes = differences(&logits, 1e-5, |logits| evaluate(&mdp, &softmax(&mdp, logits)).eta);
        let tolerance = 1e-8 / (1.0 - mdp.gamma()).powi(2);
        prop_assert!(distance(&found, &slopes) < tolerance, "{found:?} and {slopes:?}");
    }

    /// Σ_a π(a|s) ∇log π(a|s) = 0, and so does any function of the state times it; the score is the derivative of log π.
    #[test]
    fn the_score_has_mean_zero(case in cases(4, 0.9), scale in 0.1..4.0_f64) {
        let (mdp, logits) = (case.mdp(), case.numbers("logits", scale));
        let policy = softmax(&mdp, &logits);
        let table = policy.table();
        for state in 0..mdp.n_states() {
            let mut mean = vec![0.0; logits.len()];
            for (action, pi) in table.row(state).iter().enumerate() {
                let score = policy.score(state, action);
                mean.iter_mut().zip(&score).for_each(|(m, x)| *m += pi * x);
                let log_prob = |logits: &[f64]| softmax(&mdp, logits).table().row(state)[action].ln();
                prop_assert!(distance(&score, &differences(&logits, 1e-5, log_prob)) < 1e-8);
            }
            prop_assert!(mean.iter().all(|m| m.abs() < 1e-14), "{mean:?}");
        }
    }

    /// F is the Hessian of the mean of KL(π_θ‖π_θ′) in θ′.
    #[test]
    fn fisher_information_is_the_hessian_of_the_kl(case in cases(3, 0.9), scale in 0.1..2.0_f64) {
        let (mdp, logits) = (case.mdp(), case.numbers("logits", scale));
        let policy = softmax(&mdp, &logits);
        let evaluation = evaluate(&mdp, &policy);
        let total: f64 = evaluation.visitation.iter().sum();
        let old = policy.table();
        let mean_kl = |logits: &[f64]| -> f64 {
            let new = softmax(&mdp, logits).table();
            let rows = old.rows().zip(new.rows()).zip(&evaluation.visitation);
            rows.map(|((p, q), rho)| rho / total * kl(p, q)).sum()
        };
        let fisher = policy.fisher_matrix(&evaluation);
        let n = logits.len();
        // Where θ′ = θ + t v, the mean KL is ½ t² vᵀFv; random v see all of F.
        for i in 0..4 {
            let v = case.numbers(&format!("direction {i}"), 1.0);
            let product: f64 =
                (0..n * n).map(|cell| v[cell / n] * fisher[cell] * v[cell % n]).sum();
            let moved = |t: f64| -> Vec<f64> { logits.iter().zip(&v).map(|(x, v)| x + t * v).collect() };
            let second = (mean_kl(&moved(1e-3)) + mean_kl(&moved(-1e-3))) / 1e-6;
            prop_assert!((second - product).abs() < 1e-5, "{second} and {product}");
        }
    }

    /// F x = ∇η for the natural gradient, in closed form, and it is the solution of least norm.
    #[test]
    fn natural_gradient(case in cases(4, 0.9), scale in 0.1..2.0_f64) {
        let (mdp, logits) = (case.mdp(), case.numbers("logits", scale));
        let policy = softmax(&mdp, &logits);
        let evaluation = evaluate(&mdp, &policy);
        let (n, natural) = (logits.len(), policy.natural_gradient(&evaluation));
        let fisher = policy.fisher_matrix(&evaluation);
        let product: Vec<f64> =
            (0..n).map(|i| (0..n).map(|j| fisher[i * n + j] * natural[j]).sum()).collect();
        let gradient = policy.gradient(&evaluation);
        prop_assert!(distance(&product, &gradient) < 1e-12 / (1.0 - mdp.gamma()).powi(2));
        // Orthogonal to what F does not see: the same number on all logits of a state.
        for row in natural.chunks_exact(mdp.n_actions()) {
            prop_assert!(row.iter().sum::<f64>().abs() < 1e-11 / (1.0 - mdp.gamma()).powi(2));
        }
    }
}

/// The closed form against the pseudo-inverse of the dense F.
#[test]
fn natural_gradient_by_the_pseudo_inverse() {
    for seed in 0..20 {
        let garnet = Garnet { n_states: 4, n_actions: 3, branching: 4, termination: 0.1 };
        let case = Case { seed, garnet, gamma: 0.9 };
        let (mdp, logits) = (case.mdp(), case.numbers("logits", 1.0));
        let policy = softmax(&mdp, &logits);
        let evaluation = evaluate(&mdp, &policy);
        let n = logits.len();
        let fisher = DMatrix::from_row_slice(n, n, &policy.fisher_matrix(&evaluation));
        let inverse = fisher.pseudo_inverse(1e-10).expect("a pseudo-inverse");
        let solved = inverse * DMatrix::from_column_slice(n, 1, &policy.gradient(&evaluation));
        let natural = policy.natural_gradient(&evaluation);
        assert!(distance(solved.as_slice(), &natural) < 1e-8, "{solved} and {natural:?}");
    }
}

/// Gradients as they are often written, and not those of η: with a ρ that sums to one, with Q for A but without the mean
/// of the score that makes the two equal, with undiscounted visits.
#[test]
fn wrong_gradients_are_told_apart() {
    let garnet = Garnet { n_states: 4, n_actions: 3, branching: 2, termination: 0.2 };
    let case = Case { seed: 5, garnet, gamma: 0.8 };
    let (mdp, logits) = (case.mdp(), case.numbers("logits", 1.0));
    let policy = softmax(&mdp, &logits);
    let evaluation = evaluate(&mdp, &policy);
    let slopes = differences(&logits, 1e-5, |logits| evaluate(&mdp, &softmax(&mdp, logits)).eta);
    assert!(distance(&policy.gradient(&evaluation), &slopes) < 1e-8);
    let total: f64 = evaluation.visitation.iter().sum();
    let of = |change: &dyn Fn(&mut Evaluation)| {
        let mut wrong = evaluation.clone();
        change(&mut wrong);
        distance(&policy.gradient(&wrong), &slopes)
    };
    assert!(of(&|e| e.visitation.iter_mut().for_each(|rho| *rho /= total)) > 1e-2);
    assert!(of(&|e| e.advantages = e.action_values.clone()) > 1e-2);
    let undiscounted = DiscountedMdp::new(mdp.table().clone(), 1.0 - 1e-9).expect("a process");
    let visits = evaluate(&undiscounted, &policy).visitation;
    assert!(of(&|e| e.visitation = visits.clone()) > 1e-2);
}
