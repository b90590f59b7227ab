//! The inner problem of Algorithm 1 against searches that know nothing of its solution.

mod common;

use common::cases;
use gradus_tabular::bounds::{PenaltyFactors, kl, max_abs_advantage, max_kl_old_new, policy_advantage};
use gradus_tabular::{Evaluation, PolicyTable, best_response, penalized_maximum};
use proptest::prelude::*;

/// L − C max_s KL, but for the constant η(π_old).
fn objective(old: &PolicyTable, evaluation: &Evaluation, penalty: f64, new: &PolicyTable) -> f64 {
    // Without a penalty an infinite KL costs nothing.
    policy_advantage(evaluation, new) - if penalty > 0.0 { penalty * max_kl_old_new(old, new) } else { 0.0 }
}

/// Evaluations by hand, for problems without a process behind them: only ρ and A are read.
fn problem(n_actions: usize, rho: &[f64], advantages: &[f64]) -> Evaluation {
    let tables = gradus_tabular::Tables {
        n_states: rho.len(),
        n_actions,
        transitions: identity(rho.len(), n_actions),
        rewards: vec![0.0; rho.len() * n_actions],
        initial: uniform(rho.len()),
        terminal: Vec::new(),
    };
    let mdp = tables.discounted(0.0).expect("a process");
    let mut evaluation = mdp.evaluate(&mdp.uniform_policy()).expect("an evaluation");
    evaluation.visitation.copy_from_slice(rho);
    evaluation.advantages.copy_from_slice(advantages);
    evaluation
}

fn identity(n_states: usize, n_actions: usize) -> Vec<f64> {
    let row = |s: usize| (0..n_states).map(move |next| if next == s { 1.0 } else { 0.0 });
    (0..n_states).flat_map(|s| (0..n_actions).flat_map(move |_| row(s))).collect()
}

fn uniform(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

/// The greatest value over a grid on [0, 1]², refined around the best cell until it is tiny: for concave functions.
fn refined_maximum(f: impl Fn(f64, f64) -> f64) -> f64 {
    const CELLS: i32 = 40;
    let (mut center, mut half) = ((0.5, 0.5), 0.5_f64);
    let mut best = f64::NEG_INFINITY;
    while half > 1e-10 {
        let at =
            |i: i32, center: f64| (center + half * f64::from(i) / f64::from(CELLS)).clamp(1e-12, 1.0 - 1e-12);
        let mut found = (f64::NEG_INFINITY, center);
        for i in -CELLS..=CELLS {
            for j in -CELLS..=CELLS {
                let x = (at(i, center.0), at(j, center.1));
                let value = f(x.0, x.1);
                if value > found.0 {
                    found = (value, x);
                }
            }
        }
        (best, center) = (best.max(found.0), found.1);
        half *= 0.5;
    }
    best
}

/// Two states of two actions: every policy is a point of the unit square.
#[test]
fn no_point_of_the_square_is_better() {
    // ρ, π_old, A, C.
    type Problem = ([f64; 2], [f64; 4], [f64; 4], f64);
    let cases: [Problem; 5] = [
        ([1.0, 2.0], [0.5, 0.5, 0.5, 0.5], [1.0, -1.0, -0.3, 0.3], 10.0),
        ([3.0, 0.5], [0.9, 0.1, 0.2, 0.8], [-0.1, 0.9, 0.4, -0.1], 4.0),
        ([3.0, 0.0], [0.9, 0.1, 0.2, 0.8], [-0.1, 0.9, 0.4, -0.1], 4.0),
        ([0.2, 0.3], [0.99, 0.01, 0.5, 0.5], [-0.02, 1.98, 0.0, 0.0], 1.0),
        ([1.0, 1.0], [0.3, 0.7, 0.6, 0.4], [0.7, -0.3, -0.2, 0.3], 0.05),
    ];
    for (rho, old, advantages, penalty) in cases {
        let old = PolicyTable::new(2, old.to_vec()).expect("a policy");
        let evaluation = problem(2, &rho, &advantages);
        let value = |x: f64, y: f64| {
            let new = PolicyTable::new(2, vec![x, 1.0 - x, y, 1.0 - y]).expect("a policy");
            objective(&old, &evaluation, penalty, &new)
        };
        let found = penalized_maximum(&old, &evaluation, penalty);
        let ours = objective(&old, &evaluation, penalty, &found.policy);
        let searched = refined_maximum(value);
        assert!(ours >= searched - 1e-12, "{ours} is less than {searched}");
        assert!(ours <= searched + 1e-8, "the search missed {ours}, it found {searched}");
        // Half and twice the budget are worse: the outer search matters.
        for factor in [0.5, 2.0] {
            let rows = old.rows().zip(evaluation.advantage_rows());
            let table =
                rows.flat_map(|(pi, a)| best_response(pi, a, factor * found.kl_budget).policy).collect();
            let other = PolicyTable::new(2, table).expect("a policy");
            assert!(objective(&old, &evaluation, penalty, &other) < ours - 0.01 * ours.abs());
        }
    }
}

/// Tilting by exp(A/λ), the answer for the KL in the other direction, and a step along the advantages, are no
/// solutions.
#[test]
fn wrong_solutions_are_worse() {
    let old = PolicyTable::new(3, vec![0.7, 0.2, 0.1]).expect("a policy");
    let evaluation = problem(3, &[2.0], &[-0.3, 0.5, 1.1]);
    let penalty = 2.0;
    let ours = objective(&old, &evaluation, penalty, &penalized_maximum(&old, &evaluation, penalty).policy);
    let best_of = |family: fn(f64, f64, f64) -> f64| {
        let value = |scale: f64| {
            let raw: Vec<f64> =
                old.row(0).iter().zip(&evaluation.advantages).map(|(p, a)| family(*p, *a, scale)).collect();
            let sum: f64 = raw.iter().sum();
            let new = PolicyTable::new(3, raw.iter().map(|x| x / sum).collect()).expect("a policy");
            objective(&old, &evaluation, penalty, &new)
        };
        (1..4000).map(|i| value(f64::from(i) * 1e-3)).fold(f64::NEG_INFINITY, f64::max)
    };
    let reciprocal = best_of(|p, a, scale| p / (1.0 + scale * (1.1 - a)));
    assert!(reciprocal <= ours && reciprocal > ours - 1e-5, "{reciprocal} and {ours}");
    let tilted = best_of(|p, a, scale| p * (scale * a).exp());
    assert!(tilted < ours - 1e-3, "{tilted} and {ours}");
    let linear = best_of(|p, a, scale| p * (1.0 + scale * a).max(1e-9));
    assert!(linear < ours - 1e-3, "{linear} and {ours}");
}

/// Of all distributions within the budget none gains more, and none gains as much with less.
fn check_response(old: &[f64], advantages: &[f64], budget: f64, others: &[f64]) -> Result<(), TestCaseError> {
    let response = best_response(old, advantages, budget);
    let sum: f64 = response.policy.iter().sum();
    prop_assert!((sum - 1.0).abs() < 1e-14 && response.policy.iter().all(|p| *p > 0.0));
    let spent = kl(old, &response.policy);
    prop_assert!(
        (spent - response.kl_old_new).abs() <= 1e-8 * budget,
        "{spent}, not {}",
        response.kl_old_new
    );
    prop_assert!((spent - budget).abs() <= 1e-8 * budget, "{spent} of {budget}");
    let gain =
        |new: &[f64]| -> f64 { new.iter().zip(old).zip(advantages).map(|((q, p), a)| (q - p) * a).sum() };
    // Towards any other distribution, as far as the budget goes.
    for other in others.chunks_exact(old.len()) {
        let sum: f64 = other.iter().map(|x| x.exp()).sum();
        let mix = |share: f64| -> Vec<f64> {
            old.iter().zip(other).map(|(p, x)| (1.0 - share) * p + share * x.exp() / sum).collect()
        };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if kl(old, &mix(middle)) <= budget { low = middle } else { high = middle }
        }
        prop_assert!(gain(&mix(low)) <= response.gain * (1.0 + 1e-9), "{other:?}");
    }
    // λ is the slope of the gain in the budget, as far as rounding leaves one.
    let step = 1e-4 * budget;
    let (above, below) = (budget + step, budget - step);
    let difference = best_response(old, advantages, above).gain - best_response(old, advantages, below).gain;
    let slope = difference / (2.0 * step);
    let tolerance = 1e-5 * slope.abs() + 1e-15 / step;
    prop_assert!((slope - response.multiplier).abs() <= tolerance, "{slope} and {}", response.multiplier);
    Ok(())
}

proptest! {
    #[test]
    fn nothing_within_the_budget_gains_more(
        case in cases(1, 0.0),
        log_budget in -16.0..0.0_f64,
        others in proptest::collection::vec(-4.0..4.0_f64, 40),
    ) {
        let (old, advantages) = (case.policy("policy", 3.0), case.numbers("advantages", 1.0));
        // With one action there is nothing to choose.
        if case.garnet.n_actions > 1 {
            check_response(old.row(0), &advantages, log_budget.exp(), &others)?;
        }
    }

    /// M is concave, so that a point from which every direction leads down is its maximum. Directions to random
    /// policies, near and far, and to each policy that is certain.
    #[test]
    fn every_direction_leads_down(case in cases(4, 0.95), scale in 0.1..6.0_f64) {
        let (mdp, old) = (case.mdp(), case.policy("policy", scale));
        let evaluation = mdp.evaluate(&old).expect("an evaluation");
        let penalty = PenaltyFactors::new(max_abs_advantage(&evaluation), mdp.gamma()).kl;
        let found = penalized_maximum(&old, &evaluation, penalty);
        let ours = objective(&old, &evaluation, penalty, &found.policy);
        prop_assert!(ours >= -1e-12);
        for i in 0..20 {
            let other = if i < 12 { case.policy(&format!("{i}"), 3.0) } else { case.certain_policy(&format!("{i}")) };
            for share in [1e-6, 1e-4, 1e-2, 0.5] {
                let value = objective(&old, &evaluation, penalty, &found.policy.mixed_with(&other, share));
                prop_assert!(value <= ours + 1e-13, "{value} at {share} is more than {ours}");
            }
        }
    }
}

/// Budgets over many orders of magnitude, and policies near certainty, where digits are easily lost.
#[test]
fn extreme_budgets_and_probabilities() {
    for rare in [1e-3, 1e-8, 1e-15, 1e-100] {
        let old = [1.0 - 2.0 * rare, rare, rare];
        for exponent in [-30, -20, -10, -5, -1] {
            let budget = 10.0_f64.powi(exponent);
            for advantages in [[0.0, -1.0, -0.5], [0.0, 1.0, -0.5]] {
                let response = best_response(&old, &advantages, budget);
                assert!(
                    response.policy.iter().all(|p| *p > 0.0 && *p <= 1.0),
                    "{rare} {budget} {response:?}"
                );
                assert!(response.kl_old_new <= budget * (1.0 + 1e-12), "{rare} {budget} {response:?}");
                // All of it is spent, unless that would take probabilities beyond the range of numbers.
                let most = -2.0 * rare * (1e-300 / rare).ln();
                let spent = response.kl_old_new >= budget * (1.0 - 1e-12);
                assert!(spent || budget > 0.3 * most, "{rare} {budget} {response:?}");
                assert!(response.gain >= 0.0 && response.multiplier >= 0.0);
            }
        }
    }
    // Where nothing is to be gained, nothing changes.
    let same = best_response(&[0.25, 0.75], &[3.0, 3.0], 0.1);
    assert_eq!(same.policy, [0.25, 0.75]);
    // An action that is never taken stays so, however good it is.
    let without = best_response(&[0.5, 0.5, 0.0], &[0.0, 1.0, 9.0], 0.1);
    assert!(without.policy[2].abs() < 1e-300 && without.policy[1] > 0.5);
}

/// Without a penalty the greedy policy is best; where all advantages are zero, the old one stays.
#[test]
fn no_penalty_and_no_gain() {
    let old = PolicyTable::uniform(1, 3);
    let free = penalized_maximum(&old, &problem(3, &[1.0], &[0.1, 0.2, -0.3]), 0.0);
    assert_eq!(free.policy.chosen(0), Some(1));
    let nothing = penalized_maximum(&old, &problem(3, &[1.0], &[0.0; 3]), 5.0);
    assert_eq!(nothing.policy, old);
}
