//! Linear solves against the sums over time that they stand for.

mod common;

use common::{Case, cases, distance, rounding, task};
use gradus_tabular::{DiscountedMdp, PolicyTable};
use proptest::prelude::*;

/// How the sums over time are taken; the wrong ways have to give something else.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Right,
    /// The discount is one step ahead: r_t counts γ^{t+1}.
    DiscountAhead,
    /// What follows an end of the episode counts as well.
    EndsIgnored,
    /// The reward for the state alone, of its first action.
    RewardOfState,
}

/// V by the definition, Σ_t γ^t E[r_t], step by step through the table as it is, until γ^t is nothing.
fn values_over_time(mdp: &DiscountedMdp, policy: &PolicyTable, way: Way) -> Vec<f64> {
    let (table, gamma) = (mdp.table(), mdp.gamma());
    let one_start = |start: usize| {
        let mut probability = vec![0.0; table.n_states()];
        probability[start] = 1.0;
        let mut weight = if way == Way::DiscountAhead { gamma } else { 1.0 };
        let mut value = 0.0;
        while weight > 1e-16 {
            let mut next = vec![0.0; table.n_states()];
            for (s, p) in probability.iter().enumerate() {
                for (a, pi) in policy.row(s).iter().enumerate() {
                    let of = if way == Way::RewardOfState { 0 } else { a };
                    value += weight * p * pi * table.expected_reward(s, of);
                    for t in table.transitions(s, a) {
                        let goes_on = !t.terminated || way == Way::EndsIgnored;
                        next[t.next_state] += if goes_on { p * pi * t.probability } else { 0.0 };
                    }
                }
            }
            probability = next;
            weight *= gamma;
        }
        value
    };
    (0..table.n_states()).map(one_start).collect()
}

/// ρ by the definition, Σ_t γ^t P(s_t = s).
fn visitation_over_time(mdp: &DiscountedMdp, policy: &PolicyTable) -> Vec<f64> {
    let mut probability = mdp.initial().to_vec();
    let mut rho = vec![0.0; mdp.n_states()];
    let mut weight = 1.0;
    while weight > 1e-16 {
        let mut next = vec![0.0; mdp.n_states()];
        for (s, p) in probability.iter().enumerate() {
            rho[s] += weight * p;
            for (a, pi) in policy.row(s).iter().enumerate() {
                for t in mdp.table().transitions(s, a).iter().filter(|t| !t.terminated) {
                    next[t.next_state] += p * pi * t.probability;
                }
            }
        }
        probability = next;
        weight *= mdp.gamma();
    }
    rho
}

fn check(mdp: &DiscountedMdp, policy: &PolicyTable) -> Result<(), TestCaseError> {
    let e = mdp.evaluate(policy).expect("an evaluation");
    let scale = 1.0 / (1.0 - mdp.gamma());
    let values = values_over_time(mdp, policy, Way::Right);
    let greatest = values.iter().fold(1.0, |max: f64, v| max.max(v.abs()));
    prop_assert!(distance(&e.values, &values) < 1e-13 * scale * greatest, "{:?}, not {values:?}", e.values);
    let rho = visitation_over_time(mdp, policy);
    prop_assert!(distance(&e.visitation, &rho) < 1e-13 * scale * scale, "{:?}, not {rho:?}", e.visitation);
    // Σρ counts the steps, discounted: all of them where nothing ends.
    let total: f64 = e.visitation.iter().sum();
    prop_assert!(total <= scale * (1.0 + 1e-12));
    let ends = |s, a| mdp.table().transitions(s, a).iter().any(|t| t.terminated);
    if !(0..mdp.n_states()).any(|s| (0..mdp.n_actions()).any(|a| ends(s, a))) {
        prop_assert!((total - scale).abs() <= 1e-12 * scale);
    }
    // η both ways, and the mean advantage of the policy itself.
    let paid: f64 = (0..mdp.n_states())
        .map(|s| {
            e.visitation[s]
                * (0..mdp.n_actions())
                    .map(|a| policy.row(s)[a] * mdp.rewards()[s * mdp.n_actions() + a])
                    .sum::<f64>()
        })
        .sum();
    prop_assert!((paid - e.eta).abs() <= 1e-12 * scale * greatest);
    for (pi, a) in policy.rows().zip(e.advantage_rows()) {
        let mean: f64 = pi.iter().zip(a).map(|(p, a)| p * a).sum();
        prop_assert!(mean.abs() <= 1e-12 * greatest, "{mean}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn values_and_visitation_are_sums_over_time(case in cases(6, 0.95)) {
        check(&case.mdp(), &case.policy("policy", 2.0))?;
        check(&case.mdp(), &case.certain_policy("policy"))?;
    }
}

#[test]
fn named_tasks() {
    for name in ["FrozenLake-v1", "FrozenLakeNoSlip-v1", "CliffWalking-v1"] {
        let mdp = task(name, 0.95);
        check(&mdp, &mdp.uniform_policy()).expect(name);
        check(&mdp, &mdp.optimum().expect("an optimum").policy).expect(name);
    }
}

/// A hundredth of the effect is far above the tolerance of `check`.
#[test]
fn wrong_sums_are_told_apart() {
    let garnet = gradus_tabular::Garnet { n_states: 5, n_actions: 3, branching: 2, termination: 0.2 };
    let case = Case { seed: 7, garnet, gamma: 0.9 };
    let (mdp, policy) = (case.mdp(), case.policy("policy", 1.0));
    let values = mdp.evaluate(&policy).expect("an evaluation").values;
    for way in [Way::DiscountAhead, Way::EndsIgnored, Way::RewardOfState] {
        let wrong = values_over_time(&mdp, &policy, way);
        assert!(distance(&values, &wrong) > 1e-2, "{values:?} and {wrong:?}");
    }
}

/// Bellman's equations of the optimum, Q* from below by any policy, and the known optimum of the cliff.
#[test]
fn optima() {
    for (name, gamma) in
        [("FrozenLake-v1", 0.99), ("FrozenLake8x8-v1", 0.99), ("CliffWalking-v1", 0.9), ("Taxi-v4", 0.99)]
    {
        let mdp = task(name, gamma);
        let optimum = mdp.optimum().expect("an optimum");
        let e = &optimum.evaluation;
        let greatest = e.values.iter().fold(1.0, |max: f64, v| max.max(v.abs()));
        for (v, best) in e.values.iter().zip(e.greatest_advantages()) {
            assert!(best.abs() <= 1e-11 * greatest, "{name}: {best} beside {v}");
        }
        let uniform = mdp.evaluate(&mdp.uniform_policy()).expect("an evaluation");
        assert!(uniform.values.iter().zip(&e.values).all(|(v, best)| *v <= best + rounding(*best)), "{name}");
    }
}
